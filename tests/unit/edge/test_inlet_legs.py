"""What Kamailio says of legs and holds, and what the agent makes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.kamailio_forms import handoff_form
from tests.unit.edge.face import BEARER, HANDOFF, HOLD, LEG, Face, on_face
from tests.unit.edge.fakes import (
    PARTNER,
    REFERENCE,
    TOKEN,
    customer_leg,
)

pytestmark = pytest.mark.unit


def test_refused_and_undone_are_reported(tmp_path: Path) -> None:
    async def story(face: Face) -> None:
        await face.post("/inlet/leg", data=LEG)
        await face.post("/inlet/leg", data=LEG | {"kind": "undone", "code": ""})
        refused, undone = await face.queued()
        assert (refused["kind"], refused["leg"], refused["where"]) == ("leg_refused", "customer", "partner")
        assert refused["evidence"]["status"] == 488
        assert (undone["kind"], undone["evidence"]["status"]) == ("leg_undone", None)

    on_face(tmp_path, story)


def test_ended_takes_the_token_and_the_hold_with_it(tmp_path: Path) -> None:
    async def story(face: Face) -> None:
        face.ng.add("c.customer", *customer_leg())
        await face.post("/inlet/handoff", data=HANDOFF)
        await face.post("/v1/hold", json=HOLD, headers=BEARER)
        assert (await face.post("/inlet/leg", data=LEG | {"kind": "ended", "where": ""})).status_code == 204
        handoff, ended = await face.queued()
        assert (handoff["token"], handoff["reason"]) == ("", "no_token")
        assert (ended["kind"], ended["leg"]) == ("call_ended", "customer")
        assert not face.agent.holds.is_held(REFERENCE)

    on_face(tmp_path, story)


def test_answered_starts_a_watch_and_offered_ends_it(tmp_path: Path) -> None:
    async def story(face: Face) -> None:
        face.ng.add("c.customer", *customer_leg(PARTNER))
        await face.post("/inlet/leg", data=LEG | {"kind": "answered", "code": "200"})
        assert face.agent.watcher._watches
        await face.post("/inlet/leg", data=LEG | {"kind": "offered", "code": "", "cseq": "8"})
        assert not face.agent.watcher._watches
        answer = await face.post("/inlet/leg", data=LEG | {"kind": "answered", "where": "", "cseq": "9"})
        assert (answer.status_code, answer.json()["fields"]) == (400, ["where"])

    on_face(tmp_path, story)


def test_kamailio_asks_for_the_hold_before_the_agent_leg_moves(tmp_path: Path) -> None:
    async def story(face: Face) -> None:
        wanted = {"reference": REFERENCE}
        assert (await face.post("/inlet/hold", data=wanted)).status_code == 404
        face.ng.add("c.customer", *customer_leg())
        await face.post("/inlet/handoff", data=HANDOFF)
        assert (await face.post("/inlet/hold", data=wanted)).status_code == 204
        assert face.ng.calls["c.customer"].labelled("carrier").media_blocked
        face.ng.refuse = {"block media"}
        assert (await face.post("/inlet/hold", data=wanted)).status_code == 502
        face.ng.silent = True
        assert (await face.post("/inlet/hold", data=wanted)).status_code == 503
        assert (await face.post("/inlet/hold", data={"reference": "short"})).status_code == 400

    on_face(tmp_path, story)


def test_kamailio_may_hold_and_unhold(tmp_path: Path) -> None:
    async def story(face: Face) -> None:
        await face.post("/inlet/leg", data=LEG | {"kind": "held"})
        assert face.agent.holds.is_held(REFERENCE)
        await face.post("/inlet/leg", data=LEG | {"kind": "unheld"})
        assert not face.agent.holds.is_held(REFERENCE)

    on_face(tmp_path, story)


def test_the_end_of_a_device_that_never_had_the_call_ends_nothing(tmp_path: Path) -> None:
    """A fork's loser; its tag is of this leg and this call. The desk is told, for the end that another edge hears."""

    def ended(leg: str, tag: str) -> dict[str, str]:
        return LEG | {"leg": leg, "call_id": leg[0], "kind": "ended", "tag": tag}

    async def story(face: Face) -> None:
        await face.post("/inlet/handoff", data=HANDOFF)
        lost = LEG | {"leg": "agent", "call_id": "a", "kind": "lost", "tag": "b" * 32}
        assert (await face.post("/inlet/leg", data=lost)).status_code == 204
        for notice in (ended("agent", "b" * 32), ended("agent", "b" * 32)):
            assert (await face.post("/inlet/leg", data=notice)).status_code == 204
        handoff, told = await face.queued()
        assert handoff["token"] == TOKEN, "the call goes on"
        assert (told["kind"], told["leg"], told["tag"]) == ("fork_lost", "agent", "b" * 32)
        for notice in (ended("customer", "b" * 32), ended("agent", "a" * 32)):
            assert (await face.post("/inlet/leg", data=notice)).status_code == 204
        ends = [row for row in await face.queued() if row["kind"] == "call_ended"]
        assert [(row["leg"], row["tag"]) for row in ends] == [("customer", "b" * 32), ("agent", "a" * 32)]

    on_face(tmp_path, story)


def test_a_new_call_goes_to_the_desk_before_the_ends_of_others(tmp_path: Path) -> None:
    async def story(face: Face) -> None:
        await face.post("/inlet/handoff", data=HANDOFF)
        (delivered,) = await face.agent.spool.due(now=2**62, busy=(), limit=9)
        await face.agent.spool.delivered(delivered)
        await face.post("/inlet/leg", data=LEG | {"kind": "ended", "code": ""})
        await face.post("/inlet/handoff", data=handoff_form("c" * 32, TOKEN))
        assert [row.get("kind", "handoff") for row in await face.queued()] == ["handoff", "call_ended"]

    on_face(tmp_path, story)
