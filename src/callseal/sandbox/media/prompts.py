"""The recordings in `sandbox/prompts`, and several of them as one: rtpengine plays one recording at a time."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from importlib import resources

from callseal.sandbox.capture.commands import Prompt

_MULAW = 7  # WAVE_FORMAT_MULAW
_RATE = 8000
_GAP = b"\xff" * (_RATE // 4)  # a quarter of a second of mu-law silence


def load() -> dict[Prompt, bytes]:
    """Every prompt's mu-law samples. Raises `ValueError` for a file that is not 8 kHz mono mu-law."""
    folder = resources.files("callseal.sandbox.prompts")
    return {prompt: samples((folder / f"{prompt}.wav").read_bytes()) for prompt in Prompt}


def samples(wav: bytes) -> bytes:
    """The data chunk of an 8 kHz mono mu-law WAV file."""
    if wav[:4] != b"RIFF" or wav[8:12] != b"WAVE":
        raise ValueError("not a WAV file")
    at, found, right = 12, b"", False
    while at + 8 <= len(wav):
        name, size = struct.unpack_from("<4sI", wav, at)
        body = wav[at + 8 : at + 8 + size]
        if name == b"fmt ":
            right = struct.unpack_from("<HHI", body) == (_MULAW, 1, _RATE)
        elif name == b"data":
            found = body
        at += 8 + size + size % 2
    if not right or not found:
        raise ValueError("prompts are 8 kHz mono mu-law")
    return found


def joined(prompts: Sequence[Prompt], library: Mapping[Prompt, bytes]) -> bytes:
    """One WAV file of several prompts, with a short silence between them."""
    data = _GAP.join(library[prompt] for prompt in prompts)
    fmt = struct.pack("<HHIIHHH", _MULAW, 1, _RATE, _RATE, 1, 8, 0)
    chunks = (
        b"WAVE" + b"fmt " + struct.pack("<I", len(fmt)) + fmt + b"data" + struct.pack("<I", len(data)) + data
    )
    return b"RIFF" + struct.pack("<I", len(chunks)) + chunks
