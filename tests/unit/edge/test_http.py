"""Both HTTP faces without a socket: who may speak, what is kept, what is answered, and what is never repeated."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest
import structlog

from callseal.edge.agent import EdgeAgent
from callseal.edge.http import build_app
from callseal.edge.nodes import Nodes
from tests.unit.edge.fakes import (
    HOME,
    PARTNER,
    REFERENCE,
    TOKEN,
    Clock,
    FakeRtpengine,
    agent_leg,
    customer_leg,
    settings,
)

pytestmark = pytest.mark.unit

KAMAILIO, STRANGER = "127.82.0.20", "127.82.0.30"
HANDOFF = {
    "reference": REFERENCE,
    "tenant": "acme",
    "number": "+442079460123",
    "direction": "in",
    "token": TOKEN,
    "reason": "",
    "caller": "+447700900123",
    "called": "+442079460123",
    "customer_call_id": "c",
    "agent_call_id": "a",
    "node": "edge-1",
    "region": "local",
    "partner": "sandbox",
}
LEG = {
    "reference": REFERENCE,
    "leg": "customer",
    "call_id": "c",
    "node": "edge-1",
    "cseq": "7",
    "kind": "refused",
    "where": "partner",
    "code": "488",
}
BEARER = {"Authorization": "Bearer an edge secret for tests"}
HOLD = {"reference": REFERENCE, "call_id": "c", "node": "edge-1", "ttl_ms": 5_000}
MEDIA = {"reference": REFERENCE, "customer_call_id": "c", "agent_call_id": "a", "node": "edge-1"}


class Face:
    """The app with a fake rtpengine behind it."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        self.ng = FakeRtpengine()
        self.agent = EdgeAgent(
            settings(folder / "edge.sqlite3", **changes),
            now_ms=Clock(),
            nodes=Nodes({"edge-1": self.ng}, "edge-1"),
        )
        self.app = build_app(self.agent)

    async def post(
        self, path: str, *, source: str = KAMAILIO, headers: dict[str, str] | None = None, **body: Any
    ) -> httpx2.Response:
        transport = httpx2.ASGITransport(app=self.app, client=(source, 40000))
        async with httpx2.AsyncClient(transport=transport, base_url="http://edge.test") as client:
            return await client.post(path, headers=headers, **body)

    async def get(self, path: str, headers: dict[str, str] | None = None) -> httpx2.Response:
        transport = httpx2.ASGITransport(app=self.app, client=(STRANGER, 40000))
        async with httpx2.AsyncClient(transport=transport, base_url="http://edge.test") as client:
            return await client.get(path, headers=headers)

    async def queued(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while parcels := await self.agent.spool.due(now=2**62, busy=(), limit=99):
            for parcel in parcels:
                found.append(dict(parcel.body))
                await self.agent.spool.delivered(parcel)
        return found


def on_face(folder: Path, story: Callable[[Face], Awaitable[None]], **changes: Any) -> None:
    async def run() -> None:
        face = Face(folder, **changes)
        with contextlib.closing(face.agent._database):
            try:
                await story(face)
            finally:
                await face.agent.watcher.close()

    asyncio.run(run())


def test_handoff_is_kept_and_answered_204(tmp_path: Path) -> None:
    async def story(face: Face) -> None:
        answer = await face.post("/inlet/handoff", data=HANDOFF)
        assert (answer.status_code, answer.content) == (204, b"")
        assert await face.queued() == [HANDOFF | {"edge": "edge-1", "at": face.agent.now_ms()}]

    on_face(tmp_path, story)


def test_handoff_twice_is_one_record(tmp_path: Path) -> None:
    async def story(face: Face) -> None:
        for _ in range(2):
            assert (await face.post("/inlet/handoff", data=HANDOFF)).status_code == 204
        assert len(await face.queued()) == 1

    on_face(tmp_path, story)


@pytest.mark.parametrize(
    ("reason", "told"),
    [("", "no_token"), ("partner_down", "partner_down"), ("carrier_not_trusted", "carrier_not_trusted")],
)
def test_handoff_without_token_has_a_reason(tmp_path: Path, reason: str, told: str) -> None:
    async def story(face: Face) -> None:
        await face.post("/inlet/handoff", data=HANDOFF | {"token": "", "reason": reason})
        (body,) = await face.queued()
        assert (body["token"], body["reason"]) == ("", told)

    on_face(tmp_path, story)


def lines(*notices: tuple[str, dict[str, str]]) -> bytes:
    return "".join(f"{kind}?{urlencode(fields)}\n" for kind, fields in notices).encode()


def test_many_notices_in_one_request(tmp_path: Path) -> None:
    other = "b" * 32

    async def story(face: Face) -> None:
        body = lines(
            ("handoff", HANDOFF),
            ("handoff", HANDOFF | {"reference": other}),
            ("leg", LEG | {"kind": "refused", "code": "488"}),
            ("leg", LEG | {"kind": "ended"}),
        )
        answer = await face.post("/inlet/notices", content=body)
        assert (answer.status_code, answer.content) == (204, b"")
        queued = await face.queued()
        mine = [row.get("kind", "handoff") for row in queued if row["reference"] == HANDOFF["reference"]]
        assert mine == ["handoff", "leg_refused", "call_ended"]
        assert len(queued) == 4

    on_face(tmp_path, story)


@pytest.mark.parametrize("bad", [b"leg?reference=x", b"leg?=", b"secret?a=b", b"handoff", b"\xff"])
def test_a_refused_notice_holds_up_no_other(tmp_path: Path, bad: bytes) -> None:
    async def story(face: Face) -> None:
        answer = await face.post("/inlet/notices", content=bad + b"\n" + lines(("handoff", HANDOFF)))
        assert answer.status_code == 400
        assert HANDOFF["token"] not in answer.text
        assert len(await face.queued()) == 1

    on_face(tmp_path, story)


def test_what_cannot_be_written_is_asked_for_again_and_holds_up_its_call(tmp_path: Path) -> None:
    async def story(face: Face) -> None:
        async def broken(*_: object, **__: object) -> bool:
            raise sqlite3.OperationalError("disk full")

        face.agent.spool.put = broken  # type: ignore[method-assign]
        with pytest.raises(sqlite3.OperationalError):  # the server makes it a 500
            await face.post(
                "/inlet/notices", content=lines(("handoff", HANDOFF), ("leg", LEG | {"kind": "held"}))
            )
        assert not face.agent.holds.is_held(LEG["reference"])

    on_face(tmp_path, story)


@pytest.mark.parametrize("path", ["/inlet/handoff", "/inlet/leg", "/inlet/hold"])
@pytest.mark.parametrize("source", [STRANGER, "10.0.0.1", "127.82.0.22"])
def test_only_our_kamailio_may_speak(tmp_path: Path, path: str, source: str) -> None:
    async def story(face: Face) -> None:
        headers = {"X-Forwarded-For": KAMAILIO, **BEARER}
        answer = await face.post(path, source=source, data=HANDOFF | LEG, headers=headers)
        assert answer.status_code == 403
        assert await face.queued() == []

    on_face(tmp_path, story)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("reference", "short"),
        ("reference", REFERENCE + "\n"),
        ("direction", "sideways"),
        ("reason", "because"),
        ("token", "x" * 257),
        ("caller", "a\r\nb"),
    ],
)
def test_a_bad_handoff_is_refused_without_echo(tmp_path: Path, field: str, value: str) -> None:
    async def story(face: Face) -> None:
        with structlog.testing.capture_logs() as logs:
            answer = await face.post("/inlet/handoff", data=HANDOFF | {field: value})
        assert answer.json() == {"error": "bad_fields", "fields": [field]}
        assert answer.status_code == 400
        assert TOKEN not in answer.text + str(logs)
        assert await face.queued() == []

    on_face(tmp_path, story)


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 400), (b"no form at all", 400), (b"\xff=1", 400), (b"a=1&a=2", 400), (b"a=" + b"x" * 20_000, 413)],
)
def test_a_body_that_is_no_form(tmp_path: Path, body: bytes, status: int) -> None:
    async def story(face: Face) -> None:
        assert (await face.post("/inlet/handoff", content=body)).status_code == status

    on_face(tmp_path, story)


