"""The second look at a copy: what is not on the list takes the whole copy with it."""

from __future__ import annotations

import pytest

from callseal.edge.tracing import Copy, Tracer, read_copy
from callseal.observe.scrubber import CARD
from callseal.wire.hep import HepPacket

pytestmark = pytest.mark.unit

HEAD = "trace 192.0.2.1 5060 192.0.2.2 5060 {}\n"
MESSAGE = (
    "INVITE sip:+442079460123@edge.invalid SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
    "X-Payment-Token: session=0123456789abcdef0123456789abcdef\r\nX-Call-Reference: " + "ab" * 16 + "\r\n"
    "Content-Type: application/sdp\r\nContent-Length: 44\r\n\r\n"
    "v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/SAVP 0\r\na=rtpmap:0 PCMU/8000\r\na=sendrecv\r\n"
)


def copy_of(message: str, head: str = HEAD.format("ab" * 16)) -> object:
    return read_copy(
        (head + message).encode(), token_header="X-Payment-Token", reference_header="X-Call-Reference"
    )


def test_a_clean_copy_passes() -> None:
    assert copy_of(MESSAGE) is not None
    assert (
        copy_of("SIP/2.0 200 OK\r\nCSeq: 1 INFO\r\nContent-Length: 0\r\n\r\n", HEAD.format("-")) is not None
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a=sendrecv", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:abc"),
        ("a=sendrecv", "k=clear:abc"),
        ("a=sendrecv", "a=ice-pwd:abc"),
        ("a=sendrecv", "Signal=5"),
        ("session=0123456789abcdef0123456789abcdef", "tok-1234"),
        ("Content-Length: 44", "Content-Length: 44\r\nX-Route-Cookie: 1.k1.abc"),
        ("Content-Length: 44", "Content-Length: 44\r\nX-Digits: 5"),
        ("Content-Length: 44", "Content-Length: 44\r\n folded"),
        ("branch=z9hG4bK1", "branch=z9hG4bK1;sg=0123"),
        ("edge.invalid SIP", "edge.invalid;rc=1.k1.x SIP"),
        ("INVITE sip:", "INVITE\tsip:"),
        ("a=sendrecv\r\n", "a=sendrecv"),
    ],
)
def test_a_copy_with_anything_else_is_dropped(old: str, new: str) -> None:
    assert old in MESSAGE
    assert copy_of(MESSAGE.replace(old, new)) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("sip:+442079460123@", "sip:4242424242424242@"),
        ("SIP/2.0\r\nVia", 'SIP/2.0\r\nFrom: "4242 4242 4242 4242" <sip:a@b>;tag=x4242424242424242\r\nVia'),
        ("branch=z9hG4bK1", "branch=z9hG4bK4242424242424242"),
        ("v=0\r\n", "v=0\r\no=4242424242424242 1 1 IN IP4 192.0.2.1\r\n"),
    ],
)
def test_a_card_number_in_what_may_leave_does_not(old: str, new: str) -> None:
    found = copy_of(MESSAGE.replace(old, new, 1))
    assert isinstance(found, Copy)
    assert CARD in found.text
    assert "4242" not in found.text
    head, _, body = found.text.partition("\r\n\r\n")
    assert f"Content-Length: {len(body) if CARD in body else 44}\r\n" in head + "\r\n"


def test_a_call_id_stays() -> None:
    """Copies of one call are found by it."""
    (found,) = [copy_of(MESSAGE.replace("Via:", "Call-ID: 4242424242424242@192.0.2.1\r\nVia:"))]
    assert isinstance(found, Copy)
    assert "Call-ID: 4242424242424242@192.0.2.1\r\n" in found.text


@pytest.mark.parametrize(
    "head", ["ack " + "ab" * 16 + " agent 1\n", HEAD.format("zz"), "trace x 1 y 2 -\n", ""]
)
def test_what_is_no_copy(head: str) -> None:
    assert copy_of(MESSAGE, head) is None


def test_tracer_sends_or_counts() -> None:
    sent: list[bytes] = []
    refused: list[int] = []
    tracer = Tracer(
        agent=3,
        token_header="X-Payment-Token",
        reference_header="X-Call-Reference",
        now_us=lambda: 1_000_001,
        send=sent.append,
        refused=lambda: refused.append(1),
    )
    tracer.take((HEAD.format("ab" * 16) + MESSAGE).encode())
    tracer.take((HEAD.format("-") + MESSAGE + "Signal=5\r\n").encode())
    tracer.take(b"trace \xff")
    (packet,) = map(HepPacket.decode, sent)
    assert (packet.agent, packet.at, packet.correlation) == (3, 1_000_001, "ab" * 16)
    assert packet.payload.decode() == MESSAGE
    assert len(refused) == 2
