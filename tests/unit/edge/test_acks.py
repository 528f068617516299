"""ACK datagrams: the format to the byte, memory with a bound, and a source check."""

from __future__ import annotations

import pytest

from callseal.edge.acks import AckBook, AckKey, AckListener, read_ack
from tests.unit.edge.fakes import REFERENCE, Clock

pytestmark = pytest.mark.unit

KEY = AckKey(REFERENCE, "customer", 7)
DATAGRAM = f"ack {REFERENCE} customer 7".encode()


def test_reads_the_datagram_of_the_contract() -> None:
    assert read_ack(DATAGRAM) == KEY
    assert read_ack(DATAGRAM + b"\n") == KEY


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        b"ack",
        DATAGRAM.replace(b"ack", b"nak"),
        DATAGRAM.replace(b"customer", b"carrier"),
        DATAGRAM.replace(b" 7", b" x"),
        DATAGRAM.replace(b" 7", b""),
        b"x" + DATAGRAM,
        DATAGRAM + b" more",
        DATAGRAM.upper(),
    ],
)
def test_refuses_everything_else(datagram: bytes) -> None:
    assert read_ack(datagram) is None


def test_remembers_for_half_a_minute() -> None:
    clock = Clock()
    book = AckBook(clock)
    book.note(KEY)
    clock.now += 29_000
    book.note(AckKey(REFERENCE, "agent", 1))
    assert book.seen(KEY)
    clock.now += 2_000
    book.note(AckKey(REFERENCE, "agent", 2))
    assert not book.seen(KEY)


def test_memory_is_bounded() -> None:
    book = AckBook(Clock())
    for cseq in range(10_050):
        book.note(AckKey(REFERENCE, "agent", cseq))
    assert not book.seen(AckKey(REFERENCE, "agent", 49))
    assert book.seen(AckKey(REFERENCE, "agent", 50))


def test_strangers_are_dropped_and_counted() -> None:
    book, refused = AckBook(Clock()), []
    listener = AckListener(book, frozenset({"127.82.0.20"}), lambda: refused.append(1))
    listener.datagram_received(DATAGRAM, ("127.82.0.30", 5060))
    assert not book.seen(KEY)
    listener.datagram_received(b"junk", ("127.82.0.20", 5060))
    assert len(refused) == 2
    listener.datagram_received(DATAGRAM, ("127.82.0.20", 5060))
    assert book.seen(KEY)
