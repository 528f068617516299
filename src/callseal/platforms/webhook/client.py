"""A platform that takes signed webhooks. Never retries; that is the dispatcher's business."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, ClassVar

from callseal.payments.ports import NotSupported, PlatformCapability, Refused, Unreachable
from callseal.platforms.webhook import translate
from callseal.platforms.webhook.settings import WebhookSettings
from callseal.platforms.webhook.webhook import signed_headers
from callseal.wire.http_client import HttpPort, NoAnswerError


class WebhookPlatform:
    """`PlatformPort`. `now_ms()` is the clock that stamps messages; `http` is made outside."""

    capabilities: ClassVar[frozenset[PlatformCapability]] = frozenset(
        {PlatformCapability.ANNOTATE, PlatformCapability.RECORDING}
    )

    def __init__(self, settings: WebhookSettings, http: HttpPort, now_ms: Callable[[], int]) -> None:
        self._settings = settings
        self._http = http
        self._now_ms = now_ms

    async def annotate(self, *, reference: str, state: str, text: str, key: str) -> None:
        await self._send(translate.annotated(reference, state, text), key)

    async def pause_recording(self, *, reference: str, key: str) -> None:
        await self._acknowledged(translate.recording("pause", reference), key)

    async def resume_recording(self, *, reference: str, key: str) -> None:
        await self._acknowledged(translate.recording("resume", reference), key)

    async def find_call(self, correlation: str) -> str | None:  # noqa: ARG002 - the port's signature
        raise NotSupported("a webhook platform correlates calls by the reference in its INVITE header")

    async def _acknowledged(self, message: dict[str, Any], key: str) -> None:
        if not translate.is_acknowledged(await self._send(message, key)):
            raise Refused(200, "not_acknowledged")

    async def _send(self, message: dict[str, Any], key: str) -> bytes:
        body = json.dumps(message, separators=(",", ":")).encode()
        headers = signed_headers(self._settings.secret, key, self._now_ms() // 1000, body)
        try:
            answer = await self._http.request(
                "POST",
                self._settings.url,
                content=body,
                headers={"content-type": "application/json", **headers},
                timeout_s=self._settings.timeout_ms / 1000,
            )
        except NoAnswerError as error:
            raise Unreachable(error.reason, sent=error.sent) from None
        if answer.is_success:
            return answer.body
        if answer.is_client_error and answer.status not in (408, 425, 429):
            raise Refused(answer.status, "refused")
        raise Unreachable(f"status_{answer.status}", sent=True)
