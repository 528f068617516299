import pickle

import pytest

from callseal.sandbox.capture.digits import KeyedDigits

pytestmark = pytest.mark.unit


def test_it_counts_and_forgets() -> None:
    digits = KeyedDigits()
    for key in "4242":
        digits.append(key)
    assert (len(digits), digits.reveal()) == (4, "4242")
    assert repr(digits) == str(digits) == "<4 digits>"
    digits.wipe()
    assert (len(digits), digits.reveal()) == (0, "")


@pytest.mark.parametrize("wrong", ["", "12", "*", "\u0664"])
def test_one_digit_at_a_time(wrong: str) -> None:
    with pytest.raises(ValueError, match="one digit"):
        KeyedDigits().append(wrong)


def test_no_pickle() -> None:
    with pytest.raises(TypeError):
        pickle.dumps(KeyedDigits())
