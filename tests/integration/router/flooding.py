"""A flood of calls from a known peer that nobody answers: what it costs the router, and what becomes of good calls beside it."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from callseal.lab.rootfs import project_root
from tests.integration.router.rig import Rig
from tests.integration.router.story import NUMBER, second_headers, second_leg
from tests.support.flood_sender import NAME
from tests.support.sip_peer import Message, SipPeer

CALLER = "+447700900666"
"""Of a call that belongs to the flood."""
PORT = 6060


def invite(rig: Rig, *, body_bytes: int = 0, multipart: bool = False) -> bytes:
    """The carrier's INVITE for `flood_sender`; its body is filled with attributes, which the router passes on, to so many bytes."""
    sdp = rig.customer_media.sdp()
    filler = "a=x:" + "y" * 200 + "\r\n"
    sdp += filler * max(0, (body_bytes - len(sdp) - (300 if multipart else 0)) // len(filler))
    kind = "application/sdp"
    if multipart:
        kind = "multipart/mixed;boundary=part"
        other = "Content-Type: application/pidf+xml\r\n\r\n<presence/>"
        sdp = f"--part\r\nContent-Type: application/sdp\r\n\r\n{sdp}\r\n--part\r\n{other}\r\n--part--\r\n"
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
    ringing: list[tuple[SipPeer, Message]] = field(default_factory=list)

    def stand(self) -> None:
        self.rig.partner.intercept = partial(self._take, self.rig.partner)
        self.rig.platform.intercept = partial(self._take, self.rig.platform)

    def leave(self) -> None:
        self.rig.partner.intercept = self.rig.platform.intercept = None

    def refuse(self) -> None:
        """Everything that rings is over: its memory comes back eight seconds later."""
        for peer, request in self.ringing:
            peer.reply(request, 486, tag="flood")
        self.ringing.clear()

    def _take(self, peer: SipPeer, data: bytes) -> bool:
        if CALLER.encode() not in data:
            return False
        if not data.startswith(b"INVITE "):
            return True
        request = Message.parse(data)
        peer.reply(request, 100)
        self.ringing.append((peer, request))
        if peer is self.rig.platform:
            self.seconds += 1
            peer.reply(request, 180, tag="flood")
            return True
        self.firsts += 1
        if self.halves == 2:
            back = second_leg(self.rig, request)
            back.request("INVITE", sdp=request.body, headers=second_headers(request, "tok-flood"))
        return True


@dataclass(slots=True)
class Sent:
    """What the sender says at its end."""

    sent: int = 0
    seconds: float = 0.0
    answers: dict[str, int] = field(default_factory=dict)


@contextmanager
def flood(rig: Rig, message: bytes, *, rate: float, seconds: float) -> Iterator[Sent]:
    """It runs as long as the block does, and the block waits for its end."""
    job = {
        "source": [rig.carrier.address, PORT], "edge": list(rig.kamailio.sip), "rate": rate, "seconds": seconds,
        "invite": base64.b64encode(message).decode(),
    }  # fmt: skip
    told = Sent()
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.flood_sender"],
        cwd=project_root(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as sender:  # fmt: skip
        assert sender.stdin is not None
        assert sender.stdout is not None
        sender.stdin.write(json.dumps(job))
        sender.stdin.close()
        yield told
        heard = json.loads(sender.stdout.read())
    told.sent, told.seconds, told.answers = heard["sent"], heard["seconds"], heard["answers"]


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