def test_a_field_given_twice_is_refused(tmp_path: Path) -> None:
    async def story(face: Face) -> None:
        body = urlencode(HANDOFF) + "&token=another"
        answer = await face.post("/inlet/handoff", content=body.encode())
        assert (answer.status_code, answer.json()) == (400, {"error": "bad_form"})
        assert await face.queued() == []

    on_face(tmp_path, story)


def test_the_token_is_in_no_log_line(tmp_path: Path) -> None:
    async def story(face: Face) -> None:
        with structlog.testing.capture_logs() as logs:
            await face.post("/inlet/handoff", data=HANDOFF)
            await face.post("/inlet/leg", data=LEG | {"kind": "ended"})
        assert len(logs) >= 2
        assert TOKEN not in str(logs)

    on_face(tmp_path, story)


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


def test_health_and_metrics_hold_numbers_only(tmp_path: Path) -> None:
    async def story(face: Face) -> None:
        await face.post("/inlet/handoff", data=HANDOFF)
        await face.post("/inlet/leg", source=STRANGER, data=LEG)
        assert (await face.get("/healthz")).json() == {"status": "ok", "ng": True, "waiting": 1}
        face.ng.silent = True
        assert (await face.get("/healthz")).json()["ng"] is False
        page = (await face.get("/metrics")).text
        assert "callseal_edge_spool_rows 1.0" in page
        assert "callseal_edge_spool_oldest_seconds 0.0" in page
        assert "callseal_edge_holds 0.0" in page
        assert 'callseal_edge_refused_total{reason="inlet_source"} 1.0' in page
        assert "callseal_edge_ng_round_trip_seconds" in page
        for private in (TOKEN, REFERENCE, "+447700900123"):
            assert private not in page

    on_face(tmp_path, story)


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/redoc", "/"])
def test_nothing_else_is_served(tmp_path: Path, path: str) -> None:
    async def story(face: Face) -> None:
        assert (await face.get(path)).status_code == 404

    on_face(tmp_path, story)


def test_nodes_as_this_edge_reaches_them(tmp_path: Path) -> None:
    async def story(face: Face) -> None:
        assert (await face.get("/v1/nodes")).status_code == 401
        face.ng.up = 12
        answer = await face.get("/v1/nodes", headers=BEARER)
        assert answer.json() == {"nodes": {"edge-1": 12}}
        face.ng.silent = True
        answer = await face.get("/v1/nodes", headers=BEARER)
        assert answer.json() == {"nodes": {"edge-1": None}}

    on_face(tmp_path, story)
