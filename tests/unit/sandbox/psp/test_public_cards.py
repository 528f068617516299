import pytest

from callseal.cards import Brand, Pan
from callseal.sandbox.psp.public_cards import STORED_CARDS, Fault, Outcome, plan_for

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("number", "brand", "outcome"),
    [
        ("4242424242424242", Brand.VISA, Outcome.APPROVED),
        ("4000056655665556", Brand.VISA, Outcome.APPROVED),
        ("5555555555554444", Brand.MASTERCARD, Outcome.APPROVED),
        ("2223003122003222", Brand.MASTERCARD, Outcome.APPROVED),
        ("378282246310005", Brand.AMEX, Outcome.APPROVED),
        ("6011111111111117", Brand.DISCOVER, Outcome.APPROVED),
        ("30569309025904", Brand.DINERS, Outcome.APPROVED),
        ("3566002020360505", Brand.JCB, Outcome.APPROVED),
        ("6200000000000005", Brand.UNIONPAY, Outcome.APPROVED),
        ("4000000000000002", Brand.VISA, Outcome.GENERIC),
        ("4000000000009995", Brand.VISA, Outcome.INSUFFICIENT_FUNDS),
        ("4000000000009987", Brand.VISA, Outcome.LOST_CARD),
        ("4000000000000069", Brand.VISA, Outcome.EXPIRED_CARD),
        ("4000000000000127", Brand.VISA, Outcome.INCORRECT_CVC),
        ("4000000000006975", Brand.VISA, Outcome.DO_NOT_HONOUR),
    ],
)
def test_what_a_card_does(number: str, brand: Brand, outcome: Outcome) -> None:
    plan = plan_for(Pan(number))
    assert plan is not None
    assert (plan.brand, plan.last4, plan.outcome, plan.fault) == (brand, number[-4:], outcome, None)


@pytest.mark.parametrize(
    ("number", "fault"),
    [
        ("4000000000000259", Fault.ANSWER_LOST),
        ("4000000000000341", Fault.REQUEST_LOST),
        ("4000000000000119", Fault.SERVER_ERROR),
    ],
)
def test_cards_that_get_no_answer(number: str, fault: Fault) -> None:
    plan = plan_for(Pan(number))
    assert plan is not None
    assert plan.fault is fault


def test_a_number_that_is_nobodys_test_card_is_not_known() -> None:
    assert plan_for(Pan("4000000000000010")) is None


def test_stored_cards_say_their_last_four_and_have_no_number() -> None:
    for name, plan in STORED_CARDS.items():
        assert name == f"stored-{plan.brand}-{plan.last4}"
        assert len(plan.last4) == 4
