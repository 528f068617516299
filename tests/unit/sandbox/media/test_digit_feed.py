import json

import pytest

from callseal.sandbox.media.digit_feed import DigitFeed

pytestmark = pytest.mark.unit

# As rtpengine 12.5.1.31 and 26.0.1.26 write it.
EVENT = {
    "callid": "s.1.near",
    "source_tag": "customer",
    "source_label": "customer",
    "tags": ["customer", "agent"],
    "type": "DTMF",
    "timestamp": 1795454739,
    "source_ip": "127.83.0.10",
    "event": 5,
    "duration": 100,
    "volume": 10,
}


def heard(data: bytes) -> list[tuple[str, str, str]]:
    presses: list[tuple[str, str, str]] = []
    feed = DigitFeed(("127.0.0.1", 0), lambda *press: presses.append(press))
    feed.datagram_received(data, None)
    return presses


def test_a_press() -> None:
    assert heard(json.dumps(EVENT).encode()) == [("s.1.near", "customer", "5")]


@pytest.mark.parametrize(("code", "key"), [(0, "0"), (9, "9"), (10, "*"), (11, "#"), (15, "D")])
def test_codes_are_keys(code: int, key: str) -> None:
    assert heard(json.dumps({**EVENT, "event": code}).encode())[0][2] == key


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff",
        json.dumps({**EVENT, "event": 16}).encode(),
        json.dumps({"callid": 1}).encode(),
    ],
)
def test_anything_else_is_dropped(wrong: bytes) -> None:
    assert heard(wrong) == []


def test_the_socket_must_be_loopback() -> None:
    with pytest.raises(ValueError, match="loopback"):
        DigitFeed(("192.0.2.1", 2230), lambda *_press: None)
