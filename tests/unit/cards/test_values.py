import pytest

from callseal.cards import Brand, Expiry, Pan, SecurityCode, masked_number

pytestmark = pytest.mark.unit


def test_a_pan_shows_brand_and_last_four_only() -> None:
    pan = Pan("378282246310005")
    assert (pan.brand, pan.last4, pan.masked) == (Brand.AMEX, "0005", "•••• •••••• •0005")
    assert Pan("4242424242424242").masked == "•••• •••• •••• 4242"


@pytest.mark.parametrize("wrong", ["4242424242424241", "42", "42424242424242424242", "4242-4242"])
def test_a_wrong_pan_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"digits|check digit"):
        Pan(wrong)


def test_expiry_is_good_to_the_end_of_its_month() -> None:
    expiry = Expiry("1126")
    assert not expiry.is_past(year=2026, month=11)
    assert expiry.is_past(year=2026, month=12)
    assert not expiry.is_past(year=2025, month=12)


@pytest.mark.parametrize("wrong", ["0026", "1326", "126", "12026"])
def test_wrong_expiry(wrong: str) -> None:
    with pytest.raises(ValueError, match="MMYY"):
        Expiry(wrong)


@pytest.mark.parametrize("wrong", ["12", "12345"])
def test_wrong_security_code(wrong: str) -> None:
    with pytest.raises(ValueError, match="3 or 4"):
        SecurityCode(wrong)


def test_masked_lengths() -> None:
    assert masked_number(14, "1667", Brand.DINERS) == "•••• •••• ••16 67"
