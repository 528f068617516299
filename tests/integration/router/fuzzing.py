"""One fuzz run beside good calls: a process sends bad SIP from every face's address, and everything that comes out is read strictly."""

from __future__ import annotations

import base64
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any

from tests.integration.router.rig import Rig
from tests.integration.router.story import NUMBER, TOKEN, inbound, outbound, second_headers, second_leg
from tests.support.fuzz_sender import MARK
from tests.support.sender import sending
from tests.support.sip_fuzz import Fuzz
from tests.support.sip_peer import Dialog, Message, SipPeer, tag_of
from tests.support.sip_strict import faults, split

GOOD = b"+447700900123"
"""The caller of good calls; the corpus has another one, so that nobody takes the one for the other."""
BAD = b"+447700900666"


@dataclass(slots=True)
class Watch:
    """What the three peers were sent: everything is read strictly, what belongs to no good call is answered by itself."""

    media: str
    faults: list[str] = field(default_factory=list)
    relayed: int = 0
    mutates: bool = True

    def stand_at(self, peer: SipPeer, seed: int, reply: bytes) -> None:
        peer.intercept = partial(self._take, peer, Random(seed), Fuzz(seed, [reply]))

    def _take(self, peer: SipPeer, chance: Random, replies: Fuzz, data: bytes) -> bool:
        wrong = faults(data, self.media)
        if wrong:
            self.faults.append(f"{peer.address}: {wrong[0]} in {data[:400]!r}")
        if not wrong and (GOOD in data or data.startswith(b"OPTIONS sip:127.81.0.")):
            return False
        self.relayed += 1
        if data.startswith((b"SIP/2.0", b"ACK ")):
            return True
        for status in (180, 486) if data.startswith(b"INVITE ") else (200,):
            answer = _answer(data, status)
            if self.mutates and chance.random() < 0.3:
                # A reply is mutated too, and then said again as it should be.
                peer.send_bytes(replies.mutated(answer))
            peer.send_bytes(answer)
        return True


def _answer(request: bytes, status: int) -> bytes:
    _, headers, _ = split(request)
    kept = {"via", "record-route", "from", "to", "call-id", "cseq"}
    lines = [f"SIP/2.0 {status} Fuzz"]
    for name, value in headers:
        if name in kept:
            lines.append(f"{name}: {value}" + (";tag=fuzz" if name == "to" and ";tag=" not in value else ""))
    return "\r\n".join([*lines, MARK.decode(), "Content-Length: 0", "", ""]).encode(
        "utf-8", "surrogateescape"
    )


def corpus(rig: Rig) -> list[tuple[str, bytes]]:
    """(source address, message) of two whole stories, in and out, as the three peers said them; the calls are left up."""
    said: list[tuple[str, bytes]] = []
    for peer in rig.peers:
        send = peer.send
        peer.send = partial(_note, said, peer.address, send)  # type: ignore[method-assign]
    try:
        for call in (inbound, outbound):
            story = call(rig)
            story.secure()
            story.restore()
            for side in (story.carrier, story.platform, story.partner_agent, story.partner_customer):
                methods = ("INFO", "UPDATE", "OPTIONS", "REFER", "NOTIFY", "BYE")
                said += [(side.peer.address, side.text(method)) for method in methods]
            rig.fresh()
    finally:
        for peer in rig.peers:
            del peer.send
    return [(address, message.replace(GOOD, BAD)) for address, message in said]


def _note(said: list[tuple[str, bytes]], address: str, send: Any, message: str) -> None:
    said.append((address, message.encode()))
    send(message)


def _until_heard(say: Callable[[], object], hear: Callable[[float], Message]) -> Message:
    """Says it again each second until it is heard, as any UDP peer does (RFC 3261 17.1): a flood may drown a datagram."""
    for _ in range(3):
        say()
        with suppress(AssertionError):
            return hear(1.0)
    say()
    return hear(1.0)


def _ask(near: Dialog, method: str, hear: Callable[[float], Message], **more: Any) -> tuple[int, Message]:
    """A request, and as what it was heard; its CSeq."""
    cseq, branch = near.cseq + 1, f"z9hG4bK{secrets.token_hex(8)}"
    near.cseq = cseq
    return cseq, _until_heard(partial(near.request, method, cseq=cseq, branch=branch, **more), hear)


def good_call(rig: Rig) -> float:
    """One call through both legs and its end; milliseconds from the carrier's INVITE to its 200."""
    carrier = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
    started = time.monotonic()
    asked = partial(rig.partner.expect_request, "INVITE")
    first, leg1 = _ask(carrier, "INVITE", asked, sdp=rig.customer_media.sdp())
    partner_customer, partner_agent = Dialog.of(rig.partner, leg1), second_leg(rig, leg1)
    asked = partial(rig.platform.expect_request, "INVITE")
    headers = second_headers(leg1, TOKEN)
    second, leg2 = _ask(partner_agent, "INVITE", asked, sdp=leg1.body, headers=headers)
    platform = Dialog.of(rig.platform, leg2)
    answer2 = _until_heard(
        partial(platform.reply, leg2, 200, sdp=rig.agent_media.sdp()),
        lambda wait_s: partner_agent.answered(second, timeout_s=wait_s),
    )
    final = _until_heard(
        partial(partner_customer.reply, leg1, 200, sdp=answer2.body),
        lambda wait_s: carrier.answered(first, timeout_s=wait_s),
    )
    took = (time.monotonic() - started) * 1000
    assert (answer2.status, final.status) == (200, 200)
    assert tag_of(final.get("To")) == partner_customer.tag
    _until_heard(partial(carrier.ack, first), partial(partner_customer.incoming, "ACK"))
    _until_heard(partial(partner_agent.ack, second), partial(platform.incoming, "ACK"))
    _hang_up(carrier, partner_customer)
    _hang_up(partner_agent, platform)
    return took


