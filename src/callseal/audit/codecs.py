"""Payloads to audio at 8000 samples a second (float32 on the scale of 16 bits), and back for the self-test.

G.711 by tables, G.722 and Opus by FFmpeg's decoders (PyAV). Both come with the extra `callseal[audit]`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from callseal.wire.g711 import decode_alaw, decode_ulaw, encode_alaw, encode_ulaw

Floats = NDArray[np.float32]

RATE = 8000
STATIC = {0: "PCMU", 8: "PCMA", 9: "G722", 13: "CN", 19: "CN", 3: "GSM", 4: "G723", 15: "G728", 18: "G729"}
"""Static payload types of RFC 3551 section 6; 19 was comfort noise before."""
CLOCKS = {"PCMU": 8000, "PCMA": 8000, "G722": 8000, "OPUS": 48000}
"""RTP clock rates; G.722's is 8000 although it has 16000 samples (RFC 3551 section 4.5.2)."""
DECODABLE = frozenset(CLOCKS)
SILENT = frozenset({"CN"})

_ULAW = np.array(decode_ulaw(bytes(range(256))), dtype=np.float32)
_ALAW = np.array(decode_alaw(bytes(range(256))), dtype=np.float32)


class Decoder(Protocol):
    """One stream's decoder; it may remember."""

    def decode(self, payloads: Sequence[bytes]) -> Floats:
        """Audio of packets in order."""


class _Table:
    def __init__(self, table: Floats) -> None:
        self._table = table

    def decode(self, payloads: Sequence[bytes]) -> Floats:
        return self._table[np.frombuffer(b"".join(payloads), dtype=np.uint8)]


class _Libav:
    """A decoder of FFmpeg, brought down to 8000 samples a second."""

    def __init__(self, name: str, rate: int) -> None:
        import av  # noqa: PLC0415 - a large library, wanted by two codecs only

        av.logging.set_level(av.logging.PANIC)
        self._av = av
        context: Any = av.CodecContext.create(name, "r")
        context.sample_rate, context.layout = rate, "mono"
        self._context = context
        self._down = _Decimator(rate // RATE)

    def decode(self, payloads: Sequence[bytes]) -> Floats:
        frames: list[Floats] = []
        for payload in payloads:
            try:
                decoded = self._context.decode(self._av.Packet(payload))
            except self._av.error.FFmpegError:
                continue
            for frame in decoded:
                array = frame.to_ndarray()
                mono = array.mean(axis=0) if frame.format.is_planar else array.reshape(-1)
                scale = 32768.0 if array.dtype.kind == "f" else 1.0
                frames.append(np.asarray(mono * scale, dtype=np.float32))
        return self._down.feed(np.concatenate(frames)) if frames else np.zeros(0, dtype=np.float32)


class _Decimator:
    """Keeps every n-th sample after a windowed-sinc low pass at 3.4 kHz; DTMF ends at 1.7 kHz."""

    TAPS_EACH = 8

    def __init__(self, by: int) -> None:
        self._by = by
        size = 2 * self.TAPS_EACH * by + 1
        at = np.arange(size) - size // 2
        taps = np.sinc(at * 0.85 / by) * np.hamming(size)
        self._taps = (taps / taps.sum()).astype(np.float32)
        self._rest = np.zeros(size - 1, dtype=np.float32)

    def feed(self, samples: Floats) -> Floats:
        data = np.concatenate((self._rest, samples))
        size = len(self._taps)
        count = (len(data) - size) // self._by + 1 if len(data) >= size else 0
        if count <= 0:
            self._rest = data
            return np.zeros(0, dtype=np.float32)
        windows = np.lib.stride_tricks.sliding_window_view(data, size)[:: self._by][:count]
        self._rest = data[count * self._by :].copy()
        return np.asarray(windows @ self._taps, dtype=np.float32)


def decoder(codec: str) -> Decoder:
    """A new decoder by the codec's name in SDP (upper case). `ValueError` for one that cannot be decoded here."""
    if codec == "PCMU":
        return _Table(_ULAW)
    if codec == "PCMA":
        return _Table(_ALAW)
    if codec == "G722":
        return _Libav("g722", 16000)
    if codec == "OPUS":
        return _Libav("opus", 48000)
    raise ValueError(f"{codec} cannot be decoded here")


def encode(codec: str, audio: Floats, frame_ms: int = 20) -> list[bytes]:
    """Payloads of `frame_ms` each, of audio at 8000 samples a second. For the self-test. `ValueError` for another codec."""
    step = RATE * frame_ms // 1000
    whole = np.clip(np.round(audio[: len(audio) // step * step]), -32768, 32767).astype(np.int16)
    if codec in ("PCMU", "PCMA"):
        code = _law(codec)[whole.view(np.uint16)].tobytes()
        return [code[at : at + step] for at in range(0, len(code), step)]
    if codec == "G722":
        return _encode("g722", 16000, np.repeat(whole, 2), 320)
    if codec == "OPUS":
        times = np.arange(len(whole) * 6) / 6
        return _encode("libopus", 48000, np.interp(times, np.arange(len(whole)), whole).astype(np.int16), 960)
    raise ValueError(f"{codec} cannot be encoded here")


@cache
def _law(codec: str) -> NDArray[np.uint8]:
    """Code of every 16-bit sample, by the sample's unsigned value."""
    return np.frombuffer((encode_ulaw if codec == "PCMU" else encode_alaw)(range(0x10000)), dtype=np.uint8)


def _encode(name: str, rate: int, samples: NDArray[np.int16], step: int) -> list[bytes]:
    import av  # noqa: PLC0415

    av.logging.set_level(av.logging.PANIC)
    context: Any = av.CodecContext.create(name, "w")
    context.sample_rate, context.layout, context.format = rate, "mono", "s16"
    if name == "libopus":
        context.bit_rate = 32000
        context.options = {"application": "voip", "compression_level": "2"}
    payloads: list[bytes] = []
    for at in range(0, len(samples) - step + 1, step):
        frame = av.AudioFrame.from_ndarray(samples[None, at : at + step].copy(), format="s16", layout="mono")
        frame.sample_rate, frame.pts = rate, at
        payloads += [bytes(packet) for packet in context.encode(frame)]
    payloads += [bytes(packet) for packet in context.encode(None)]
    return payloads
