"""Who calls may say that a card number is theirs: neither the edge nor the desk takes it for a telephone number."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from callseal.desk.http.bodies import HandOffBody
from callseal.edge.inlet import HandOff
from callseal.observe.scrubber import CARD

pytestmark = pytest.mark.unit

FACTS: dict[str, Any] = {
    "reference": "ab" * 16,
    "tenant": "acme",
    "direction": "in",
    "token": "tok",
    "number": "+442079460123",
}


@pytest.mark.parametrize("model", [HandOff, HandOffBody])
def test_a_card_number_is_no_party(model: type[BaseModel]) -> None:
    good = model.model_validate(FACTS | {"caller": "+447700900123", "called": "+442079460123"}).model_dump()
    assert (good["caller"], good["called"], good["number"]) == (
        "+447700900123",
        "+442079460123",
        "+442079460123",
    )
    for name in ("caller", "called", "number"):
        assert model.model_validate(FACTS | {name: "4242424242424242"}).model_dump()[name] == CARD
