"""Events under payload types that no SDP names."""

from __future__ import annotations

import random

import pytest

from bench.bleed_sound import WAYS, pressed
from callseal.sandbox.media.event_receiver import EventReceiver
from callseal.wire.rtp import RtpPacket

pytestmark = pytest.mark.unit

KEYS = "1123#"


def packets(name: str) -> list[RtpPacket]:
    (way,) = (way for way in WAYS if way.name == name)
    ticks = list(pressed(way, KEYS, random.Random(1)))
    return [
        RtpPacket(
            payload_type=out.payload_type,
            sequence=number,
            timestamp=number * 160 - out.since + 1600,
            ssrc=1,
            payload=out.payload,
            marker=out.marker,
        )
        for number, (out,) in enumerate(ticks)
    ]


def heard(sent: list[RtpPacket]) -> str:
    receiver = EventReceiver()
    return "".join(key for packet in sent for key in receiver.take(packet))


@pytest.mark.parametrize("name", ["RFC 4733, type never agreed", "RFC 4733 in RFC 2198"])
def test_each_press_once(name: str) -> None:
    assert heard(packets(name)) == KEYS


@pytest.mark.parametrize("name", ["RFC 4733, type never agreed", "RFC 4733 in RFC 2198"])
def test_every_fourth_packet_may_be_lost(name: str) -> None:
    for lost in range(4):
        assert heard([one for at, one in enumerate(packets(name)) if at % 4 != lost]) == KEYS


def test_a_press_without_its_end_is_told_by_the_next() -> None:
    ends = 0x80
    sent = [
        one
        for one in packets("RFC 4733, type never agreed")
        if not one.payload[1:2] or not one.payload[1] & ends
    ]
    assert heard(sent) == KEYS[:-1]


@pytest.mark.parametrize("payload", [b"", b"\x05", b"\x80\x00\x00", b"\xff" * 7, bytes(160)])
def test_other_packets_are_no_keys(payload: bytes) -> None:
    assert heard([RtpPacket(payload_type=97, sequence=1, timestamp=1, ssrc=1, payload=payload)]) == ""
