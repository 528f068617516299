"""What the desk may ask: holds and where the media is, with the secret only."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.edge.face import BEARER, HOLD, KAMAILIO, MEDIA, STRANGER, Face, on_face
from tests.unit.edge.fakes import (
    HOME,
    PARTNER,
    agent_leg,
    customer_leg,
)

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("path", ["/v1/hold", "/v1/unhold", "/v1/media"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "an edge secret for tests"},
        {"Authorization": "Basic an edge secret for tests"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer an edge secret for test"},
        {"Authorization": "Bearer an edge secret for testsX"},
    ],
)
def test_the_desk_needs_the_secret(tmp_path: Path, path: str, headers: dict[str, str]) -> None:
    async def story(face: Face) -> None:
        face.ng.add("c.customer", *customer_leg())
        answer = await face.post(path, json=HOLD, headers=headers, source=KAMAILIO)
        assert (answer.status_code, answer.json()) == (401, {"error": "unauthorised"})
        assert face.ng.sent == []

    on_face(tmp_path, story)


def test_hold_and_unhold(tmp_path: Path) -> None:
    async def story(face: Face) -> None:
        face.ng.add("c.customer", *customer_leg())
        answer = await face.post("/v1/hold", json=HOLD, headers=BEARER, source=STRANGER)
        assert answer.json() == {"held": True, "expires_at": face.agent.now_ms() + 5_000}
        assert face.ng.calls["c.customer"].labelled("carrier").media_blocked
        body = {key: value for key, value in HOLD.items() if key != "ttl_ms"}
        answer = await face.post("/v1/unhold", json=body, headers=BEARER)
        assert (answer.status_code, answer.json()) == (200, {"held": False})
        assert not face.ng.calls["c.customer"].labelled("carrier").media_blocked

    on_face(tmp_path, story)


def test_what_a_newer_desk_says_more_is_left_aside(tmp_path: Path) -> None:
    """Refused, no call of this edge could be secured until it is as new."""

    async def story(face: Face) -> None:
        face.ng.add("c.customer", *customer_leg())
        face.ng.add("a.agent", *agent_leg())
        for path, body in (("hold", HOLD), ("unhold", HOLD), ("media", MEDIA)):
            answer = await face.post(f"/v1/{path}", json={**body, "colour": "blue"}, headers=BEARER)
            assert answer.status_code == 200, (path, answer.text)

    on_face(tmp_path, story)


def test_the_number_in_the_key_orders_hold_and_unhold(tmp_path: Path) -> None:
    async def story(face: Face) -> None:
        face.ng.add("c.customer", *customer_leg())
        body = {key: value for key, value in HOLD.items() if key != "ttl_ms"}
        for path, sent, number, blocked in (
            ("/v1/hold", HOLD, "12", True),
            ("/v1/unhold", body, "9", True),
            ("/v1/unhold", body, "13", False),
        ):
            headers = {**BEARER, "Idempotency-Key": f"{HOLD['reference']}.{number}"}
            assert (await face.post(path, json=sent, headers=headers)).status_code == 200
            assert face.ng.calls["c.customer"].labelled("carrier").media_blocked is blocked

    on_face(tmp_path, story)


def test_hold_errors_have_a_status(tmp_path: Path) -> None:
    async def story(face: Face) -> None:
        assert (await face.post("/v1/hold", json=HOLD, headers=BEARER)).status_code == 409
        face.ng.add("c.customer", *customer_leg())
        face.ng.refuse = {"block DTMF"}
        assert (await face.post("/v1/hold", json=HOLD, headers=BEARER)).status_code == 502
        face.ng.silent = True
        assert (await face.post("/v1/hold", json=HOLD, headers=BEARER)).status_code == 503
        assert (await face.post("/v1/media", json=MEDIA, headers=BEARER)).status_code == 503

    on_face(tmp_path, story)


@pytest.mark.parametrize("ttl", [0, -1, 60_001, "soon", None])
def test_a_hold_has_an_end(tmp_path: Path, ttl: object) -> None:
    async def story(face: Face) -> None:
        answer = await face.post("/v1/hold", json=HOLD | {"ttl_ms": ttl}, headers=BEARER)
        assert (answer.status_code, answer.json()["fields"]) == (400, ["ttl_ms"])

    on_face(tmp_path, story)


def test_media_at_home(tmp_path: Path) -> None:
    async def story(face: Face) -> None:
        face.ng.add("c.customer", *customer_leg())
        face.ng.add("a.agent", *agent_leg())
        face.ng.flow("c.customer", "carrier", 3)
        await face.post("/v1/hold", json=HOLD, headers=BEARER)
        report = (await face.post("/v1/media", json=MEDIA, headers=BEARER)).json()
        assert report["customer"] == {
            "anchored": True,
            "where": "home",
            "held": True,
            "fenced": False,
            "packets": {
                "from_carrier": 3,
                "carrier_to_partner": 3,
                "from_partner": 0,
                "partner_to_carrier": 0,
            },
            "node": "edge-1",
        }
        assert (report["agent"]["where"], report["agent"]["fenced"], report["agent"]["held"]) == (
            "home",
            False,
            False,
        )
        assert not face.ng.calls["a.agent"].labelled("partner").dtmf_blocked

    on_face(tmp_path, story)


def test_media_at_the_partner_asserts_the_fence(tmp_path: Path) -> None:
    async def story(face: Face) -> None:
        face.ng.add("c.customer", *customer_leg(PARTNER))
        face.ng.add("a.agent", *agent_leg(PARTNER))
        report = (await face.post("/v1/media", json=MEDIA, headers=BEARER)).json()
        assert (report["customer"]["where"], report["customer"]["fenced"]) == ("partner", False)
        assert (report["agent"]["where"], report["agent"]["fenced"]) == ("partner", True)
        assert face.ng.calls["a.agent"].labelled("partner").dtmf_blocked

    on_face(tmp_path, story)


@pytest.mark.parametrize(("anchors", "where"), [("two", "unknown"), ("one", "home")])
def test_media_without_an_agent_anchor(tmp_path: Path, anchors: str, where: str) -> None:
    async def story(face: Face) -> None:
        face.ng.add("c.customer", *customer_leg(HOME))
        report = (await face.post("/v1/media", json=MEDIA, headers=BEARER)).json()
        assert (report["agent"]["anchored"], report["agent"]["where"]) == (False, where)
        report = (await face.post("/v1/media", json=MEDIA | {"agent_call_id": ""}, headers=BEARER)).json()
        assert report["agent"]["where"] == "unknown"

    on_face(tmp_path, story, anchors=anchors)
