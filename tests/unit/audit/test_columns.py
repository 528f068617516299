"""Keys that have several lines in a log, whatever tells them apart."""

from __future__ import annotations

import random

import pytest

from callseal.audit.canary_scan import TEST_CARDS
from callseal.audit.forms import Searcher

pytestmark = pytest.mark.unit

PANS = ["4242424242424242", "4111111111111111", "378282246310005", "30569309025904"]


def packets(pan: str, seed: int, *, end: bool = False, stamp: bool = False, fixed: int = 0) -> str:
    """Three to nine lines a key, as a log of packets has them; the last three are the end of the event."""
    chance = random.Random(seed)
    lines = []
    clock = 1790000000000
    for at, digit in enumerate(pan):
        count = fixed or chance.randrange(4, 10)
        for number in range(count):
            clock += 20
            more = f" end {int(number >= count - 3)}" if end else ""
            more += f" ts {160 * at * 9 + 4711}" if stamp else ""
            lines.append(f"[{clock}] event {digit} volume 10 duration {160 * number + 160}{more}")
            if chance.random() < 0.3:
                lines.append(f"[{clock}] something else {chance.randrange(10)}")
    return "\n".join(lines)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("pan", PANS)
@pytest.mark.parametrize(
    "how", [{"end": True}, {"stamp": True}, {"end": True, "stamp": True}, {"fixed": 3}, {"fixed": 8}], ids=str
)
def test_several_lines_a_key(how: dict[str, int], pan: str, seed: int) -> None:
    found = Searcher([pan, "6200000000000005"]).search(packets(pan, seed, **how).encode())  # type: ignore[arg-type]
    assert {(one.form, one.canary) for one in found} == {("events", 0)}


@pytest.mark.parametrize("pan", ["4242424242424242", "378282246310005", "30569309025904"])
def test_nothing_but_the_digit_tells_the_keys_apart(pan: str) -> None:
    """As many lines a key as it likes: a number that changes often enough is found all the same."""
    assert {one.form for one in Searcher([pan]).search(packets(pan, 5).encode())} == {"events"}


def test_a_place_is_counted_by_words_not_by_digits() -> None:
    """The count grows from one digit to two while the keys come."""
    pan = "4111111111111111"
    lines = "".join(f"count {at} key {digit}\n" for at, digit in enumerate(pan))
    assert [one.form for one in Searcher([pan]).search(lines.encode())] == ["events"]


def test_the_offset_is_that_of_the_first_digit() -> None:
    text = b"head\n" + packets("4111111111111111", 1, end=True).encode()
    (found,) = Searcher(["4111111111111111"]).search(text)
    assert text[found.offset :].startswith(b"4 volume")


def test_counters_and_workers_are_no_keys() -> None:
    chance = random.Random(3)
    lines = "".join(
        f" {chance.randrange(1, 6)}({10060 + chance.randrange(6)}) DEBUG: i={at % 10} j={chance.randrange(10)} flag {at % 2}\n"
        for at in range(20_000)
    )
    assert Searcher(TEST_CARDS).search(lines.encode()) == []


def test_two_workers_that_take_turns_are_no_keys() -> None:
    pan = "4242424242424242"
    lines = "".join(f" {digit}({1000 + int(digit)}) NOTICE: {{1 INVITE}} a call\n" for digit in pan)
    assert Searcher([pan]).search(lines.encode()) == []


def test_the_offset_counts_what_a_worker_begins_its_line_with() -> None:
    text = "".join(f" 3(1003) NOTICE: {{1 INFO}} key {digit}\n" for digit in "4111111111111111").encode()
    (found,) = Searcher(["4111111111111111"]).search(text)
    assert text[found.offset :].startswith(b"4\n")
