"""SIP as an onlooker reads it, and messages out of TCP however it was cut."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callseal.wire.sip import SipMessage, looks_like_sip
from callseal.wire.sip_stream import FOREIGN_AFTER, GAP_S, SipStream

pytestmark = pytest.mark.unit

INVITE = (
    b"INVITE sip:+44@x SIP/2.0\r\nv: SIP/2.0/UDP x\r\ni: abc@x\r\nFrom: <sip:a@x>;tag=1\r\nTo: <sip:b@x>\r\n"
    b"CSeq: 7 INVITE\r\nSubject: folded\r\n  further\r\nl: 4\r\n\r\nbody"
)
RINGING = b"SIP/2.0 180 Ringing\r\nCall-ID: abc@x\r\nCSeq: 7 INVITE\r\nTo: <sip:b@x>;tag=2\r\nContent-Length: 0\r\n\r\n"


def test_request_with_compact_names_and_folding() -> None:
    message = SipMessage.parse(INVITE + b"more")
    assert (message.method, message.status, message.call_id, message.cseq) == ("INVITE", 0, "abc@x", 7)
    assert (message.body, message.header("subject"), message.in_dialog) == (b"body", "folded further", False)


def test_reply() -> None:
    message = SipMessage.parse(RINGING)
    assert (message.method, message.status, message.in_dialog) == ("INVITE", 180, True)


@pytest.mark.parametrize("data", [b"", b"HELLO", b"\x80\x00", b"GET / HTTP/1.1\r\n\r\n"])
def test_what_is_not_sip(data: bytes) -> None:
    assert not looks_like_sip(data)
    with pytest.raises(ValueError, match="not a SIP message"):
        SipMessage.parse(data)


@given(st.binary(max_size=300))
def test_anything_after_a_start_line_is_survived(rest: bytes) -> None:
    SipMessage.parse(b"INVITE x SIP/2.0\r\n" + rest)
    SipStream().feed(0.0, 1, b"INVITE x SIP/2.0\r\n" + rest)


@given(st.data(), st.integers(0, 2**32 - 1))
def test_segments_of_any_size_in_any_order_with_repeats(data: st.DataObject, begin: int) -> None:
    text = INVITE + b"\r\n\r\n" + RINGING + INVITE
    cuts = sorted({0, len(text), *data.draw(st.lists(st.integers(0, len(text)), max_size=12))})
    parts = [((begin + a) & 0xFFFFFFFF, text[a:b]) for a, b in itertools.pairwise(cuts)]
    order = [parts[0], *data.draw(st.permutations(parts[1:]))]
    repeated = [*order, *data.draw(st.lists(st.sampled_from(parts), max_size=3))]
    stream = SipStream()
    found = [message for number, part in repeated for _, message in stream.feed(0.0, number, part)]
    assert found == [INVITE, RINGING, INVITE]


def test_a_gap_is_counted_and_reading_goes_on() -> None:
    stream = SipStream()
    assert stream.feed(0.0, 0, INVITE) == [(0.0, INVITE)]
    at = len(INVITE) + 500  # 500 octets never come
    found = []
    for _ in range(200):
        found += [message for _, message in stream.feed(0.0, at, RINGING)]
        at += len(RINGING)
    assert stream.lost >= 1
    assert found.count(RINGING) > 100


def test_tls_is_seen() -> None:
    stream = SipStream()
    stream.feed(0.0, 0, b"\x16\x03\x01\x02\x00" + bytes(300))
    assert stream.encrypted


def test_a_missing_segment_is_waited_for_and_then_passed_over() -> None:
    """What came behind it has the time at which it passed, whenever the wait is over."""
    stream = SipStream()
    stream.feed(0.0, 0, INVITE)
    assert stream.feed(1.0, len(INVITE) + 50, RINGING) == []
    late = len(INVITE) + 50 + len(RINGING)
    assert stream.feed(1.0 + GAP_S + 5, late, INVITE) == [(1.0, RINGING), (1.0 + GAP_S + 5, INVITE)]
    assert stream.lost == 1
    assert stream.feed(9.0, late + len(INVITE) + 9, RINGING) == []
    assert stream.drain() == [(9.0, RINGING)]
    assert stream.lost == 2


def test_segments_that_overlap() -> None:
    """Repeats need not be cut where the first ones were."""
    text = INVITE + RINGING + INVITE
    stream = SipStream()
    found = []
    for begin, end in ((0, 40), (100, 140), (30, 120), (10, 35), (110, len(text))):
        found += stream.feed(0.0, begin, text[begin:end])
    assert [message for _, message in found] == [INVITE, RINGING, INVITE]
    assert stream.lost == 0


def test_a_connection_that_is_joined_in_the_middle() -> None:
    stream = SipStream()
    text = INVITE[20:] + RINGING
    found = [one for at in range(0, len(text), 30) for one in stream.feed(0.0, 7000 + at, text[at : at + 30])]
    assert [message for _, message in found] == [RINGING]


def test_what_is_not_sip_keeps_nothing_and_sip_after_it_is_read() -> None:
    stream, at = SipStream(), 0
    for _ in range(FOREIGN_AFTER // 1000 + 2):
        assert stream.feed(0.0, at, b"x" * 1000) == []
        at += 1000 + 50  # every one behind a gap
    for _ in range(40):
        stream.feed(0.0, at, b"y" * 1000)
        at += 1000
    assert len(stream._text) + sum(len(part) for _, part in stream._waiting.values()) < 10_000
    assert stream.feed(1.0, at, RINGING) == [(1.0, RINGING)]


def test_websocket_is_seen() -> None:
    stream = SipStream()
    head = "GET / HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: sip\r\n" + "X: y\r\n" * 60
    stream.feed(0.0, 0, head.encode() + b"\r\n")
    assert stream.websocket
