from __future__ import annotations

import pytest

from callseal.payments.money import MOST_MINOR_UNITS, Money

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("minor", [0, -1, MOST_MINOR_UNITS + 1, 42.5, "42", True])
def test_an_amount_is_a_positive_whole_number_of_minor_units(minor: object) -> None:
    with pytest.raises(ValueError, match="amount"):
        Money(minor, "GBP")  # type: ignore[arg-type]


@pytest.mark.parametrize("currency", ["", "gbp", "GB", "GBPX", "£"])
def test_a_currency_is_three_capitals(currency: str) -> None:
    with pytest.raises(ValueError, match="currency"):
        Money(1, currency)


def test_money_says_what_it_is() -> None:
    assert str(Money(4250, "GBP")) == "4250 GBP"
