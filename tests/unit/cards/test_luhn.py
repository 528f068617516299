import pytest
from hypothesis import given
from hypothesis import strategies as st

from callseal.cards.luhn import check_digit, luhn_ok

pytestmark = pytest.mark.unit


def test_known_numbers() -> None:
    assert luhn_ok("4242424242424242")
    assert not luhn_ok("4242424242424241")
    assert luhn_ok("378282246310005")


@given(st.text("0123456789", min_size=11, max_size=18))
def test_exactly_one_check_digit_fits(payload: str) -> None:
    assert [digit for digit in "0123456789" if luhn_ok(payload + digit)] == [check_digit(payload)]


@given(st.text("0123456789", min_size=11, max_size=18), st.data())
def test_one_mistyped_digit_is_always_found(payload: str, data: st.DataObject) -> None:
    number = payload + check_digit(payload)
    at = data.draw(st.integers(0, len(number) - 1))
    wrong = data.draw(st.sampled_from([digit for digit in "0123456789" if digit != number[at]]))
    assert not luhn_ok(number[:at] + wrong + number[at + 1 :])


@pytest.mark.parametrize("text", ["", "4242 4242", "x", "\u0664"])
def test_only_digits(text: str) -> None:
    with pytest.raises(ValueError, match="digits"):
        luhn_ok(text)
