from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callseal.cards.brands import RANGES, Brand, outlook, security_code_lengths

pytestmark = pytest.mark.unit

# The public test numbers of the large PSPs.
PUBLIC = {
    "4242424242424242": Brand.VISA,
    "4111111111111111": Brand.VISA,
    "5555555555554444": Brand.MASTERCARD,
    "2223003122003222": Brand.MASTERCARD,
    "378282246310005": Brand.AMEX,
    "371449635398431": Brand.AMEX,
    "6011111111111117": Brand.DISCOVER,
    "3056930009020004": Brand.DINERS,
    "36227206271667": Brand.DINERS,
    "3566002020360505": Brand.JCB,
    "6200000000000005": Brand.UNIONPAY,
    "6759649826438453": Brand.MAESTRO,
}


@pytest.mark.parametrize(("number", "brand"), PUBLIC.items())
def test_public_test_numbers(number: str, brand: Brand) -> None:
    seen = outlook(number)
    assert seen.brand is brand
    assert len(number) in seen.lengths


def test_ranges_do_not_overlap() -> None:
    spans = sorted((int(one.first.ljust(8, "0")), int(one.last.ljust(8, "9"))) for one in RANGES)
    for (_, end), (start, _) in pairwise(spans):
        assert end < start


def test_a_range_is_written_with_one_length() -> None:
    assert all(len(one.first) == len(one.last) for one in RANGES)
    assert {one.brand for one in RANGES} == set(Brand)


@pytest.mark.parametrize(
    ("prefix", "brand", "lengths"),
    [
        ("", None, (12, 19)),
        ("4", Brand.VISA, (16, 16)),
        ("5", None, (12, 19)),
        ("51", Brand.MASTERCARD, (16, 16)),
        ("3", None, (14, 19)),
        ("34", Brand.AMEX, (15, 15)),
        ("35", Brand.JCB, (16, 19)),
        ("6", None, (12, 19)),
        ("6011", Brand.DISCOVER, (16, 19)),
        ("9", None, (12, 19)),
    ],
)
def test_brand_and_length_become_known_as_the_prefix_grows(
    prefix: str, brand: Brand | None, lengths: tuple[int, int]
) -> None:
    seen = outlook(prefix)
    assert seen.brand is brand
    assert (seen.min_length, seen.max_length) == lengths


@given(st.text("0123456789", max_size=19))
def test_every_press_narrows_the_outlook(digits: str) -> None:
    seen = [outlook(digits[:size]) for size in range(len(digits) + 1)]
    for before, after in pairwise(seen):
        assert set(after.lengths) <= set(before.lengths)
        if before.brand is not None:
            assert after.brand in (before.brand, None)


def test_nothing_begins_with_nine() -> None:
    assert outlook("9").lengths == ()


def test_security_code_lengths() -> None:
    assert security_code_lengths(Brand.AMEX) == (4, 4)
    assert security_code_lengths(Brand.VISA) == (3, 3)
    assert security_code_lengths(None) == (3, 4)
