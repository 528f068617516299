"""Edges that are newer or older than the desk: during an upgrade both are there (docs/how-to/upgrade.md)."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.anyio]


async def test_what_a_newer_edge_says_more_is_left_aside(here: Any) -> None:
    """A field in a hand-off and in a report; the call is paid for as ever."""
    card = await here.card()
    reference, _ = await here.offer(colour="blue", codecs=["opus"])
    await card.state(reference, "ready")
    await here.edge.report(reference, "leg_moved", leg="agent", where="home", colour="blue")
    assert (await card.call(reference))["payments"]["allowed"] is True


async def test_a_kind_of_report_that_this_desk_does_not_know_is_taken(here: Any) -> None:
    """Refused, it would stand before everything that the edge says of the call later."""
    card = await here.card()
    reference, _ = await here.reach(card, "ready")
    await here.edge.report(reference, "leg_coloured", leg="agent")
    assert (await card.call(reference))["state"] == "ready"


@pytest.mark.parametrize(
    ("reason", "token"), [("weather", ""), ("weather", "tok-beside-it"), ("switched_off", "tok-x")]
)
async def test_a_reason_that_this_desk_does_not_know_is_payments_off(
    here: Any, reason: str, token: str
) -> None:
    """For good: not even a token beside it makes the call payable, and reasons of the desk's own are none of an edge's."""
    reference, _ = await here.offer(token=token, reason=reason)
    card = await here.card()
    call = await card.state(reference, "ready")
    assert call["payments"] == {"allowed": False, "reason": "payments_off"}
    assert here.context.desk.store.token(reference) is None


async def test_an_older_edge_says_less(here: Any) -> None:
    """What came later: the partner's id, the node, the hold's number, the tag."""
    card = await here.card()
    reference, token = uuid.uuid4().hex, f"tok-{uuid.uuid4().hex}"
    here.partner.references[token] = reference
    body = {"reference": reference, "tenant": "acme", "direction": "in", "token": token}
    assert (await here.edge.post("/v1/edge/handoffs", body, reference)).status_code == 204
    call = await card.state(reference, "ready")
    assert (call["payments"]["allowed"], call["allowed"]) == (True, ["secure"])
