"""Lines through one rtpengine, fenced as the router fences them: who speaks with ng is the test, who carries the RTP is real.

A `Line` is the agent leg while it is at the partner: what the partner sends goes in, what the platform gets comes out. Many
lines run side by side on one clock of 20 ms.
"""

from __future__ import annotations

import secrets
import selectors
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Protocol, Self

from bench.bleed_sound import EVENTS, REDUNDANCY, WIDE_EVENTS, Tick
from callseal.wire.ng import NgReply, NgValue, decode_message, encode_message
from callseal.wire.rtp import RtpPacket
from callseal.wire.sdp import SessionDescription

TICK_S = 0.02


class Ng:
    """Commands to one rtpengine, one at a time. Raises `RuntimeError` when it refuses, `TimeoutError` when it is silent."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.settimeout(3)
        self._socket.connect(address)

    def ask(self, command: str, **fields: NgValue) -> dict[str, NgReply]:
        cookie = secrets.token_hex(8)
        message: Mapping[str, NgValue] = {key.replace("_", "-"): value for key, value in fields.items()}
        self._socket.send(encode_message(cookie, {"command": command, **message}))
        while True:
            echoed, reply = decode_message(self._socket.recv(65535))
            if echoed == cookie:
                break
        if reply.get("result") not in ("ok", "pong"):
            raise RuntimeError(f"{command}: {reply.get('error-reason')}")
        return reply

    def close(self) -> None:
        self._socket.close()


def sdp(
    address: str, port: int, codec: str = "0", events: Sequence[int] = (EVENTS, WIDE_EVENTS, REDUNDANCY)
) -> str:
    """One audio stream. `events`: which of the event payload types it names."""
    maps = {
        EVENTS: f"a=rtpmap:{EVENTS} telephone-event/8000\r\na=fmtp:{EVENTS} 0-15\r\n",
        WIDE_EVENTS: f"a=rtpmap:{WIDE_EVENTS} telephone-event/16000\r\na=fmtp:{WIDE_EVENTS} 0-15\r\n",
        REDUNDANCY: f"a=rtpmap:{REDUNDANCY} red/8000\r\na=fmtp:{REDUNDANCY} {EVENTS}/{EVENTS}/{EVENTS}\r\n",
    }
    return (
        f"v=0\r\no=- 4711 1 IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\n"
        f"m=audio {port} RTP/AVP {' '.join((codec, *map(str, events)))}\r\n"
        f"{''.join(maps[one] for one in events)}a=ptime:20\r\na=sendrecv\r\n"
    )


class Through(Protocol):
    """What stands between the sender and the leg: the partner's media path."""

    def offer(self, sdp: str) -> str: ...
    def answer(self, sdp: str) -> str: ...
    def close(self) -> None: ...


