"""G.711 (ITU-T): mu-law and A-law to 16-bit linear samples and back, by tables. 8000 samples a second."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable
from functools import cache

RATE = 8000
_BIAS, _CLIP = 0x84, 32635


def _ulaw_to_linear(code: int) -> int:
    code = ~code & 0xFF
    magnitude = (((code & 0x0F) << 3) + _BIAS << (code >> 4 & 0x07)) - _BIAS
    return -magnitude if code & 0x80 else magnitude


def _alaw_to_linear(code: int) -> int:
    code ^= 0x55
    segment = code >> 4 & 0x07
    magnitude = ((code & 0x0F) << 4) + 8
    if segment:
        magnitude = magnitude + 0x100 << segment - 1
    return magnitude if code & 0x80 else -magnitude


def _linear_to_ulaw(sample: int) -> int:
    sign = 0x80 if sample < 0 else 0
    magnitude = min(abs(sample), _CLIP) + _BIAS
    segment = magnitude.bit_length() - 8
    return ~(sign | segment << 4 | magnitude >> segment + 3 & 0x0F) & 0xFF


def _linear_to_alaw(sample: int) -> int:
    # Negative values are mirrored at -1, not at 0: A-law has no zero.
    sign, magnitude = (0x80, sample) if sample >= 0 else (0, -sample - 1)
    magnitude = min(magnitude, 32767) >> 4
    segment = max(magnitude.bit_length() - 4, 0)
    mantissa = magnitude >> max(segment - 1, 0) & 0x0F
    return (sign | segment << 4 | mantissa) ^ 0x55


_ULAW = array("h", map(_ulaw_to_linear, range(256)))
_ALAW = array("h", map(_alaw_to_linear, range(256)))


@cache
def _encoder(law: str) -> bytes:
    """Code of every 16-bit sample, by the sample's unsigned value; built when first wanted (some 40 ms)."""
    encode = _linear_to_ulaw if law == "ulaw" else _linear_to_alaw
    return bytes(encode(value - 0x10000 if value >= 0x8000 else value) for value in range(0x10000))


def decode_ulaw(data: bytes) -> array[int]:
    """PCMU payload to samples (`array("h")`)."""
    return array("h", [_ULAW[code] for code in data])


def decode_alaw(data: bytes) -> array[int]:
    """PCMA payload to samples."""
    return array("h", [_ALAW[code] for code in data])


def encode_ulaw(samples: Iterable[int]) -> bytes:
    """Samples (-32768 to 32767) to PCMU payload."""
    table = _encoder("ulaw")
    return bytes(table[sample & 0xFFFF] for sample in samples)


def encode_alaw(samples: Iterable[int]) -> bytes:
    """Samples (-32768 to 32767) to PCMA payload."""
    table = _encoder("alaw")
    return bytes(table[sample & 0xFFFF] for sample in samples)


def samples_of(pcm: bytes) -> array[int]:
    """16-bit little-endian PCM, as sound files and datagrams hold it, to samples. An odd last byte is left out."""
    samples = array("h")
    samples.frombytes(pcm[: len(pcm) & ~1])
    if sys.byteorder == "big":
        samples.byteswap()
    return samples
