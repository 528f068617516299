"""A canary is found in every form; what is no canary is left in peace."""

from __future__ import annotations

import base64
import json
import random
import struct
from collections.abc import Callable

import pytest

from callseal.audit.canary_scan import TEST_CARDS
from callseal.audit.forms import Searcher
from callseal.wire.dtmf import press
from callseal.wire.rtp import RtpPacket

pytestmark = pytest.mark.unit

Write = Callable[[str], bytes]


def percent(pan: str) -> bytes:
    return "".join(f"%{ord(digit):02x}" for digit in pan).encode()


def event_lines(pan: str) -> bytes:
    return b"".join(
        json.dumps(
            {"at": 1790000000000 + 137 * at, "event_id": f"01JDX{at:06d}Q", "count": at % 9, "digit": digit}
        ).encode()
        + b"\n"
        for at, digit in enumerate(pan)
    )


def log_lines(pan: str) -> bytes:
    told = "2026-11-23T17:01:0{second}.{at:03d}Z INFO: [f00{at}] DTMF event packet: event {digit}, volume 10\nother line {at}\n"
    return "".join(told.format(second=at % 10, at=at, digit=digit) for at, digit in enumerate(pan)).encode()


def pressed_and_released(pan: str) -> bytes:
    return (
        "".join(f"key {digit} {what}\n" for digit in pan for what in ("5", "5"))
        .replace(" 5\n", "\n")
        .encode()
    )


WAYS: dict[str, tuple[str, Write]] = {
    "plain": ("plain", str.encode),
    "blanks": ("split", lambda pan: " ".join(pan[at : at + 4] for at in range(0, len(pan), 4)).encode()),
    "json list": ("split", lambda pan: json.dumps([int(digit) for digit in pan]).encode()),
    "json texts": ("split", lambda pan: json.dumps(list(pan)).encode()),
    "utf-16": ("split", lambda pan: pan.encode("utf-16-le")),
    "reversed": ("reversed", lambda pan: pan[::-1].encode()),
    "json lines": ("events", event_lines),
    "log lines": ("events", log_lines),
    "twice": ("events", pressed_and_released),
    "base64 0": ("base64", lambda pan: base64.b64encode(pan.encode() + b"x")),
    "base64 1": ("base64", lambda pan: base64.b64encode(b"a" + pan.encode() + b"yy")),
    "base64 2": ("base64", lambda pan: base64.b64encode(b'{"' + pan.encode() + b'"}')),
    "base64 url": ("base64", lambda pan: base64.urlsafe_b64encode(b"\xff\xfe\xfd" + pan.encode())),
    "base64 lines": ("base64", lambda pan: base64.encodebytes(b"." * 50 + pan.encode() + b"." * 50)),
    "url": ("url", percent),
    "url blanks": ("url", lambda pan: f"n={pan[:4]}%20{pan[4:8]}%20{pan[8:]}".encode()),
    "hex": ("hex", lambda pan: pan.encode().hex().encode()),
    "hex dump": ("hex", lambda pan: pan.encode().hex(" ").encode()),
    "hex c": ("hex", lambda pan: ", ".join(hex(ord(digit)) for digit in pan).encode()),
    "unicode escapes": ("hex", lambda pan: "".join(f"\\u{ord(digit):04x}" for digit in pan).encode()),
    "entities": ("hex", lambda pan: "".join(f"&#{ord(digit)};" for digit in pan).encode()),
    "hex entities": ("hex", lambda pan: "".join(f"&#x{ord(digit):x};" for digit in pan).encode()),
    "url twice": ("url", lambda pan: percent(pan).replace(b"%", b"%25")),
    "hex escapes": ("hex", lambda pan: "".join(f"\\x{ord(digit):02x}" for digit in pan).encode()),
    "integer": ("number", lambda pan: int(pan).to_bytes(8, "big")),
    "integer, little": ("number", lambda pan: int(pan).to_bytes(8, "little")),
    "float": ("number", lambda pan: struct.pack(">d", float(pan))),
}


@pytest.mark.parametrize("pan", ["4111111111111111", "378282246310005", "30569309025904"])
@pytest.mark.parametrize("way", sorted(WAYS))
def test_every_form_is_found(way: str, pan: str) -> None:
    form, write = WAYS[way]
    data = b"some text before\n" + write(pan) + b"\nand after"
    found = Searcher(["5555555555554444", pan]).search(data)
    assert (form, 1) in {(one.form, one.canary) for one in found}
    assert all(one.canary == 1 for one in found)