@dataclass(slots=True)
class Line:
    """One call: `near` is the partner's socket (with `masked` the customer's, before the partner's own media path), `far` the
    platform's. `arrived` is (seconds since `began`, datagram)."""

    call_id: str
    near: socket.socket
    far: socket.socket
    target: tuple[str, int]
    ticks: Iterator[Tick] = field(default_factory=lambda: iter(()))
    masked: Through | None = None
    arrived: list[tuple[float, bytes]] = field(default_factory=list)
    sequence: int = 0
    timestamp: int = 0
    sent: int = 0
    began: float = 0.0
    sent_at: list[float] = field(default_factory=list)
    """Of each tick, seconds since `began`."""

    @classmethod
    def dial(
        cls,
        ng: Ng,
        near: str,
        far: str,
        *,
        codec: str = "0",
        offer: Mapping[str, NgValue] | None = None,
        events: Sequence[int] = (EVENTS, WIDE_EVENTS, REDUNDANCY),
        masked: Through | None = None,
    ) -> Self:
        """Offer of the partner, answer of the platform, with the flags of `router/media.cfg`."""
        sockets = []
        for address in (near, far):
            one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            one.bind((address, 0))
            one.setblocking(False)
            sockets.append(one)
        call_id = f"{secrets.token_hex(8)}.agent"
        common: dict[str, NgValue] = {"call-id": call_id, "ICE": "remove", "DTLS": "off"}
        flags = ["port-latching", "strict-source", "replace-SDP-version"]
        replace = ["origin", "session-connection"]
        own = sdp(near, sockets[0].getsockname()[1], codec, events)
        offered = ng.ask(
            "offer",
            **{
                **common,
                "sdp": masked.offer(own) if masked else own,
                "from-tag": "partner",
                "label": "partner",
                "flags": [*flags, *(offer or {}).get("flags", ())],  # type: ignore[misc]
                "endpoint-learning": "off",
                "replace": replace,
                "rtcp-mux": ["demux"],
                "transport-protocol": "RTP/AVP",
                **{key: value for key, value in (offer or {}).items() if key != "flags"},
            },
        )
        answered = ng.ask(
            "answer",
            **{
                **common,
                "sdp": _answer(str(offered["sdp"]), far, sockets[1].getsockname()[1]),
                "from-tag": "partner",
                "to-tag": "platform",
                "label": "platform",
                "replace": replace,
                "flags": ["replace-SDP-version"],
            },
        )
        reply = str(answered["sdp"])
        audio = SessionDescription.parse(masked.answer(reply) if masked else reply).audio
        if audio is None:
            raise RuntimeError("an answer without audio")
        return cls(call_id, sockets[0], sockets[1], (audio.address, audio.port), masked=masked)

    def step(self) -> bool:
        """Send one tick; False when there is none left."""
        tick = next(self.ticks, None)
        if tick is None:
            return False
        self.sent_at.append(time.monotonic() - self.began)
        for out in tick:
            packet = RtpPacket(
                payload_type=out.payload_type,
                sequence=self.sequence & 0xFFFF,
                timestamp=(self.timestamp - out.since) & 0xFFFFFFFF,
                ssrc=0x5EA1,
                payload=out.payload,
                marker=out.marker,
            )
            self.near.sendto(bytes(packet), self.target)
            self.sequence += 1
            self.sent += 1
        self.timestamp += 160
        return True

    def hang_up(self, ng: Ng) -> None:
        ng.ask("delete", call_id=self.call_id, from_tag="partner")
        if self.masked is not None:
            self.masked.close()
        self.near.close()
        self.far.close()


def _answer(offer: str, address: str, port: int) -> str:
    """The offer's own formats, at our place."""
    lines = [line for line in offer.splitlines() if not line.startswith("a=rtcp:")]
    for at, line in enumerate(lines):
        if line.startswith("c="):
            lines[at] = f"c=IN IP4 {address}"
        elif line.startswith("m=audio "):
            words = line.split(" ")
            lines[at] = " ".join([words[0], str(port), *words[2:]])
    return "\r\n".join(lines) + "\r\n"


class Clock:
    """Runs lines side by side, `speed` times as fast as real time. `late_s`: how far behind it fell at worst.

    Nothing at the edge keeps a clock (the filter counts samples), so a fence may be driven faster; a mask may not.
    """

    def __init__(self, speed: float = 1.0) -> None:
        self.late_s = 0.0
        self._tick_s = TICK_S / speed

    def run(self, lines: Sequence[Line], *, linger_s: float = 0.5) -> None:
        """Until every line has said all it had to say, and what is delayed has come out."""
        with ExitStack() as stack:
            selector = stack.enter_context(selectors.DefaultSelector())
            for line in lines:
                selector.register(line.far, selectors.EVENT_READ, line)
            due = began = time.monotonic()
            for line in lines:
                line.began = began
            busy = set(range(len(lines)))
            until = float("inf")
            while (now := time.monotonic()) < until:
                if now < due:
                    for key, _ in selector.select(due - now):
                        _drain(key.data, began)
                    continue
                self.late_s = max(self.late_s, now - due) if busy else self.late_s
                busy = {at for at in busy if lines[at].step()}
                if not busy and until == float("inf"):
                    until = now + linger_s
                due += self._tick_s


def _drain(line: Line, began: float) -> None:
    try:
        while True:
            data = line.far.recv(2048)
            line.arrived.append((time.monotonic() - began, data))
    except BlockingIOError:
        return
