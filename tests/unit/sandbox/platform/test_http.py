"""The platform sandbox in this process, spoken to by Callseal's own adapter."""

import asyncio
import base64
import time
from collections.abc import Awaitable, Callable

import httpx2
import pytest

from callseal.payments.ports import Refused, Unreachable
from callseal.platforms.webhook import WebhookPlatform, WebhookSettings
from callseal.sandbox.platform import Inbox, create_app, secret_bytes
from tests.support.http_double import Through

pytestmark = pytest.mark.unit

SECRET = "whsec_" + base64.b64encode(b"s" * 32).decode()
REFERENCE = "0123456789abcdef" * 2
NOW = 1_790_000_000_000


class Platform:
    def __init__(self, http: httpx2.AsyncClient, inbox: Inbox) -> None:
        self.http = http
        self.inbox = inbox
        self.callseal = self.speaking(SECRET, NOW)

    def speaking(self, secret: str, now_ms: int) -> WebhookPlatform:
        return WebhookPlatform(
            WebhookSettings("http://platform/events", secret), Through(self.http), lambda: now_ms
        )

    async def fault(self, kind: str, times: int = 1) -> None:
        answer = await self.http.post("/faults", json={"kind": kind, "times": times})
        assert answer.status_code == 200
        assert (await self.http.get("/faults")).json() == answer.json()

    async def seen(self) -> list[tuple[str, str | None]]:
        return [(one["type"], one["fault"]) for one in (await self.http.get("/seen")).json()]


def at_platform(story: Callable[[Platform], Awaitable[None]]) -> None:
    async def play() -> None:
        inbox = Inbox()
        app = create_app(inbox, secret=secret_bytes(SECRET), now_ms=lambda: NOW)
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://platform") as http:
            await story(Platform(http, inbox))

    asyncio.run(play())


def test_it_shows_what_came() -> None:
    async def story(platform: Platform) -> None:
        await platform.callseal.annotate(
            reference=REFERENCE, state="secured", text="Payment approved", key="k.1"
        )
        await platform.callseal.pause_recording(reference=REFERENCE, key="k.2")
        await platform.callseal.resume_recording(reference=REFERENCE, key="k.3")
        seen = (await platform.http.get("/seen")).json()
        assert seen[0] == {
            "type": "call.annotated",
            "reference": REFERENCE,
            "state": "secured",
            "text": "Payment approved",
            "at": NOW,
            "fault": None,
        }
        assert [one["type"] for one in seen[1:]] == ["recording.pause", "recording.resume"]
        assert seen[1]["state"] is None

    at_platform(story)


def test_the_same_id_is_done_once_and_another_body_under_it_is_refused() -> None:
    async def story(platform: Platform) -> None:
        for _ in range(2):
            await platform.callseal.pause_recording(reference=REFERENCE, key="k")
        assert await platform.seen() == [("recording.pause", None)]
        with pytest.raises(Refused) as refused:
            await platform.callseal.resume_recording(reference=REFERENCE, key="k")
        assert refused.value.status == 409

    at_platform(story)


@pytest.mark.parametrize(("secret", "now"), [(SECRET[:-5] + "AAAA=", NOW), (SECRET, NOW - 301_000)])
def test_what_is_not_genuine_is_not_seen(secret: str, now: int) -> None:
    async def story(platform: Platform) -> None:
        with pytest.raises(Refused) as refused:
            await platform.speaking(secret, now).pause_recording(reference=REFERENCE, key="k")
        assert refused.value.status == 401
        assert await platform.seen() == []

    at_platform(story)


def test_a_wrong_shape_is_not_seen() -> None:
    async def story(platform: Platform) -> None:
        with pytest.raises(Refused) as refused:
            await platform.callseal.annotate(reference="short", state="secured", text="x", key="k")
        assert refused.value.status == 400
        assert await platform.seen() == []
        assert (await platform.http.post("/events", content=b" " * 20_000)).status_code == 413

    at_platform(story)


def test_faults_last_as_often_as_told_and_a_faulty_message_may_come_again() -> None:
    async def story(platform: Platform) -> None:
        await platform.fault("refuse")
        with pytest.raises(Refused) as refused:
            await platform.callseal.pause_recording(reference=REFERENCE, key="k")
        assert refused.value.status == 422
        await platform.fault("not_acknowledged", 2)
        for _ in range(2):
            with pytest.raises(Refused) as refused:
                await platform.callseal.pause_recording(reference=REFERENCE, key="k")
            assert refused.value.status == 200
        await platform.callseal.pause_recording(reference=REFERENCE, key="k")
        assert [fault for _, fault in await platform.seen()] == ["refuse", *["not_acknowledged"] * 2, None]
        await platform.fault("refuse", 9)
        await platform.http.post("/faults", json={"kind": "off"})
        await platform.callseal.resume_recording(reference=REFERENCE, key="k.2")
        for wrong in ({"kind": "fire"}, {"kind": "refuse", "times": 0}, {}):
            assert (await platform.http.post("/faults", json=wrong)).status_code == 422

    at_platform(story)


def test_silence_lasts_until_the_platform_closes() -> None:
    async def story(platform: Platform) -> None:
        await platform.fault("silent")
        waiting = asyncio.create_task(platform.callseal.pause_recording(reference=REFERENCE, key="k"))
        deadline = time.monotonic() + 2
        while not platform.inbox.seen:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.001)
        assert not waiting.done()
        platform.inbox.close()
        with pytest.raises(Unreachable):
            await waiting

    at_platform(story)
