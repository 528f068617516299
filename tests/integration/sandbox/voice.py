"""A media endpoint that speaks with a byte of its own and presses any key, as events or as tones."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Iterable

from bench.bleed_sound import Out, Tick
from callseal.sandbox.media.mask import COLUMNS, ROWS, power
from callseal.wire.dtmf import press
from callseal.wire.g711 import decode_ulaw, encode_ulaw
from callseal.wire.rtp import RtpPacket
from callseal.wire.sdp import SessionDescription
from tests.support.rtp_socket import FRAME_S, SAMPLES, RtpSocket

EVENTS = 101
_PAD = ("123A", "456B", "789C", "*0#D")


def tone(key: str, frames: int) -> list[bytes]:
    """The dual tone of a key as mu-law frames of 20 ms."""
    row = next(at for at, line in enumerate(_PAD) if key in line)
    column = _PAD[row].index(key)
    both = (ROWS[row], COLUMNS[column])
    wave = [
        int(sum(6000 * math.sin(2 * math.pi * frequency * at / 8000) for frequency in both))
        for at in range(SAMPLES * frames)
    ]
    return [encode_ulaw(wave[at * SAMPLES : (at + 1) * SAMPLES]) for at in range(frames)]


def is_tone(payload: bytes) -> bool:
    """An auditor's ear: some row and some column hold at least a tenth of the energy each, and a third together."""
    samples = decode_ulaw(payload)
    row = max(power(samples, frequency) for frequency in ROWS)
    column = max(power(samples, frequency) for frequency in COLUMNS)
    return min(row, column) > 0.1 and row + column > 0.33


def target_of(sdp: str) -> tuple[str, int]:
    media = SessionDescription.parse(sdp).media[0]
    return media.address, media.port


class Voice(RtpSocket):
    """Talks to `target` every 20 ms once there is one."""

    def __init__(self, address: str, byte: int, *, codecs: str = "0 101") -> None:
        super().__init__(address)
        self.byte = byte
        self.target: tuple[str, int] | None = None
        self.heard: list[RtpPacket] = []
        self._codecs = codecs
        self._queue: deque[tuple[int, bytes, bool, int]] = deque()
        self._ticks: deque[Tick] = deque()
        self._start()

    def sdp(self, version: int = 1, direction: str = "sendrecv") -> str:
        return (
            f"v=0\r\no=voice{self.byte} 7 {version} IN IP4 {self.address}\r\ns=-\r\nc=IN IP4 {self.address}\r\n"
            f"t=0 0\r\nm=audio {self.port} RTP/AVP {self._codecs}\r\na=rtpmap:0 PCMU/8000\r\n"
            f"a=rtpmap:{EVENTS} telephone-event/8000\r\na=fmtp:{EVENTS} 0-15\r\na={direction}\r\n"
        )

    def talk_to(self, sdp: str) -> None:
        self.target = target_of(sdp)

    def press(self, keys: str, *, gap_frames: int = 4, payload_type: int = EVENTS) -> None:
        """RFC 4733: 100 ms each."""
        for key in keys:
            events = list(press(key))
            for at, event in enumerate(events):
                last = at == len(events) - 1
                self._queue.append(
                    (payload_type, bytes(event), at == 0, len(events) * SAMPLES if last else 0)
                )
            self._queue.extend([(0, bytes([self.byte]) * SAMPLES, False, SAMPLES)] * gap_frames)
        self._drain()

    def whistle(self, keys: str, *, frames: int = 5, gap_frames: int = 4) -> None:
        """In-band tones."""
        for key in keys:
            self._queue.extend((0, frame, False, SAMPLES) for frame in tone(key, frames))
            self._queue.extend([(0, bytes([self.byte]) * SAMPLES, False, SAMPLES)] * gap_frames)
        self._drain()

    def play(self, ticks: Iterable[Tick]) -> None:
        """Whatever a sender may put on the wire, 20 ms each (bench.bleed_sound)."""
        self._ticks.extend(ticks)
        while self._ticks:
            time.sleep(FRAME_S)

    def _drain(self) -> None:
        while self._queue:
            time.sleep(FRAME_S)

    def clear(self) -> None:
        self.heard.clear()

    def events(self) -> int:
        return sum(packet.payload_type != 0 for packet in list(self.heard))

    def tones(self) -> int:
        return sum(packet.payload_type == 0 and is_tone(packet.payload) for packet in list(self.heard))

    def hears(self, byte: int, packets: int = 10, timeout_s: float = 4.0) -> bool:
        """Wait for so many new packets of that voice; what was heard before stays."""
        before = len(self.heard)
        deadline = time.monotonic() + timeout_s
        want = bytes([byte]) * SAMPLES
        while sum(packet.payload == want for packet in list(self.heard)[before:]) < packets:
            if time.monotonic() > deadline:
                return False
            time.sleep(FRAME_S)
        return True

    def _listen(self) -> None:
        for data, _ in self._datagrams():
            self.heard.append(RtpPacket.parse(data))

    def _talk(self) -> None:
        # Not 0, which rtpengine takes for "none yet": it would not tell an event that began with a stream's first packet.
        sequence, timestamp = 1, SAMPLES
        for _ in self._frames():
            if self.target is None:
                continue
            if self._ticks:
                for out in self._ticks[0]:
                    self._socket.sendto(bytes(self._packet(out, sequence, timestamp)), self.target)
                    sequence += 1
                self._ticks.popleft()
                timestamp += SAMPLES
                continue
            frame = (0, bytes([self.byte]) * SAMPLES, False, SAMPLES)
            payload_type, payload, marker, advance = self._queue[0] if self._queue else frame
            packet = RtpPacket(
                payload_type=payload_type,
                sequence=sequence & 0xFFFF,
                timestamp=timestamp & 0xFFFFFFFF,
                ssrc=self.byte,
                payload=payload,
                marker=marker,
            )
            self._socket.sendto(bytes(packet), self.target)
            if self._queue:
                self._queue.popleft()
            sequence += 1
            timestamp += advance

    def _packet(self, out: Out, sequence: int, timestamp: int) -> RtpPacket:
        return RtpPacket(
            payload_type=out.payload_type,
            sequence=sequence & 0xFFFF,
            timestamp=timestamp - out.since & 0xFFFFFFFF,
            ssrc=self.byte,
            payload=out.payload,
            marker=out.marker,
        )
