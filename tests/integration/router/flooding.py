"""A flood of calls from a known peer that nobody answers: what it costs the router, and what becomes of good calls beside it."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from tests.integration.router.fuzzing import _ask, _until_heard
from tests.integration.router.rig import Rig
from tests.integration.router.story import NUMBER, Leg, Story, second_headers, second_leg
from tests.support.flood_sender import NAME
from tests.support.sender import sending
from tests.support.sip_peer import Dialog, Message, SipPeer

CALLER = "+447700900666"
"""Of a call that belongs to the flood."""
PORT = 6060


Body = Literal["sdp", "large sdp", "large multipart", "large, no offer"]
LARGE = 11_500
"""Bytes of a body that just passes (`limits.cfg`)."""


def invite(rig: Rig, body: Body) -> bytes:
    """The carrier's INVITE for `flood_sender`. A large body is filled with what the router passes on."""
    sdp, kind = rig.customer_media.sdp(), "application/sdp"
    filler = "a=x:" + "y" * 200 + "\r\n"
    room = (LARGE - len(sdp) - 300) // len(filler)
    if body == "large sdp":
        sdp += filler * room
    elif body == "large multipart":
        kind = "multipart/mixed;boundary=part"
        other = f"Content-Type: application/pidf+xml\r\n\r\n<presence>{filler * room}</presence>"
        sdp = f"--part\r\nContent-Type: application/sdp\r\n\r\n{sdp}\r\n--part\r\n{other}\r\n--part--\r\n"
    elif body == "large, no offer":
        kind, sdp = "application/pidf+xml", f"<presence>{filler * room}</presence>"
    host, name = f"{rig.carrier.host}:{PORT}", NAME.decode()
    lines = [
        f"INVITE sip:{NUMBER}@{rig.kamailio.sip[0]} SIP/2.0", f"Via: SIP/2.0/UDP {host};branch=z9hG4bK{name}",
        f"From: <sip:{CALLER}@{rig.carrier.host}>;tag={name}", f"To: <sip:{NUMBER}@{rig.kamailio.sip[0]}>",
        f"Call-ID: {name}@{rig.carrier.host}", "CSeq: 1 INVITE", f"Contact: <sip:peer@{host}>", "Max-Forwards: 60",
        f"Content-Type: {kind}", f"Content-Length: {len(sdp)}", "", sdp,
    ]  # fmt: skip
    return "\r\n".join(lines).encode()


@dataclass(slots=True)
class Unanswered:
    """Partner and platform as they meet the flood: the partner says 100 and, with `halves = 2`, opens the second half, which rings."""

    rig: Rig
    halves: int = 1
    firsts: int = 0
    seconds: int = 0
    ringing: list[tuple[SipPeer, bytes]] = field(default_factory=list)

    def stand(self) -> None:
        self.rig.partner.intercept = partial(self._take, self.rig.partner)
        self.rig.platform.intercept = partial(self._take, self.rig.platform)

    def leave(self) -> None:
        self.rig.partner.intercept = self.rig.platform.intercept = None

    def refuse(self) -> None:
        """Everything that rings is over: its memory comes back eight seconds later."""
        for peer, request in self.ringing:
            peer.send_bytes(_answer(request, 486))
            time.sleep(0.001)
        self.ringing.clear()

    def _take(self, peer: SipPeer, data: bytes) -> bool:
        if CALLER.encode() not in data:
            return False
        if not data.startswith(b"INVITE "):
            return True
        peer.send_bytes(_answer(data, 100))
        self.ringing.append((peer, data))
        if peer is self.rig.platform:
            self.seconds += 1
            peer.send_bytes(_answer(data, 180))
            return True
        self.firsts += 1
        if self.halves == 2:
            request = Message.parse(data)
            back = second_leg(self.rig, request)
            back.request("INVITE", sdp=request.body, headers=second_headers(request, "tok-flood"))
        return True


def _answer(request: bytes, status: int) -> bytes:
    """Cheap: the sender of the flood is a process of its own, who hears it is the test."""
    kept = (b"via:", b"record-route:", b"from:", b"to:", b"call-id:", b"cseq:")
    lines = [
        line + b";tag=flood" if status > 100 and line.lower().startswith(b"to:") else line
        for line in request.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]
        if line.lower().startswith(kept)
    ]
    return b"\r\n".join([b"SIP/2.0 %d Flood" % status, *lines, b"Content-Length: 0", b"", b""])


class Patient(Story):
    """Says everything again each second until it is heard, as any UDP peer does: a flood drowns datagrams."""

    __slots__ = ()

    def move(self, leg: Leg, sdp: str) -> str:
        near, far = self.near(leg), self.far(leg)
        cseq, request = _ask(near, "INVITE", partial(_incoming, far, "INVITE"), sdp=sdp)
        self._seen(leg, request.body)
        answer = self.far_media(leg).answer(request.body, self.next_version())
        final = _until_heard(partial(far.reply, request, 200, sdp=answer), partial(_answered, near, cseq))
        assert final.status == 200, final.start
        _until_heard(partial(near.ack, cseq), partial(_incoming, far, "ACK"))
        return final.body


def _incoming(dialog: Dialog, method: str, wait_s: float) -> Message:
    return dialog.incoming(method, wait_s)


def _answered(dialog: Dialog, cseq: int, wait_s: float) -> Message:
    return dialog.answered(cseq, timeout_s=wait_s)


@dataclass(slots=True)
class Sent:
    """What the sender says at its end."""

    sent: int = 0
    seconds: float = 0.0
    answers: dict[str, int] = field(default_factory=dict)


@contextmanager
def flood(rig: Rig, message: bytes, *, rate: float) -> Iterator[Sent]:
    """It goes on as long as the block does; what it sent and heard is told afterwards."""
    job = {
        "source": [rig.carrier.address, PORT], "edge": list(rig.kamailio.sip), "rate": rate,
        "invite": base64.b64encode(message).decode(),
    }  # fmt: skip
    told = Sent()
    with sending("tests.support.flood_sender", job) as sender:
        try:
            yield told
        finally:
            sender.terminate()
        result = sender.result()
    told.sent, told.seconds, told.answers = result["sent"], result["seconds"], result["answers"]


@dataclass(slots=True)
class LowestFree:
    """The least free shared memory, in bytes, and every value of `$shv(memory)`, as looked at twenty times a second."""

    rig: Rig
    lowest: int = 1 << 62
    levels: set[int] = field(default_factory=set)
    _over: threading.Event = field(default_factory=threading.Event)

    def look(self) -> None:
        while not self._over.wait(0.05):
            self.lowest = min(self.lowest, free(self.rig))
            self.levels.add(level(self.rig))

    @contextmanager
    def watching(self) -> Iterator[None]:
        looker = threading.Thread(target=self.look)
        looker.start()
        try:
            yield
        finally:
            self._over.set()
            looker.join()


def free(rig: Rig) -> int:
    return int(rig.rpc("core.shmmem")["free"])


def level(rig: Rig) -> int:
    return int(rig.rpc("pv.shvGet", "memory")["value"])
