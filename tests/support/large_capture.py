"""Captures of any size, written as they are made: many short calls, one long one, noise, and traffic that is no telephony.

A second of all streams is one numpy array, so a gigabyte takes seconds. Addresses are of the documentation ranges, digits made up.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from callseal.audit.codecs import encode
from callseal.wire.ip import udp_packet
from callseal.wire.pcap_stream import pcap_header, pcap_record
from tests.support.call_capture import (
    AGENT_RTP,
    BEGIN,
    CUSTOMER_RTP,
    EDGE_TO_AGENT,
    EDGE_TO_CUSTOMER,
    Where,
    murmur,
    secured_call,
    tones,
)

RATE = 50
"""Packets a second of each stream."""
STREAMS = ((EDGE_TO_AGENT, AGENT_RTP), (CUSTOMER_RTP, EDGE_TO_CUSTOMER), (AGENT_RTP, EDGE_TO_AGENT))
_IP, _RTP, _AUDIO, _RECORD = 16, 44, 56, 216
Octets = NDArray[np.uint8]


def write_calls(path: Path, calls: int, *, together: int, seconds: int, leaking: int = -1) -> None:
    """`calls` calls, `together` at a time, each `seconds` long (32 kB a second) and secured in its middle.

    In call number `leaking` one tone reaches the agent while secured.
    """
    templates = [_sip(slot) for slot in range(together)]
    silence, tone = _frames(murmur(1.0)), _frames(tones("5", gap=0.82))
    begins: list[int] = []
    waiting: list[tuple[float, bytes]] = []
    with path.open("wb", buffering=1 << 20) as sink:
        sink.write(pcap_header())
        second = 0
        while len(begins) < calls or begins[-1] + seconds > second:
            number = len(begins)
            begin = number // together * (seconds + 8) + number % together * max(seconds // together, 1)
            if number < calls and begin <= second:
                begins.append(second)
                waiting += _messages(templates[number % together], number, second, seconds)
                waiting.sort(reverse=True)
                continue
            up = [
                one
                for one in range(max(0, number - 2 * together), number)
                if begins[one] + 1 <= second < begins[one] + seconds
            ]
            audio = {
                one: tone if one == leaking and second == begins[one] + seconds // 2 else silence
                for one in up
            }
            _write_second(sink, second, _media(up, together, second, audio), waiting)
            second += 1
        _write_second(sink, second + seconds, None, waiting)


def write_noise(path: Path, size: int) -> None:
    """UDP of any content and length, a part of it with the look of RTP, between any ports."""
    rng = np.random.default_rng(7)
    pool = rng.integers(0, 256, 1 << 20, dtype=np.uint8).tobytes()
    with path.open("wb", buffering=1 << 20) as sink:
        sink.write(pcap_header())
        number = 0
        while sink.tell() < size:
            lengths = rng.integers(12, 1300, 4096)
            places = rng.integers(0, (1 << 20) - 1300, 4096)
            ports = rng.integers(1024, 65536, (4096, 2))
            for length, at, (first, last) in zip(
                lengths.tolist(), places.tolist(), ports.tolist(), strict=True
            ):
                data = pool[at : at + length]
                if number % 3 == 0:
                    data = b"\x80\x00" + data[2:]
                frame = udp_packet(("192.0.2.1", first), ("192.0.2.2", last if number % 5 else 4000), data)
                sink.write(pcap_record(BEGIN + number / 5000, frame))
                number += 1


def write_foreign(path: Path, size: int, *, connections: int = 3000) -> None:
    """Long TCP transfers side by side, of which segments are missing, some of them text; and DNS."""
    rng = np.random.default_rng(8)
    binary = rng.integers(0, 256, 1 << 16, dtype=np.uint8).tobytes()
    text = (b"GET /index.html HTTP/1.1\r\nHost: example.org\r\nAccept: */*\r\n" * 2000)[: 1 << 16]
    sequences = [1000] * connections
    with path.open("wb", buffering=1 << 20) as sink:
        sink.write(pcap_header())
        number = 0
        while sink.tell() < size:
            one = number % connections
            part = (text if one % 3 else binary)[number % 1000 : number % 1000 + 1400]
            if number % 97:
                frame = _tcp(("192.0.2.1", 1024 + one), ("192.0.2.2", 443), sequences[one], part)
                sink.write(pcap_record(BEGIN + number / 5000, frame))
            sequences[one] = (sequences[one] + len(part)) & 0xFFFFFFFF
            if number % 10 == 0:
                query = (
                    (number & 0xFFFF).to_bytes(2, "big")
                    + b"\x01\x00\x00\x01"
                    + bytes(6)
                    + b"\x07example\x03org\x00\x00\x01\x00\x01"
                )
                sink.write(
                    pcap_record(
                        BEGIN + number / 5000,
                        udp_packet(("192.0.2.3", 1024 + one), ("192.0.2.53", 53), query),
                    )
                )
            number += 1


# -- calls ---------------------------------------------------------------------------------------------------------


def _sip(slot: int) -> list[tuple[float, bytes]]:
    """The messages of a call on ports of its own."""
    found = []
    for at, frame in sorted(secured_call(keys="").records):
        data = frame[28:]
        if frame[20:22] != (5060).to_bytes(2, "big"):
            continue
        head, _, body = data.partition(b"m=audio ")
        if body:
            port, _, rest = body.partition(b" ")
            data = head + b"m=audio %d " % (int(port) + 10 * slot) + rest
        source, destination = ((".".join(map(str, frame[place : place + 4])), 5060) for place in (12, 16))
        found.append((at - BEGIN, udp_packet(source, destination, data)))
    return found


def _messages(
    template: list[tuple[float, bytes]], number: int, begin: int, seconds: int
) -> Iterator[tuple[float, bytes]]:
    for at, frame in template:
        when = np.interp(
            at,
            [0, 1, 2, 3, 6, 7, 8],
            [0, 1, seconds / 4, seconds / 4 + 1, 3 * seconds / 4, 3 * seconds / 4 + 1, seconds],
        )
        named = (
            frame.replace(b"customer-leg@x", b"c%08d-leg@x" % number)
            .replace(b"agent-leg@x", b"a%05d-leg@x" % number)
            .replace(b"ab" * 16, b"%032x" % number)
        )
        yield BEGIN + begin + float(when), named


def _frames(audio: NDArray[np.float32]) -> Octets:
    """A second of it, packet by packet."""
    return np.frombuffer(b"".join(encode("PCMU", audio)[:RATE]), dtype=np.uint8).reshape(RATE, 160)


def _media(up: list[int], together: int, second: int, audio: dict[int, Octets]) -> Octets | None:
    """A second of all streams, record by record, in the order of time."""
    if not up:
        return None
    block = np.zeros((RATE, len(up) * len(STREAMS), _RECORD), dtype=np.uint8)
    ticks = np.arange(RATE, dtype=np.int64)
    for place, number in enumerate(up):
        for way, (source, destination) in enumerate(STREAMS):
            rows = block[:, place * len(STREAMS) + way]
            _header(rows, source, destination, 10 * (number % together))
            _be32(rows, _RTP + 4, (second * RATE + ticks) * 160)
            _be32(rows, _RTP + 8, np.full(RATE, number * 4 + way + 1))
            rows[:, _RTP + 2 : _RTP + 4] = _octets((second * RATE + ticks) & 0xFFFF, 2)
            rows[:, _AUDIO:] = audio[number] if way == 0 else next(iter(audio.values()))
    micros = (ticks[:, None] * 20_000 + np.arange(block.shape[1]) % 20_000).astype("<u4")
    block[:, :, 4:8] = micros[..., None].view(np.uint8).reshape(*micros.shape, 4)
    block[:, :, 0:4] = np.frombuffer(np.uint32(int(BEGIN) + second).tobytes(), dtype=np.uint8)
    return block.reshape(-1, _RECORD)


def _header(rows: Octets, source: Where, destination: Where, shift: int) -> None:
    moved = ((source[0], source[1] + shift), (destination[0], destination[1] + shift))
    record = pcap_record(0.0, udp_packet(*moved, b"\x80\x00" + bytes(170)))
    rows[:] = np.frombuffer(record, dtype=np.uint8)


def _be32(rows: Octets, at: int, values: NDArray[np.int64]) -> None:
    rows[:, at : at + 4] = _octets(values & 0xFFFFFFFF, 4)


def _octets(values: NDArray[np.int64], size: int) -> Octets:
    return values.astype(">u4").view(np.uint8).reshape(-1, 4)[:, 4 - size :]


def _write_second(
    sink: BinaryIO, second: int, block: Octets | None, waiting: list[tuple[float, bytes]]
) -> None:
    """Media of one second, with the messages of that time between."""
    done = 0
    while waiting and waiting[-1][0] < BEGIN + second + 1:
        at, frame = waiting.pop()
        if block is not None:
            place = (
                int(max(at - BEGIN - second, 0.0) * len(block)) // (len(block) // RATE) * (len(block) // RATE)
            )
            sink.write(block[done:place].tobytes())
            done = max(done, place)
        sink.write(pcap_record(at, frame))
    if block is not None:
        sink.write(block[done:].tobytes())


def _tcp(source: Where, destination: Where, sequence: int, payload: bytes) -> bytes:
    head = udp_packet(source, destination, bytes(12) + payload)
    ports = head[20:24] + sequence.to_bytes(4, "big") + bytes(4) + b"\x50\x10\xff\xff\x00\x00\x00\x00"
    return head[:9] + b"\x06" + head[10:20] + ports + payload
