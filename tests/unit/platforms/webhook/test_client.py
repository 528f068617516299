"""Events to a platform: signed, by allow-list, and a pause that is believed only when acknowledged."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import pytest

from callseal.payments.ports import NotSupported, PlatformCapability, Refused, Unreachable
from callseal.platforms.webhook import WebhookPlatform, WebhookSettings
from callseal.platforms.webhook.webhook import signed_headers
from tests.support.http_double import NO_ANSWER, HttpDouble

pytestmark = pytest.mark.unit

# The example of the Standard Webhooks specification and of its reference libraries.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SETTINGS = WebhookSettings("http://platform.test/events", SECRET)
Work = Callable[[WebhookPlatform], Awaitable[Any]]


def ask(work: Work, answer: httpx2.Response | Exception) -> list[httpx2.Request]:
    seen: list[httpx2.Request] = []

    def handler(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def go() -> None:
        await work(WebhookPlatform(SETTINGS, HttpDouble(handler), lambda: 1_614_265_330_123))

    asyncio.run(go())
    return seen


def annotate(platform: WebhookPlatform) -> Awaitable[None]:
    return platform.annotate(reference="r", state="ready", text="Payment card available", key="r.1")


def pause(platform: WebhookPlatform) -> Awaitable[None]:
    return platform.pause_recording(reference="r", key="r.2")


def resume(platform: WebhookPlatform) -> Awaitable[None]:
    return platform.resume_recording(reference="r", key="r.3")


def test_the_specifications_example() -> None:
    made = signed_headers(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert made["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    with pytest.raises(ValueError, match="base64"):
        signed_headers("whsec_?", "m", 1, b"")
    assert signed_headers("plain", "m", 1, b"")["webhook-id"] == "m"


def test_an_annotation_is_signed_over_what_is_sent() -> None:
    (request,) = ask(annotate, httpx2.Response(204))
    assert json.loads(request.content) == {
        "type": "call.annotated",
        "data": {"reference": "r", "state": "ready", "text": "Payment card available"},
    }
    expected = signed_headers(SECRET, "r.1", 1_614_265_330, request.content)
    assert {name: request.headers[name] for name in expected} == expected


@pytest.mark.parametrize(("work", "kind"), [(pause, "recording.pause"), (resume, "recording.resume")])
def test_recording_must_be_acknowledged(work: Work, kind: str) -> None:
    (request,) = ask(work, httpx2.Response(200, json={"acknowledged": True}))
    content = json.loads(request.content)
    assert (content["type"], content["data"]) == (kind, {"reference": "r"})
    for answer in ({"acknowledged": False}, {"acknowledged": "true"}, {}, [True]):
        with pytest.raises(Refused, match="not_acknowledged"):
            ask(work, httpx2.Response(200, json=answer))
    with pytest.raises(Refused):
        ask(work, httpx2.Response(200, text="OK"))


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (httpx2.Response(410), Refused),
        (httpx2.Response(500), Unreachable),
        (httpx2.Response(429), Unreachable),
        (httpx2.Response(302, headers={"location": "/"}), Unreachable),
        (NO_ANSWER, Unreachable),
    ],
)
def test_answers_that_are_no_success(answer: httpx2.Response | Exception, problem: type[Exception]) -> None:
    with pytest.raises(problem):
        ask(annotate, answer)


def test_what_this_platform_cannot_do_is_loud() -> None:
    assert PlatformCapability.FIND_CALL not in WebhookPlatform.capabilities
    with pytest.raises(NotSupported):
        ask(lambda platform: platform.find_call("x"), httpx2.Response(200))
    assert "whsec" not in repr(SETTINGS)
