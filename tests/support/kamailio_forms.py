"""What Kamailio posts to the edge agent, written from docs/reference/interfaces.md, section 4; nothing of the product is imported."""

from __future__ import annotations


def handoff_form(reference: str, token: str) -> dict[str, str]:
    """A call in, with a token."""
    return {
        "reference": reference,
        "tenant": "acme",
        "number": "+442079460123",
        "direction": "in",
        "token": token,
        "reason": "",
        "caller": "+447700900123",
        "called": "+442079460123",
        "customer_call_id": "c",
        "agent_call_id": "a",
        "node": "edge-1",
        "region": "local",
        "partner": "sandbox",
    }


def leg_form(reference: str, kind: str, **changes: str) -> dict[str, str]:
    """The customer leg of that call, on its way to the partner."""
    return {
        "reference": reference,
        "leg": "customer",
        "call_id": "c",
        "node": "edge-1",
        "cseq": "7",
        "kind": kind,
        "where": "partner",
        "code": "",
    } | changes
