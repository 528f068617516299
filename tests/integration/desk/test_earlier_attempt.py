"""Reports of an earlier attempt come in the next one, and the partner lies: the desk does not call that secure."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.anyio]

PROOF = {"status": 200, "acked": True, "packets": {"carrier_to_partner": 14}, "fenced": True, "held": False}


async def test_old_reports_and_a_lie_are_not_secure(here: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    card = await here.card()
    reference, _ = await here.reach(card, "secured")
    (first,) = here.edge.hold_numbers
    await card.press(reference, "cancel")
    await card.state(reference, "ready")

    async def lie(token: str, _reference: str) -> None:
        await here.partner.webhook(token, "session.secured")

    monkeypatch.setattr(here.partner, "secure", lie)
    before = len(here.edge.hold_numbers)
    await card.press(reference, "secure")
    await card.wait(reference, lambda call: call["evidence"]["partner"], "the lie")
    assert here.edge.hold_numbers[before] > first
    for leg in ("agent", "customer"):
        await here.edge.report(reference, "leg_moved", leg=leg, where="partner", evidence=PROOF, hold=first)
    call = await card.call(reference)
    assert call["state"] == "securing"
    assert call["evidence"] == {"partner": True, "customer_leg": False, "agent_leg": False, "fence": False}
    await card.state(reference, "ready")  # the long way, by a look: nobody takes it to be home unseen
