"""What engine tests have in common: an amount, a card's fields, legs that are at the partner."""

# mypy does not see that `>>` changes the story, and so takes an assertion for a fact about the rest of the test.
# mypy: disable-error-code="unreachable,comparison-overlap,attr-defined"
from __future__ import annotations

from callseal.payments import events as ev
from callseal.payments.money import Money
from callseal.payments.names import FieldName, Leg, Place

AMOUNT = Money(4250, "GBP")
CARD = (FieldName.CARD_NUMBER, FieldName.EXPIRY, FieldName.SECURITY_CODE)
CUSTOMER_THERE = ev.LegMoved(Leg.CUSTOMER, Place.PARTNER)
AGENT_THERE = ev.LegMoved(Leg.AGENT, Place.PARTNER, fenced=True)
