from typing import Any

import pytest

from callseal.sandbox.psp.bodies import CardBody, ChargeBody, NotATestCardError

pytestmark = pytest.mark.unit

CONTENT: dict[str, Any] = {
    "card": {"number": "4242424242424242", "expiry": "1230", "security_code": "123", "postal_code": "90210"},
    "amount": 1,
    "currency": "EUR",
    "reference": "r",
}


def charge(number: str = "4242424242424242") -> tuple[ChargeBody, CardBody]:
    body = ChargeBody.model_validate({**CONTENT, "card": {**CONTENT["card"], "number": number}})
    assert body.card is not None
    return body, body.card


def all_wiped(card: CardBody) -> bool:
    return all(
        value is not None and value.wiped
        for value in (card.number, card.expiry, card.security_code, card.postal_code)
    )


def test_the_plan_leaves_no_card_behind() -> None:
    body, card = charge()
    assert not card.number.wiped
    assert body.plan((2026, 11)).last4 == "4242"
    assert all_wiped(card)


def test_a_refused_card_is_wiped_too() -> None:
    body, card = charge("4000000000000010")
    with pytest.raises(NotATestCardError):
        body.plan((2026, 11))
    assert all_wiped(card)


def test_the_code_of_a_stored_card_is_wiped() -> None:
    body = ChargeBody.model_validate(
        {**CONTENT, "card": None, "stored_card": "stored-visa-4242", "security_code": "123"}
    )
    body.plan((2026, 11))
    assert body.security_code is not None
    assert body.security_code.wiped


def test_a_body_does_not_print_itself() -> None:
    body, card = charge()
    for text in (repr(body), str(body), f"{card}", f"{card!r}"):
        assert "4242" not in text
        assert "123" not in text
