import pytest

from callseal.cards import Brand
from callseal.sandbox.capture.fields import Field, Reason, Surroundings, fault, is_full, length_limits

pytestmark = pytest.mark.unit

AROUND = Surroundings(brand=None, allowed=frozenset(Brand), today=(2026, 11), postal_code_min=5)


@pytest.mark.parametrize(
    ("field", "digits", "full"),
    [
        (Field.CARD_NUMBER, "424242424242424", False),
        (Field.CARD_NUMBER, "4242424242424241", True),
        (Field.CARD_NUMBER, "6011111111111117", False),
        (Field.EXPIRY, "123", False),
        (Field.EXPIRY, "1230", True),
        (Field.SECURITY_CODE, "123", False),
        (Field.SECURITY_CODE, "1234", True),
        (Field.POSTAL_CODE, "90210", False),
        (Field.POSTAL_CODE, "9021012345", True),
    ],
)
def test_when_a_field_advances_by_itself(field: Field, digits: str, full: bool) -> None:
    assert is_full(field, digits, AROUND) is full


def test_a_brand_that_is_not_taken_here() -> None:
    visa_only = Surroundings(None, frozenset({Brand.VISA}), (2026, 11), 5)
    assert fault(Field.CARD_NUMBER, "378282246310005", visa_only) is Reason.BRAND
    assert fault(Field.CARD_NUMBER, "4242424242424242", visa_only) is None


def test_limits_of_a_postcode_follow_what_was_asked() -> None:
    assert length_limits(Field.POSTAL_CODE, "", AROUND) == (5, 10)
    assert length_limits(Field.POSTAL_CODE, "", Surroundings(None, frozenset(), (2026, 1), 12)) == (12, 12)
