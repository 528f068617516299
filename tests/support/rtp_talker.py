"""A media endpoint: one UDP socket that talks with a payload byte of its own and keeps what it hears.

One look at a received payload says whose voice arrived where. Packets leave on an absolute 20 ms clock.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from bench.bleed_sound import Tick
from callseal.wire.rtp import RtpPacket
from callseal.wire.sdp import SessionDescription
from tests.support.rtp_socket import FRAME_S, SAMPLES, RtpSocket

EVENTS = 101


@dataclass(frozen=True, slots=True)
class Heard:
    """One received packet: when (monotonic, s), payload type, the talker's byte (0 for events), from where."""

    at: float
    payload_type: int
    voice: int
    source: tuple[str, int]
    payload: bytes = field(default=b"", repr=False)


class Talker(RtpSocket):
    """`voice` is the byte that fills its audio; `target` is where it sends, None for silence."""

    def __init__(self, address: str, voice: int, port: int = 0) -> None:
        super().__init__(address, port)
        self.voice = voice
        self.step = 1
        """By how much the sequence number grows; 20000 makes it wrap every fourth packet."""
        self.begin_at: int | None = None
        """The next packet's sequence number, where it is not to follow the last one's."""
        self.target: tuple[str, int] | None = None
        self._heard: list[Heard] = []
        self._digits = 0
        self._sound: deque[bytes] = deque()
        self._ticks: deque[Tick] = deque()
        self.relay: Callable[[RtpPacket], None] | None = None
        """Is given every packet heard; see `pass_on`."""
        self.relaying = False
        """Whether somebody else's packets go out instead of this voice."""
        self._start()

    def sdp(self, version: int = 1, *, direction: str = "sendrecv", extra: str = "") -> str:
        return sdp(self.address, self.port, version, direction=direction, extra=extra)

    def answer(self, offer: str, version: int = 1) -> str:
        """What this talker answers to that offer."""
        return self.sdp(version)

    def send_to(self, sdp: str) -> None:
        """Talk to where an SDP from the edge wants this talker's audio."""
        audio = SessionDescription.parse(sdp).audio
        assert audio is not None, f"no audio in {sdp!r}"
        self.target = audio.address, audio.port

    def press(self, packets: int = 6) -> None:
        """Send one RFC 4733 event (key 5) of so many packets instead of audio."""
        self._digits += packets

    def say(self, frames: Iterable[bytes]) -> None:
        """These payloads instead of the voice, one each 20 ms; returns when they are sent."""
        self._sound.extend(frames)
        while self._sound:
            time.sleep(FRAME_S)

    def play(self, ticks: Iterable[Tick]) -> None:
        """Whatever a sender may put on the wire (bench.bleed_sound), one tick each 20 ms; returns when it is sent."""
        self._ticks.extend(ticks)
        while self._ticks:
            time.sleep(FRAME_S)

    def pass_on(self, packet: RtpPacket) -> None:
        """Send somebody else's packet to this talker's target."""
        wire = self._wrap(packet)
        if wire is not None and self.target is not None:
            self._socket.sendto(wire, self.target)

    def heard(self) -> list[Heard]:
        """Everything since the last `clear`."""
        return list(self._heard)

    def new_call(self) -> None:
        """Silent, and nothing is remembered."""
        self.target, self.step, self.pace_s = None, 1, FRAME_S
        self.relay, self.relaying = None, False
        self.clear()

    def clear(self) -> None:
        self._heard.clear()

    def voices(self, voice: int, since: float = 0.0) -> int:
        """Audio packets heard with that byte."""
        return sum(h.voice == voice and h.payload_type == 0 and h.at >= since for h in list(self._heard))

    def events(self, since: float = 0.0) -> int:
        """RFC 4733 packets heard, whosever they are."""
        return sum(h.payload_type == EVENTS and h.at >= since for h in list(self._heard))

    def wait_voice(self, voice: int, packets: int = 15, timeout_s: float = 4.0) -> int:
        """Clear, then wait until so many packets of that voice came; returns how many did."""
        self.clear()
        deadline = time.monotonic() + timeout_s
        while self.voices(voice) < packets and time.monotonic() < deadline:
            time.sleep(FRAME_S)
        return self.voices(voice)

    def _listen(self) -> None:
        for data, source in self._datagrams():
            packet = self._unwrap(data)
            if packet is None:
                continue
            if self.relay is not None:
                self.relay(packet)
            voice = packet.payload[0] if packet.payload and packet.payload_type == 0 else 0
            self._heard.append(Heard(time.monotonic(), packet.payload_type, voice, source, packet.payload))

    def _talk(self) -> None:
        sequence, second, event_start, duration = 0, 0, 0, 0
        for _ in self._frames():
            sequence += self.step
            if self.begin_at is not None:
                sequence, self.begin_at = self.begin_at, None
            target = self.target
            if target is None or self.relaying:
                continue
            if self._ticks:
                clock = (sequence - second) * SAMPLES
                for place, out in enumerate(self._ticks[0]):
                    # A second packet in one tick takes a number and no time.
                    sequence += place > 0
                    second += place > 0
                    packet = RtpPacket(
                        payload_type=out.payload_type,
                        sequence=sequence & 0xFFFF,
                        timestamp=clock - out.since & 0xFFFFFFFF,
                        ssrc=self.voice,
                        payload=out.payload,
                        marker=out.marker,
                    )
                    self.pass_on(packet)
                self._ticks.popleft()
                continue
            if self._digits > 0:
                if duration == 0:
                    event_start = (sequence - second) * SAMPLES
                self._digits -= 1
                duration += SAMPLES
                last = self._digits == 0
                payload = bytes((5, 0x80 | 10 if last else 10)) + duration.to_bytes(2, "big")
                packet = RtpPacket(
                    payload_type=EVENTS,
                    sequence=sequence & 0xFFFF,
                    timestamp=event_start,
                    ssrc=self.voice,
                    payload=payload,
                    marker=duration == SAMPLES,
                )
                duration = 0 if last else duration
            else:
                packet = RtpPacket(
                    payload_type=0,
                    sequence=sequence & 0xFFFF,
                    timestamp=(sequence - second) * SAMPLES,
                    ssrc=self.voice,
                    payload=self._sound.popleft() if self._sound else bytes([self.voice]) * SAMPLES,
                )
            wire = self._wrap(packet)
            if wire is not None:
                self._socket.sendto(wire, target)

    def _wrap(self, packet: RtpPacket) -> bytes | None:
        return bytes(packet)

    def _unwrap(self, data: bytes) -> RtpPacket | None:
        return RtpPacket.parse(data)


def sdp(address: str, port: int, version: int = 1, *, direction: str = "sendrecv", extra: str = "") -> str:
    """PCMU and telephone-events at `address`:`port`."""
    kind = "IP6" if ":" in address else "IP4"
    return (
        f"v=0\r\no=- 4711 {version} IN {kind} {address}\r\ns=-\r\nc=IN {kind} {address}\r\nt=0 0\r\n"
        f"m=audio {port} RTP/AVP 0 {EVENTS}\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:{EVENTS} telephone-event/8000\r\n"
        f"a=fmtp:{EVENTS} 0-15\r\na=ptime:20\r\na={direction}\r\n{extra}"
    )