def _hang_up(near: Dialog, far: Dialog) -> None:
    cseq, bye = _ask(near, "BYE", partial(far.incoming, "BYE"))
    ended = _until_heard(partial(far.reply, bye, 200), partial(near.answered, cseq, "BYE"))
    assert ended.status == 200


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes of shared memory in use, and of each process's own; how many transactions lie in the shared one."""

    shared: int
    private: dict[int, int]
    transactions: int

    @classmethod
    def of(cls, rig: Rig) -> Memory:
        private = {entry["pid"]: int(entry["used"]) for entry in rig.rpc("pkg.stats")}
        shared = int(rig.rpc("core.shmmem")["used"])
        # Not `current`: that is 0 up to eight seconds (wt_timer) before the memory of the last ones is free, 13 KB each.
        told = rig.rpc("tm.stats")
        return cls(shared, private, int(told["created"]) - int(told["freed"]))

    @property
    def largest(self) -> int:
        return max(self.private.values())


def settled(rig: Rig, timeout_s: float = 15) -> Memory:
    """Memory once no transaction lies in it, or as it is when time is up. (The probes of three destinations lie there eight seconds
    out of ten.)"""
    deadline = time.monotonic() + timeout_s
    while (memory := Memory.of(rig)).transactions and time.monotonic() < deadline:
        time.sleep(0.2)
    return memory


def never_short(rig: Rig) -> None:
    """A router without memory refuses what it should relay, and so nothing of it is measured."""
    shared = rig.rpc("core.shmmem")
    assert int(shared["max_used"]) < 0.9 * int(shared["total"]), "shared memory was full"


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one run."""

    sent: int
    seconds: float
    silent: int
    probes_ms: list[float]
    faults: list[str]
    relayed: int
    calls_ms: list[float]


def told(rig: Rig, watch: Watch) -> float:
    """A good call; if it fails, the error says what every peer heard last and what was malformed."""
    try:
        return good_call(rig)
    except AssertionError as error:
        for peer in rig.peers:
            last = [f"{message.start} ({message.get('CSeq')})" for message in peer.heard[-6:]]
            error.add_note(f"{peer.address} heard last: {', '.join(last)}")
        error.add_note("malformed: " + "; ".join(watch.faults))
        raise


def percentile(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def calls_for(rig: Rig, seconds: float, pause_s: float = 0.02) -> list[float]:
    """Good calls one after the other for so long."""
    took, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        took.append(good_call(rig))
        time.sleep(pause_s)
    return took


def unaffected(beside_good: list[float], beside_bad: list[float]) -> None:
    """Good calls beside bad messages, against those beside as many good ones in the same process: that a router which is asked a
    thousand things a second has less time for a call is not what is looked for."""
    was, now = percentile(beside_good, 0.5), percentile(beside_bad, 0.5)
    assert now < 2 * was + 50, (
        f"a good call takes {now:.0f} ms beside bad messages, {was:.0f} ms beside good ones"
    )
    repeated = sum(took > 1000 for took in beside_bad)
    assert repeated <= 1 + len(beside_bad) // 10, (
        f"{repeated} of {len(beside_bad)} good calls waited for a repetition"
    )


def run(rig: Rig, said: list[tuple[str, bytes]], *, count: int, seed: int, good: bool = False) -> Result:
    """Send `count` bad (or good) messages while good calls are made one after the other."""
    media = str(rig.deployment.edges[0].media)
    watch = Watch(media, mutates=not good)
    for place, peer in enumerate(rig.peers):
        watch.stand_at(peer, seed + 100 + place, b"")
    job = {
        "good": good,
        "seed": seed,
        "count": count,
        "edge": list(rig.kamailio.sip),
        "media": media,
        "corpus": [(address, base64.b64encode(message).decode()) for address, message in said],
    }
    calls: list[float] = []
    try:
        with sending("tests.support.fuzz_sender", job) as sender:
            while sender.sends:
                calls.append(told(rig, watch))
                time.sleep(0.02)
            came = sender.result()
    finally:
        for peer in rig.peers:
            peer.intercept = None
    return Result(
        sent=came["sent"], seconds=came["seconds"], silent=came["silent"], probes_ms=came["probes_ms"],
        faults=[*watch.faults, *came["faults"]], relayed=watch.relayed, calls_ms=calls,
    )  # fmt: skip
