"""The mask: takes the sound of keys out of the customer's voice before the agent hears it. Pure, G.711 only.

Why not rtpengine's own `DTMF-security=silence`: measured on 12.5.1 and 26.0.1, it covers tones only while the audio has
no gap. Its detector adds up the samples it saw (`daemon/codec.c`, `__dtmf_dsp_callback`), a lost packet is not seen, so
after one gap every tone is looked for too early: and each RFC 4733 event leaves such a gap. After sixteen presses a tone
passes almost whole.

The rule here needs no memory of time. A packet in which two key frequencies hold most of the energy is a tone packet. It
becomes silence, and so do one packet before it (the onset, too short to be recognised) and one after it (the rest).
Packets are therefore held back for `LOOK_AHEAD_S`. Anything that is not G.711 never passes: telephone-events, negotiated
or not, comfort noise, unknown payload types.

The auditor's ear (`audit.tones`) knows tones by a rule of its own: a proof must not share the blind spots of what it proves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from callseal.wire.g711 import decode_alaw, decode_ulaw, encode_alaw, encode_ulaw
from callseal.wire.rtp import PCMA, PCMU, RtpPacket

LOOK_AHEAD_S = 0.06
RATE = 8000
ROWS = (697.0, 770.0, 852.0, 941.0)
COLUMNS = (1209.0, 1336.0, 1477.0, 1633.0)
"""ITU-T Q.23."""

_SILENCE = {PCMU: 0xFF, PCMA: 0xD5}
_QUIET = 30.0  # effective amplitude of 16-bit samples below which nothing is audible
_EACH = 0.08  # share of the energy that the stronger row, and the stronger column, must hold
_TOGETHER = 0.35


def power(samples: Sequence[int], frequency: float) -> float:
    """Goertzel: the share of the block's energy at `frequency`, 0 to 1 (a sine there gives 1)."""
    total = sum(sample * sample for sample in samples)
    return _goertzel(samples, frequency) / (total * len(samples) / 2.0) if total else 0.0


def _goertzel(samples: Sequence[int], frequency: float) -> float:
    factor = 2.0 * math.cos(2.0 * math.pi * frequency / RATE)
    last = before = 0.0
    for sample in samples:
        last, before = sample + factor * last - before, last
    return last * last + before * before - factor * last * before


def sounds_like_a_key(samples: Sequence[int]) -> bool:
    """True when one row and one column frequency of the keypad hold most of the block's energy."""
    total = sum(sample * sample for sample in samples)
    if total < _QUIET * _QUIET * len(samples) or total == 0:
        return False
    whole = total * len(samples) / 2.0
    row = max(_goertzel(samples, frequency) for frequency in ROWS) / whole
    if row < _EACH:
        return False
    column = max(_goertzel(samples, frequency) for frequency in COLUMNS) / whole
    return column >= _EACH and row + column >= _TOGETHER


Sound = Literal["silence", "tone"]
"""What the agent hears instead of a key: nothing, or one neutral tone, the same for every key."""
NEUTRAL_HZ = 400
"""Twenty samples a cycle, eight cycles a packet: every packet of it is the same, and no phase says where a key began."""
_NEUTRAL = [round(2000 * math.sin(2 * math.pi * NEUTRAL_HZ * at / RATE)) for at in range(RATE // NEUTRAL_HZ)]
_CYCLE = {PCMU: encode_ulaw(_NEUTRAL), PCMA: encode_alaw(_NEUTRAL)}


class Held:
    """One packet on its way through the mask; `silenced` may still change until it is `settled`: its successor was looked at."""

    __slots__ = ("packet", "settled", "silenced", "sound")

    def __init__(self, packet: RtpPacket, *, silenced: bool, sound: Sound = "silence") -> None:
        self.packet = packet
        self.silenced = silenced
        self.settled = False
        self.sound = sound

    def leaving(self) -> RtpPacket:
        """The packet as the agent may hear it."""
        if not self.silenced:
            return self.packet
        size, law = len(self.packet.payload), self.packet.payload_type
        cycle = _CYCLE[law] if self.sound == "tone" else bytes([_SILENCE[law]])
        instead = (cycle * (size // len(cycle) + 1))[:size]
        return RtpPacket(
            payload_type=self.packet.payload_type,
            sequence=self.packet.sequence,
            timestamp=self.packet.timestamp,
            ssrc=self.packet.ssrc,
            marker=self.packet.marker,
            payload=instead,
        )


class ToneMask:
    """One direction of one call. Call `take()` with every packet, send what it returns `LOOK_AHEAD_S` later, and not before
    it is settled: a busy process may have its successor still in the socket."""

    def __init__(self, sound: Sound = "silence") -> None:
        self._sound: Sound = sound
        self._previous: Held | None = None
        self._ringing_on = False

    def take(self, packet: RtpPacket) -> Held | None:
        """Look at a packet; None when it must not pass at all."""
        if packet.payload_type not in _SILENCE:
            return None
        decode = decode_ulaw if packet.payload_type == PCMU else decode_alaw
        key = sounds_like_a_key(decode(packet.payload))
        held = Held(packet, silenced=key or self._ringing_on, sound=self._sound)
        if self._previous is not None:
            self._previous.silenced |= key
            self._previous.settled = True
        self._previous, self._ringing_on = held, key
        return held
