"""Keys on the wire: round trips, sending order, and silence about the key in every message."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callseal.wire.dtmf import (
    KEYS,
    InfoKey,
    RedundantBlock,
    TelephoneEvent,
    event_code,
    parse_redundant,
    press,
    redundant,
)

pytestmark = pytest.mark.unit

events = st.builds(
    TelephoneEvent,
    event=st.integers(0, 255),
    end=st.booleans(),
    volume=st.integers(0, 63),
    duration=st.integers(0, 0xFFFF),
    reserved=st.booleans(),
)


@given(st.lists(events, min_size=1, max_size=4))
def test_events_survive_the_wire(several: list[TelephoneEvent]) -> None:
    payload = b"".join(map(bytes, several))
    assert TelephoneEvent.parse_all(payload) == tuple(several)
    assert TelephoneEvent.parse(payload) == several[0]


@given(st.binary(min_size=4, max_size=4))
def test_every_four_bytes_are_an_event(payload: bytes) -> None:
    assert bytes(TelephoneEvent.parse(payload)) == payload


@pytest.mark.parametrize("payload", [b"", b"\x01\x0a\x00"])
def test_short_events_are_refused(payload: bytes) -> None:
    with pytest.raises(ValueError, match="telephone-event"):
        TelephoneEvent.parse(payload)
    with pytest.raises(ValueError, match="multiple of 4"):
        TelephoneEvent.parse_all(payload)


@given(st.sampled_from(KEYS))
def test_codes_and_keys_are_each_others_mirror(key: str) -> None:
    assert TelephoneEvent(event_code(key)).key == key
    assert event_code(key.lower()) == event_code(key)


def test_other_events_are_no_keys() -> None:
    assert TelephoneEvent(16).key is None
    for wrong in ("", "12", "x"):
        with pytest.raises(ValueError, match=r"^no such key$"):
            event_code(wrong)


def test_a_press_grows_and_ends_three_times() -> None:
    sent = list(press("5", duration=480))
    assert [event.duration for event in sent] == [160, 320, 480, 480, 480]
    assert [event.end for event in sent] == [False, False, True, True, True]
    assert {event.key for event in sent} == {"5"}


def test_nothing_prints_the_key() -> None:
    assert "event=" not in repr(TelephoneEvent(7))
    assert "7" not in repr(InfoKey("7", 160))
    assert "payload=" not in repr(RedundantBlock(101, 0, bytes(TelephoneEvent(7))))


blocks = st.lists(
    st.builds(RedundantBlock, st.integers(0, 127), st.integers(0, 0x3FFF), st.binary(max_size=40)),
    min_size=1,
    max_size=4,
).map(lambda some: (*some[:-1], RedundantBlock(some[-1].payload_type, 0, some[-1].payload)))


@given(blocks)
def test_redundant_blocks_survive_the_wire(several: tuple[RedundantBlock, ...]) -> None:
    assert parse_redundant(redundant(several)) == several


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"", "no primary block"),
        (b"\xe5\x00", "within a block header"),
        (b"\xe5\x00\x00\x04", "no primary block"),
        (b"\xe5\x00\x00\x04\x65\x01", "longer than the payload"),
    ],
)
def test_broken_redundancy_says_why(payload: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_redundant(payload)


@given(st.sampled_from(KEYS), st.none() | st.integers(0, 99999))
def test_info_bodies_survive_the_wire(key: str, duration_ms: int | None) -> None:
    told = InfoKey(key, duration_ms)
    assert InfoKey.parse("application/dtmf-relay", bytes(told)) == told


@pytest.mark.parametrize(
    ("content_type", "body", "key"),
    [
        ("application/dtmf-relay", b"Signal= 5\r\nDuration= 160\r\n", "5"),
        ("Application/DTMF-Relay; charset=x", b"duration=1\nsignal=d\n", "D"),
        ("application/dtmf", b"11\r\n", "#"),
        ("application/dtmf", b"*", "*"),
    ],
)
def test_info_bodies_as_vendors_write_them(content_type: str, body: bytes, key: str) -> None:
    found = InfoKey.parse(content_type, body)
    assert found is not None
    assert found.key == key


def test_other_bodies_are_left_alone_and_broken_ones_refused_without_telling() -> None:
    assert InfoKey.parse("application/sdp", b"v=0") is None
    with pytest.raises(ValueError, match=r"^INFO body holds no key$"):
        InfoKey.parse("application/dtmf", b"4242")
    with pytest.raises(ValueError, match="no Signal line"):
        InfoKey.parse("application/dtmf-relay", b"Duration=160")
