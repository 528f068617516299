"""One RTP stream of a capture (source, destination, SSRC): packets in, findings out, a few hundred packets at a time.

Packets are put in order and repeats thrown away, keys are looked for in every payload, and what can be decoded is listened to.
Memory is bounded: a batch, the sample for the self-test, the gauge and the findings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from callseal.audit.body_keys import UNREADABLE
from callseal.audit.codecs import DECODABLE, SILENT, STATIC
from callseal.audit.events import LONGEST_EVENT_PAYLOAD, Presses, events_in
from callseal.audit.findings import AGREED, IN_REDUNDANCY, NEVER_AGREED, Digit, Fragment
from callseal.audit.gauge import Gauge
from callseal.audit.heard import Method
from callseal.audit.rtp_audio import Audio, Sounding, is_odd
from callseal.audit.tone_scan import ToneHeard
from callseal.wire import rtp

BATCH = 500
"""Packets; 10 s of G.711."""
KEEP_BACK = 16
"""Packets that wait for the next batch, so that a late one is still in order."""
SAMPLE_PACKETS = 200
"""Kept for the self-test: 4 s."""
MOST_FOUND = 20_000
"""Digits and fragments of one stream that are remembered one by one; more are counted in `overflow`."""
FEW = 4
"""Packets that make a stream of what nobody announced."""

CodecOf = Callable[[str, str, int], str]
"""(source, destination, payload type) -> name of the codec in SDP, "" when nobody announced it."""


class RtpStream:
    """Feed it with `add`; `flush` before reading anything."""

    def __init__(self, source: str, destination: str, ssrc: int, begin: float, codec_of: CodecOf) -> None:
        self.source, self.destination, self.ssrc = source, destination, ssrc
        self.begin = self.end = begin
        self.gauge = Gauge(begin)
        self.digits: list[Digit] = []
        self.fragments: list[Fragment] = []
        self.overflow = 0
        self.codecs: dict[str, int] = {}
        """Packets by codec; a payload type nobody announced is `type N`."""
        self.packets = self.duplicates = self.lost = self.unreadable = 0
        self.hidden = False
        """Packets are encrypted and there is no key: only their headers are read."""
        self.hidden_packets = 0
        self.cut_packets = 0
        """Packets of which the capture kept only the beginning."""
        self.odd_packets = 0
        """Packets longer than the time they last: not the codec they are said to be, most likely encrypted."""
        self.in_order = 0
        self.sample: list[bytes] = []
        self.pending: list[tuple[float, bytes]] = []
        self._codec_of = codec_of
        self._presses = Presses()
        self._audio = Audio(self.gauge)
        self._names: dict[int, str] = {}
        self._waiting: list[tuple[int, float, bytes]] = []
        self._highest: int | None = None

    def add(self, at: float, packet: bytes) -> bool:
        """One packet in clear. True: the batch is full, call `flush`."""
        self.pending.append((at, packet))
        return len(self.pending) >= BATCH

    def add_cut(self, at: float, packet: bytes) -> bool:
        """One packet of which the end is missing: its numbers are read, and it counts as not heard."""
        self.cut_packets += 1
        self.gauge.add("deaf", np.array([at]))
        return self.add(at, b"\x80" + packet[1:12])

    def close(self, *, keep_sample: bool = True) -> None:
        """After the last `flush`: keeps what was found, and nothing that only served to find it."""
        self._audio, self._names, self._presses, self._waiting = Audio(self.gauge), {}, Presses(), []
        self.gauge.close()
        if not keep_sample:
            self.sample = []

    @property
    def likely(self) -> bool:
        """Whether this behaves like RTP: numbers that count up."""
        return self.packets >= FEW and self.in_order * 2 >= self.packets

    # -- batches -----------------------------------------------------------------------------------------------

    def flush(self, *, final: bool = False) -> None:
        """Looks at what has come; with `final` at everything, and closes open tones."""
        batch, self.pending = self.pending, []
        if batch:
            self.end = max(self.end, batch[-1][0])
            self._number(batch)
        ready = len(self._waiting) if final else max(len(self._waiting) - KEEP_BACK, 0)
        if ready:
            self._waiting.sort(key=_by_number)
            chosen, self._waiting = self._waiting[:ready], self._waiting[ready:]
            self._listen(chosen)
        if final:
            self._note(self._audio.flush())

    def _number(self, batch: list[tuple[float, bytes]]) -> None:
        """Extended sequence numbers (RFC 3550 A.1); repeats and what is hopelessly late go."""
        known = {number for number, _, _ in self._waiting}
        highest = self._highest
        kept: list[float] = []
        for at, packet in batch:
            sequence = packet[2] << 8 | packet[3]
            if highest is None:
                number = sequence + 0x10000
            else:
                step = (sequence - highest) & 0xFFFF
                number = highest + step if step < 0x8000 else highest + step - 0x10000
            if number in known or (highest is not None and number <= highest - 4 * KEEP_BACK):
                if highest is not None and highest - number < 0x400:
                    self.duplicates += 1
                    continue
                number = (highest or 0) + 1  # the sender began again
            if highest is None or number > highest:
                if highest is not None:
                    if number == highest + 1:
                        self.in_order += 1
                    elif number - highest < 0x400:
                        self.lost += number - highest - 1
                        self.gauge.add("lost", np.array([at]), np.array([number - highest - 1]))
                highest = number
            elif highest - number <= 4 * KEEP_BACK and self.lost:
                self.lost -= 1
            known.add(number)
            self._waiting.append((number, at, packet))
            kept.append(at)
        self._highest = highest
        self.packets += len(kept)
        self.gauge.add("packets", np.array(kept))

    def _listen(self, chosen: list[tuple[int, float, bytes]]) -> None:
        """Packets in order: keys out of the payloads, then the audio in stretches of one codec."""
        self._names.clear()  # offers may have changed what a payload type means
        if self.hidden:
            self.hidden_packets += len(chosen)
            self.gauge.add("deaf", np.array([at for _, at, _ in chosen]))
            return
        if len(self.sample) < SAMPLE_PACKETS:
            self.sample += [packet for _, _, packet in chosen[: SAMPLE_PACKETS - len(self.sample)]]
        stretch: list[Sounding] = []
        present = -1
        for _, at, packet in chosen:
            kind = packet[1] & 0x7F
            if packet[0] == 0x80:
                payload = packet[12:]
            else:
                try:
                    payload = rtp.RtpPacket.parse(packet).payload
                except ValueError:
                    self.unreadable += 1
                    continue
            size = len(payload)
            timestamp = int.from_bytes(packet[4:8], "big")
            if (size <= LONGEST_EVENT_PAYLOAD or kind >= rtp.FIRST_DYNAMIC) and self._is_event(
                at, kind, timestamp, payload
            ):
                continue
            if kind != present:
                self._decode(present, stretch)
                stretch, present = [], kind
            stretch.append((at, timestamp, payload))
        self._decode(present, stretch)

    def _is_event(self, at: float, kind: int, timestamp: int, payload: bytes) -> bool:
        codec = self._codec(kind)
        variable = codec == "OPUS"  # its packets may have any length; no key hides in 4 octets of it
        if variable or not payload:
            return False
        way = AGREED if codec == "TELEPHONE-EVENT" else NEVER_AGREED
        found = list(events_in(kind, timestamp, payload, redundant=False))
        if not found and codec not in DECODABLE:
            way = IN_REDUNDANCY
            found = list(events_in(kind, timestamp, payload))
        for stamp, event in found:
            if self._presses.begins(stamp, event):
                self._digit(Digit(at, Method.EVENT, event.key or UNREADABLE, way=way))
        if found:
            self.gauge.add("events", np.array([at]))
            self.codecs["EVENT"] = self.codecs.get("EVENT", 0) + 1
        return bool(found)

    def _codec(self, kind: int) -> str:
        name = self._names.get(kind)
        if name is None:
            name = self._codec_of(self.source, self.destination, kind) or STATIC.get(kind, "")
            self._names[kind] = name
        return name

    # -- audio -------------------------------------------------------------------------------------------------

    def _decode(self, kind: int, stretch: list[Sounding]) -> None:
        if not stretch:
            return
        codec = self._codec(kind)
        name = codec or f"type {kind}"
        self.codecs[name] = self.codecs.get(name, 0) + len(stretch)
        if codec in SILENT or codec == "TELEPHONE-EVENT":
            return
        if codec not in DECODABLE:
            self.gauge.add("deaf", np.array([at for at, _, payload in stretch if payload]))
            return
        if is_odd(codec, stretch):
            self.odd_packets += len(stretch)
            self.gauge.add("deaf", np.array([at for at, _, _ in stretch]))
            return
        self._note(self._audio.hear(codec, stretch))

    def _note(self, found: Iterable[tuple[float, ToneHeard]]) -> None:
        for at, tone in found:
            if tone.press:
                self._digit(Digit(at, Method.TONE, tone.key, tone.milliseconds, tone.level_dbm0))
            elif len(self.fragments) < MOST_FOUND:
                self.fragments.append(Fragment(at, tone.milliseconds, tone.level_dbm0))
            else:
                self.overflow += 1

    def _digit(self, digit: Digit) -> None:
        if len(self.digits) < MOST_FOUND:
            self.digits.append(digit)
        else:
            self.overflow += 1


def _by_number(one: tuple[int, float, bytes]) -> int:
    return one[0]
