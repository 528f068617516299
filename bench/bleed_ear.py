"""What arrived of a line, for somebody who wants to hear a key in it: keys by kind, the longest rest of a tone, the voice."""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.bleed_sound import HISS_RMS
from callseal.audit.receiver import Receiver
from callseal.wire.dtmf import KEYS
from callseal.wire.g711 import decode_alaw, decode_ulaw
from callseal.wire.rtp import PCMA, PCMU, RtpPacket, is_rtcp

WINDOW = 20
"""Samples (2.5 ms) that must be as quiet as the line itself."""
ABOVE = 6.0
"""How many times the line's own hiss is a rest of a tone: a faint one of 43 dB below full scale is nine times the hiss."""


@dataclass(slots=True)
class Found:
    """`events` and `tones`: keys; `fragment_ms`: the longest rest of a tone; `packets`: all RTP that came."""

    events: int = 0
    tones: int = 0
    fragment_ms: float = 0.0
    fragments: int = 0
    packets: int = 0
    strange: int = 0
    """Packets that are neither G.711 nor comfort noise."""

    @property
    def keys(self) -> int:
        return self.events + self.tones


def hear(arrived: Sequence[tuple[float, bytes]], *, hiss: bool = True) -> Found:
    """`hiss` False: there is a voice in it, so a rest of a tone cannot be told by its loudness."""
    found, receiver = Found(), Receiver()
    audio: array[int] = array("h")
    for at, data in arrived:
        if is_rtcp(data):
            continue
        received = receiver.datagram(at, "line", data)
        if received is None or not received.media:
            continue
        found.packets += 1
        for key in received.keys:
            if str(key.method).startswith("event"):
                found.events += 1
            else:
                found.tones += 1
        packet = RtpPacket.parse(data)
        if packet.payload_type == PCMU:
            audio.extend(decode_ulaw(packet.payload))
        elif packet.payload_type == PCMA:
            audio.extend(decode_alaw(packet.payload))
        elif packet.payload_type != 13:
            found.strange += 1
    if hiss:
        found.fragments, found.fragment_ms = rests(audio)
    return found


def rests(audio: array[int]) -> tuple[int, float]:
    """How many stretches are louder than the line's hiss, and the longest in milliseconds."""
    limit = (HISS_RMS * ABOVE) ** 2 * WINDOW
    count = longest = run = 0
    for at in range(0, len(audio) - WINDOW + 1, WINDOW):
        block = audio[at : at + WINDOW]
        if sum(sample * sample for sample in block) > limit:
            run += 1
            count += run == 1
            longest = max(longest, run)
        else:
            run = 0
    return count, longest * WINDOW / 8


def keys_in(log: Path) -> str:
    """Keys as rtpengine's log would name them: an event's code in a line of its own, again and again until its end."""
    text = log.read_text(encoding="utf-8", errors="replace")
    codes = re.findall(r"(?i)\bevent(?: packet)?: ?(?:event |code )?(\d+)[^\n]*end 1", text)
    return "".join(KEYS[int(code)] for code in codes if int(code) < len(KEYS))
