"""One stream of packets: order, repeats, gaps, and a digit in whatever form it comes."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callseal.audit.codecs import CLOCKS
from callseal.audit.heard import Method
from callseal.audit.rtp_audio import opus_duration
from callseal.audit.rtp_stream import RtpStream
from callseal.wire.dtmf import RedundantBlock, press, redundant
from callseal.wire.ip import IpReader
from tests.support.call_capture import BEGIN, KINDS, Capture, Talk, hush, murmur, tones

pytestmark = pytest.mark.unit

CODECS = ("PCMU", "PCMA", "G722", "OPUS")
Packets = list[tuple[float, bytes]]


def packets(capture: Capture) -> Packets:
    reader = IpReader()
    found = []
    for at, frame in capture.records:
        packet = reader.read(101, frame)
        assert packet is not None
        found.append((at, packet.payload))
    return found


def codec_of(_source: str, _destination: str, kind: int) -> str:
    return {**{number: name for name, number in KINDS.items()}, 101: "TELEPHONE-EVENT"}.get(kind, "")


def stream_of(rows: Packets) -> RtpStream:
    stream = RtpStream("192.0.2.1:1", "192.0.2.2:2", 1, rows[0][0], codec_of)
    for at, packet in rows:
        if stream.add(at, packet):
            stream.flush()
    stream.flush(final=True)
    return stream


def keys(stream: RtpStream, method: Method) -> str:
    return "".join(digit.key for digit in stream.digits if digit.method is method)


def talk(codec: str = "PCMU") -> Talk:
    return Talk(Capture(), ("192.0.2.1", 1), ("192.0.2.2", 2), codec)


@pytest.mark.parametrize("codec", CODECS)
def test_tones_in_every_codec(codec: str) -> None:
    one = talk(codec)
    one.say(1.0, np.concatenate((murmur(1), tones("159#", dbm0=-30), hush(1))))
    stream = stream_of(packets(one.capture))
    assert keys(stream, Method.TONE) == "159#"
    assert all(BEGIN + 1.9 < digit.at < BEGIN + 2.9 for digit in stream.digits)
    assert all(digit.level_dbm0 is not None and abs(digit.level_dbm0 + 30) < 1.5 for digit in stream.digits)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("kind", [101, 96 + 19, 127, 77])
def test_events_of_every_type_and_clock(codec: str, kind: int) -> None:
    one = talk(codec)
    one.press(one.say(1.0, murmur(1)), "4242*", kind=kind)
    assert keys(stream_of(packets(one.capture)), Method.EVENT) == "4242*"


def test_events_with_a_clock_of_16_and_48_khz_beside_g711() -> None:
    for factor in (2, 6):
        one = talk()
        one.say(1.0, murmur(0.5))
        for number, event in enumerate(press("8", duration=800 * factor, step=160 * factor)):
            one.packet(2 + number / 50, 110, bytes(event), timestamp=90_000)
        assert keys(stream_of(packets(one.capture)), Method.EVENT) == "8"


def test_redundant_events() -> None:
    one = talk()
    at = one.say(1.0, murmur(0.5))
    before: list[RedundantBlock] = []
    for key in "31":
        begin = one.timestamp
        for event in press(key, duration=480):
            blocks = (*before, RedundantBlock(101, 0, bytes(event)))
            one.packet(at, 121, redundant(blocks), timestamp=begin)
            last = event
            at += 0.02
        before = [RedundantBlock(101, 960, bytes(last))]
        one.timestamp += 960
    assert keys(stream_of(packets(one.capture)), Method.EVENT) == "31"


def test_events_under_the_type_of_the_audio() -> None:
    one = talk()
    one.press(one.say(1.0, murmur(1)), "6", kind=0)
    assert keys(stream_of(packets(one.capture)), Method.EVENT) == "6"


def test_both_at_once_are_counted_each_way() -> None:
    one = talk()
    at = one.say(1.0, tones("77"))
    one.press(at, "77")
    stream = stream_of(packets(one.capture))
    assert (keys(stream, Method.EVENT), keys(stream, Method.TONE)) == ("77", "77")


@settings(max_examples=20)
@given(st.integers(0, 10_000))
def test_disorder_and_repeats_change_nothing(seed: int) -> None:
    one = talk()
    one.press(one.say(1.0, np.concatenate((murmur(2), tones("25"), hush(0.5)))), "9")
    rows = packets(one.capture)
    order = random.Random(seed)
    moved = sorted(range(len(rows)), key=lambda place: place + order.uniform(0, 6))
    shuffled: Packets = []
    for place in moved:
        shuffled.append((rows[len(shuffled) if len(shuffled) < len(rows) else -1][0], rows[place][1]))
    doubled = [row for row in shuffled for _ in range(1 + (order.random() < 0.2))]
    stream = stream_of(doubled)
    assert (keys(stream, Method.TONE), keys(stream, Method.EVENT)) == ("25", "9")
    assert (stream.packets, stream.lost) == (len(rows), 0)


def test_repeats_are_counted_and_heard_once() -> None:
    one = talk()
    one.press(one.say(1.0, tones("4")), "5")
    rows = packets(one.capture)
    stream = stream_of([row for row in rows for _ in range(2)])
    assert (stream.packets, stream.duplicates, len(stream.digits)) == (len(rows), len(rows), 2)


def test_the_sequence_number_wraps() -> None:
    one = talk()
    one.sequence = 65_500
    one.say(1.0, murmur(3))
    stream = stream_of(packets(one.capture))
    assert (stream.packets, stream.lost, stream.duplicates) == (150, 0, 0)


def test_what_is_missing_is_counted_where_it_is_missing() -> None:
    one = talk()
    one.say(1.0, murmur(4))
    rows = packets(one.capture)
    stream = stream_of(rows[:50] + rows[60:])
    assert stream.lost == 10
    assert stream.gauge.reading(BEGIN + 2, BEGIN + 3).lost == 10
    assert stream.gauge.reading(BEGIN + 3, BEGIN + 5).lost == 0


def test_what_cannot_be_decoded_is_counted() -> None:
    one = talk()
    for number in range(60):
        one.packet(1 + number / 50, 18, bytes(20))
    stream = stream_of(packets(one.capture))
    assert stream.codecs == {"G729": 60}
    assert stream.gauge.reading(BEGIN, BEGIN + 9).deaf == 60


def test_a_thousand_digits_stay_a_thousand_and_memory_is_bounded() -> None:
    one = talk()
    at = 1.0
    for _ in range(100):
        at = one.press(at, "0123456789", milliseconds=40, gap=40)
    stream = stream_of(packets(one.capture))
    assert len(stream.digits) == 1000
    assert len(stream.sample) == 200


@settings(max_examples=50)
@given(st.lists(st.binary(min_size=12, max_size=60), min_size=1, max_size=40))
def test_any_packets_are_survived(rows: list[bytes]) -> None:
    stream_of([(BEGIN + number, b"\x80" + row[1:]) for number, row in enumerate(rows)])
    stream_of([(BEGIN + number, bytes([row[0] & 0x3F | 0x80]) + row[1:]) for number, row in enumerate(rows)])


def test_durations_of_opus() -> None:
    assert opus_duration(bytes([0x78])) == 960  # 20 ms, hybrid
    assert opus_duration(bytes([0x18])) == 2880  # 60 ms, SILK
    assert opus_duration(bytes([0x83, 4])) == 480  # four of 2.5 ms
    assert opus_duration(b"") == 0


def test_clocks_are_those_of_rfc_3551_and_7587() -> None:
    assert CLOCKS == {"PCMU": 8000, "PCMA": 8000, "G722": 8000, "OPUS": 48000}
