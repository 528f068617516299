"""bencode and the ng datagram: round trips, and every way in which a message can be broken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callseal.wire.ng import (
    MAX_DEPTH,
    NgReply,
    NgSyntaxError,
    bdecode,
    bencode,
    decode_message,
    encode_message,
)

pytestmark = pytest.mark.unit

values: st.SearchStrategy[NgReply] = st.recursive(
    st.integers(-(2**63), 2**63 - 1) | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("abc- ", max_size=6), inner, max_size=4)
    ),
    max_leaves=12,
)


def test_ping_has_the_bytes_of_the_protocol_page() -> None:
    assert encode_message("5323_1", {"command": "ping"}) == b"5323_1 d7:command4:pinge"


def test_reply_is_split_into_cookie_and_dictionary() -> None:
    assert decode_message(b"5323_1 d6:result4:ponge") == ("5323_1", {"result": "pong"})


def test_lists_integers_and_nesting() -> None:
    body: dict[str, NgReply] = {
        "flags": ["directional"],
        "delay-buffer": 0,
        "tags": {"a": {"medias": [{"port": -1}]}},
    }
    assert bencode(body) == (
        b"d12:delay-bufferi0e5:flagsl11:directionale4:tagsd1:ad6:mediasld4:porti-1eeeeee"
    )
    assert bdecode(bencode(body)) == body


def test_bytes_that_are_no_utf8_survive() -> None:
    raw = b"3:\xff\x00a"
    assert bencode(bdecode(raw)) == raw


@given(values)
def test_round_trip(value: NgReply) -> None:
    assert bdecode(bencode(value)) == value


@given(st.binary(max_size=60))
def test_any_bytes_decode_or_are_refused_by_name(data: bytes) -> None:
    try:
        bdecode(data)
    except NgSyntaxError:
        return


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"i",
        b"ie",
        b"i-e",
        b"i-0e",
        b"i01e",
        b"i1",
        b"i999999999999999999999e",
        b"1",
        b"1:",
        b"01:a",
        b"-1:a",
        b"3:ab",
        b"99999999999999999999999999:a",
        b"l",
        b"li1e",
        b"d",
        b"di1ei1ee",
        b"d1:ae",
        b"i1ei2e",
        b"x",
    ],
)
def test_broken_bencode_is_refused(broken: bytes) -> None:
    with pytest.raises(NgSyntaxError):
        bdecode(broken)


def test_error_names_the_place_and_not_the_content() -> None:
    with pytest.raises(NgSyntaxError) as caught:
        bdecode(b"d6:secret3:keye0")
    assert "offset 15" in str(caught.value)
    assert "key" not in str(caught.value)


def test_depth_is_limited_both_ways() -> None:
    with pytest.raises(NgSyntaxError, match="nested"):
        bdecode(b"l" * (MAX_DEPTH + 2) + b"e" * (MAX_DEPTH + 2))
    deep: list[object] = []
    for _ in range(MAX_DEPTH + 2):
        deep = [deep]
    with pytest.raises(ValueError, match="nested"):
        bencode(deep)  # type: ignore[arg-type]  # a list of lists, which mypy cannot follow to the bottom


@pytest.mark.parametrize("wrong", [True, 1.5, None, b"bytes", {"a": {1, 2}}])
def test_types_without_bencode_are_refused(wrong: object) -> None:
    with pytest.raises(TypeError):
        bencode(wrong)  # type: ignore[arg-type]  # the point of the test


@pytest.mark.parametrize("cookie", ["", "a b", "a\n", "ä", "x" * 256])
def test_bad_cookies_are_not_sent(cookie: str) -> None:
    with pytest.raises(ValueError, match="cookie"):
        encode_message(cookie, {"command": "ping"})


@pytest.mark.parametrize("datagram", [b"", b"cookie", b" d1:a1:be", b"c\xff d1:a1:be", b"c i1e", b"c\x01 de"])
def test_bad_datagrams_are_refused(datagram: bytes) -> None:
    with pytest.raises(NgSyntaxError):
        decode_message(datagram)


def test_message_longer_than_a_datagram_is_not_sent() -> None:
    with pytest.raises(ValueError, match="datagram"):
        encode_message("c", {"sdp": "x" * 70_000})
