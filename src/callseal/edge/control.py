"""The desk's side: hold, unhold, and where the media is. `Authorization: Bearer <edge secret>`."""

from __future__ import annotations

import hmac
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request
from pydantic import BaseModel, ConfigDict, Field

from callseal.edge.agent import EdgeAgent
from callseal.edge.anchors import Leg, ng_call_id
from callseal.edge.answers import rtpengine_errors
from callseal.edge.carrier_blocks import NoSuchLegError
from callseal.edge.evidence import counters
from callseal.edge.fence import assert_fence
from callseal.edge.inlet import Filled, Reference, Text
from callseal.edge.ng_client import NgSilentError

MAX_TTL_MS = 60_000
_LONGEST_NUMBER = 9


class LegRequest(BaseModel):
    """Unknown keys are ignored, here and below: the desk may be newer than an edge (docs/how-to/upgrade.md)."""

    model_config = ConfigDict(extra="ignore")
    reference: Reference
    call_id: Filled
    node: Text = ""


class HoldRequest(LegRequest):
    ttl_ms: Annotated[int, Field(ge=1, le=MAX_TTL_MS)]


class MediaRequest(BaseModel):
    model_config = ConfigDict(extra="ignore")
    reference: Reference
    customer_call_id: Text
    agent_call_id: Text
    node: Text = ""


async def from_the_desk(request: Request) -> None:
    """401 unless the bearer secret is right; compared in constant time. A coroutine, so that no thread is asked."""
    agent: EdgeAgent = request.app.state.agent
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    right = hmac.compare_digest(given.strip().encode(), agent.settings.secret.encode())
    if scheme.lower() != "bearer" or not right:
        agent.metrics.refused.labels("bearer").inc()
        raise HTTPException(401, {"error": "unauthorised"}, headers={"WWW-Authenticate": "Bearer"})


router = APIRouter(prefix="/v1", dependencies=[Depends(from_the_desk)])


def _order(request: Request) -> int:
    """The desk numbers its commands of a call in their keys, `<reference>.<number>`; 0: no such key."""
    _, _, number = request.headers.get("idempotency-key", "").rpartition(".")
    return int(number) if number.isascii() and number.isdigit() and len(number) <= _LONGEST_NUMBER else 0


@router.post("/hold")
async def hold(request: Request, wanted: HoldRequest) -> dict[str, Any]:
    agent: EdgeAgent = request.app.state.agent
    try:
        with rtpengine_errors():
            expires_at = await agent.holds.hold(
                wanted.reference, wanted.call_id, wanted.node, wanted.ttl_ms, order=_order(request)
            )
    except NoSuchLegError:
        raise HTTPException(409, {"error": "no_such_leg"}) from None
    return {"held": True, "expires_at": expires_at}


@router.post("/unhold")
async def unhold(request: Request, wanted: LegRequest) -> dict[str, Any]:
    agent: EdgeAgent = request.app.state.agent
    with rtpengine_errors():
        await agent.holds.unhold(wanted.reference, wanted.call_id, wanted.node, order=_order(request))
    return {"held": False}


@router.post("/media")
async def media(request: Request, wanted: MediaRequest) -> dict[str, Any]:
    agent: EdgeAgent = request.app.state.agent
    try:
        return {
            "customer": await _leg(agent, wanted, "customer", wanted.customer_call_id),
            "agent": await _leg(agent, wanted, "agent", wanted.agent_call_id),
        }
    except NgSilentError:
        raise HTTPException(503, {"error": "rtpengine_silent"}) from None


@router.get("/nodes")
async def nodes(request: Request) -> dict[str, Any]:
    """Every rtpengine of the deployment as this edge reaches it: seconds since its start, null when it is silent."""
    agent: EdgeAgent = request.app.state.agent
    return {"nodes": await agent.nodes.uptimes()}


async def _leg(agent: EdgeAgent, wanted: MediaRequest, leg: Leg, call_id: str) -> dict[str, Any]:
    name = ng_call_id(call_id, leg)
    unanchored = leg == "agent" and agent.settings.anchors == "one"
    found = await agent.nodes.find(name, wanted.node, dead_have_none=unanchored) if call_id else None
    held = leg == "customer" and agent.holds.is_held(wanted.reference)
    if found is None:
        # Without an anchor of its own the agent leg runs over the customer's: that is what home means with one anchor.
        at_home = unanchored and bool(call_id)
        where = "home" if at_home else "unknown"
        return {"anchored": False, "where": where, "held": held, "fenced": False, "packets": {}}
    fenced = False
    if leg == "agent" and found.anchor.partner_place(agent.settings.media) == "partner":
        found, fenced = await assert_fence(agent.nodes, agent.settings, name, found)
    return {
        "anchored": True,
        "where": found.anchor.partner_place(agent.settings.media),
        "held": held,
        "fenced": fenced,
        "packets": counters(found.anchor, leg),
        "node": found.node,
    }
