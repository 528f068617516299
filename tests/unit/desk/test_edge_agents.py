from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx2
import pytest

from callseal.desk.edge_agents import EdgeAgents, read_media
from callseal.payments.names import Place
from callseal.payments.ports import MediaReport, Refused, Unreachable
from tests.support.http_double import NO_ANSWER, NOT_SENT, HttpDouble

pytestmark = pytest.mark.unit

URLS = {"edge-1": "http://one.test", "edge-2": "http://two.test"}


def ask(work: Any, **answers: httpx2.Response | Exception) -> tuple[Any, list[httpx2.Request]]:
    seen: list[httpx2.Request] = []

    def handler(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        answer = answers[request.url.host.split(".")[0]]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def go() -> Any:
        return await work(EdgeAgents(URLS, "secret", HttpDouble(handler)))

    return asyncio.run(go()), seen


async def hold(agents: EdgeAgents) -> int:
    return await agents.hold(edge="edge-2", reference="r", call_id="c", node="n", ttl_ms=10_000, key="k")


def test_the_edge_of_the_call_is_asked_first() -> None:
    answer, (request,) = ask(hold, two=httpx2.Response(200, json={"held": True, "expires_at": 5}))
    assert answer == 5
    assert str(request.url) == "http://two.test/v1/hold"
    assert json.loads(request.content) == {"reference": "r", "call_id": "c", "node": "n", "ttl_ms": 10_000}
    assert request.headers["authorization"] == "Bearer secret"


@pytest.mark.parametrize("gone", [NOT_SENT, NO_ANSWER, httpx2.Response(503)])
def test_another_edge_does_it_when_the_first_is_gone(gone: httpx2.Response | Exception) -> None:
    answer, seen = ask(hold, two=gone, one=httpx2.Response(200, json={"held": True, "expires_at": 5}))
    assert answer == 5
    assert [request.url.host for request in seen] == ["two.test", "one.test"]


def test_nobody_answers() -> None:
    with pytest.raises(Unreachable) as caught:
        ask(hold, two=NO_ANSWER, one=NOT_SENT)
    assert caught.value.sent, "the first may have done it"
    with pytest.raises(Unreachable) as caught:
        ask(hold, two=NOT_SENT, one=NOT_SENT)
    assert not caught.value.sent


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (httpx2.Response(409, json={"error": "no_such_leg"}), "no_such_leg"),
        (httpx2.Response(401, json={}), "refused"),
        (httpx2.Response(200, json={"held": False}), "not_held"),
        (httpx2.Response(200, json={}), "not_held"),
    ],
)
def test_a_hold_that_is_not_confirmed_is_none(answer: httpx2.Response, code: str) -> None:
    with pytest.raises(Refused) as caught:
        ask(hold, two=answer)
    assert caught.value.code == code


def test_no_json_is_no_answer() -> None:
    with pytest.raises(Unreachable):
        ask(hold, two=httpx2.Response(200, text="<html>"), one=httpx2.Response(200, text="<html>"))


def test_unhold_and_media_say_what_they_mean() -> None:
    async def unhold(agents: EdgeAgents) -> None:
        await agents.unhold(edge="edge-1", reference="r", call_id="c", node="n", key="k")

    async def media(agents: EdgeAgents) -> MediaReport:
        return await agents.media(
            edge="edge-1", reference="r", customer_call_id="c", agent_call_id="a", node="n"
        )

    _, (request,) = ask(unhold, one=httpx2.Response(200, json={"held": False}))
    assert json.loads(request.content) == {"reference": "r", "call_id": "c", "node": "n"}
    leg = {"anchored": True, "where": "partner", "held": False, "fenced": True, "packets": {}}
    report, (request,) = ask(media, one=httpx2.Response(200, json={"customer": leg, "agent": leg}))
    assert json.loads(request.content) == {
        "reference": "r",
        "customer_call_id": "c",
        "agent_call_id": "a",
        "node": "n",
    }
    assert report == MediaReport(Place.PARTNER, Place.PARTNER, fenced=True, anchored=True)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({}, MediaReport(Place.UNKNOWN, Place.UNKNOWN, fenced=False, anchored=False)),
        (
            {"customer": None, "agent": []},
            MediaReport(Place.UNKNOWN, Place.UNKNOWN, fenced=False, anchored=False),
        ),
        (
            {
                "customer": {"where": "home", "anchored": True},
                "agent": {"where": "platform", "fenced": "true"},
            },
            MediaReport(Place.HOME, Place.HOME, fenced=False, anchored=True),
        ),
        (
            {"customer": {"where": "moon", "anchored": 1, "fenced": True}, "agent": {"where": "partner"}},
            MediaReport(Place.UNKNOWN, Place.PARTNER, fenced=False, anchored=False),
        ),
        (
            {
                "customer": {"where": "partner", "anchored": True, "held": True},
                "agent": {"where": "partner", "fenced": True},
            },
            MediaReport(Place.PARTNER, Place.PARTNER, fenced=True, anchored=True, held=True),
        ),
    ],
)
def test_only_what_is_said_clearly_counts(answer: dict[str, Any], expected: MediaReport) -> None:
    assert read_media(answer) == expected