@pytest.mark.parametrize("pan", ["4012888888881881", "378282246310005"])
def test_packed_digits_are_found(pan: str) -> None:
    even = pan if len(pan) % 2 == 0 else "0" + pan
    assert [one.form for one in Searcher([pan]).search(b"\x00\x01" + bytes.fromhex(even))] == ["packed"]


def test_packed_digits_that_anything_may_hold_are_not_looked_for() -> None:
    assert Searcher(["4242424242424242"]).search(b"BBBBBBBBBBBB") == []
    assert Searcher(["4000000000000002"]).search(bytes.fromhex("ff4000000000000002")) == []


def test_offsets() -> None:
    (found,) = Searcher(["4111111111111111"]).search(b"0123456789: 4111111111111111")
    assert (found.form, found.offset) == ("plain", 12)
    found = next(
        one
        for one in Searcher(["4111111111111111"]).search(event_lines("4111111111111111"))
        if one.form == "events"
    )
    assert event_lines("4111111111111111")[found.offset : found.offset + 1] == b"4"


def test_digits_too_far_apart_are_not_one_number() -> None:
    assert Searcher(["4111111111111111"]).search("         ".join("4111111111111111").encode()) == []


def test_digits_with_anything_between_are_not_one_number() -> None:
    """As machine code has them; people and programs repeat themselves."""
    mixed = "".join(digit + "abcdef"[: at % 5] for at, digit in enumerate("4111111111111111"))
    assert Searcher(["4111111111111111"]).search(mixed.encode()) == []


def capture(pan: str, payload_type: int = 101) -> bytes:
    """A classic pcap of raw IPv4 packets: a phone presses `pan`."""
    data = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)
    for number, digit in enumerate(pan):
        for event in press(digit):
            rtp = bytes(
                RtpPacket(
                    payload_type=payload_type,
                    sequence=number,
                    timestamp=number * 1600,
                    ssrc=7,
                    payload=bytes(event),
                )
            )
            udp = struct.pack("!HHHH", 30000, 20000, 8 + len(rtp), 0) + rtp
            ip = (
                struct.pack(
                    "!BBHHHBBH4s4s",
                    0x45,
                    0,
                    20 + len(udp),
                    0,
                    0,
                    64,
                    17,
                    0,
                    bytes([10, 0, 0, 1]),
                    bytes([10, 0, 0, 2]),
                )
                + udp
            )
            data += struct.pack("<IIII", number, 0, len(ip), len(ip)) + ip
    return data


def test_events_in_a_capture_are_found() -> None:
    pan = "4111111111111111"
    assert [(one.form, one.canary) for one in Searcher([pan]).search(capture(pan))] == [("media", 0)]
    assert Searcher([pan]).search(capture(pan[:-1])) == []


@pytest.mark.parametrize(
    "text",
    [
        '{"security_code": "123"}',
        "cvv=9876",
        "CVC2: 123",
        "card_security_code%3D123",
        "<cvc>123</cvc>",
        "{'cvv': 123}",
        'security code: "123"',
    ],
)
def test_security_codes_are_found_by_their_key(text: str) -> None:
    found = Searcher([]).search(text.encode())
    assert [(one.form, one.canary) for one in found] == [("security-code", -1)]
    assert text[found[0].offset].isdigit()


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "security_code", "count": 3}',
        "security_code: ...",
        "cvv=12345",
        "cvv=12",
        '"security_code": {"min": 3, "max": 4}',
        "recvcvv=123",
        "cvv=123abc",
    ],
)
def test_other_numbers_are_no_security_codes(text: str) -> None:
    assert Searcher([]).search(text.encode()) == []


def test_noise_is_clean() -> None:
    chance = random.Random(7)
    searcher = Searcher(TEST_CARDS)
    assert searcher.search(chance.randbytes(300_000)) == []
    lines = "".join(
        f'{{"at": {1790000000000 + chance.randrange(10**9)}, "count": {chance.randrange(10)}}}\n'
        for _ in range(2000)
    )
    assert searcher.search(lines.encode()) == []
