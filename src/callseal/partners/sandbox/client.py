"""The partner's HTTP API (openapi.json beside this file): a thin client. It never retries; that is the dispatcher's business."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from callseal.partners.sandbox import translate, webhook
from callseal.partners.sandbox.settings import SandboxSettings
from callseal.payments import events as ev
from callseal.payments.events import Happening
from callseal.payments.money import Money
from callseal.payments.names import FieldName
from callseal.payments.ports import PartnerWebhook, Refused, Unreachable, WebhookRejected
from callseal.wire.http_client import Answer, HttpPort, NoAnswerError, post_json

_NO_ANSWER_YET = (408, 425, 429)


class SandboxPartner:
    """`PartnerPort`. `http` is made outside, so that its TLS set-up (and a test's transport) comes by argument."""

    def __init__(self, settings: SandboxSettings, http: HttpPort) -> None:
        self._settings = settings
        self._http = http

    async def secure(self, token: str, key: str) -> None:
        await self._post("/v1/session/secure", {}, token, key)

    async def capture(
        self, token: str, key: str, fields: tuple[FieldName, ...], stored_card: str | None
    ) -> None:
        body: dict[str, Any] = {"fields": [str(name) for name in fields], "stored_card": stored_card}
        if FieldName.POSTAL_CODE in fields:
            body["postal_code_min"] = self._settings.postal_code_min
        await self._post("/v1/session/capture", body, token, key)

    async def reset(self, token: str, key: str, field: FieldName | None) -> None:
        await self._post("/v1/session/reset", {"field": field and str(field)}, token, key)

    async def cancel_capture(self, token: str, key: str) -> None:
        await self._post("/v1/session/cancel-capture", {}, token, key)

    async def charge(self, token: str, key: str, amount: Money, reference: str) -> None:
        """The only call that moves money; at most once for a `key`, whatever happens to the answer."""
        body = {"amount": amount.minor, "currency": amount.currency, "reference": reference}
        await self._post("/v1/session/charge", body, token, key)

    async def release(self, token: str, key: str) -> None:
        await self._post("/v1/session/release", {}, token, key)

    async def refresh(self, token: str, key: str) -> None:
        """A call that is on the move refuses it; once it has arrived it takes it, so that is "not yet"."""
        try:
            await self._post("/v1/session/refresh", {}, token, key)
        except Refused as refusal:
            if refusal.code == "wrong_state":
                raise Unreachable("moving", sent=False) from None
            raise

    async def answers(self) -> bool:
        """Any answer at all, short of a broken server."""
        settings = self._settings
        try:
            answer = await self._http.request(
                "GET", settings.url + "/healthz", timeout_s=settings.timeout_ms / 1000
            )
        except NoAnswerError:
            return False
        return not answer.is_server_error

    async def ask_charge(self, key: str) -> Happening:
        """What became of a charge. Needs no token: the outcome must be known also after the call has ended."""
        try:
            answer = await self._send("GET", f"/v1/charges/{quote(key, safe='')}", {}, None)
        except Refused as refusal:
            if refusal.status == HTTPStatus.NOT_FOUND:
                return ev.ChargeNotSeen(key)
            raise
        return translate.read_charge(key, answer)

    def session_name(self, token: str) -> str:
        """First 32 hex digits of SHA-256: names the session without giving it away."""
        return hashlib.sha256(token.encode()).hexdigest()[:32]

    def read_webhook(self, headers: Mapping[str, str], body: bytes, now: int) -> PartnerWebhook:
        settings = self._settings
        message_id, sent_at = webhook.verify(
            headers, body, secrets=settings.webhook_secrets, now=now, tolerance_ms=settings.tolerance_ms
        )
        try:
            content = json.loads(body)
        except ValueError:
            raise WebhookRejected("body") from None
        return translate.read(content, message_id, sent_at)

    async def _post(self, path: str, body: dict[str, Any], token: str, key: str) -> Any:
        return await self._send("POST", path, {"Session-Token": token, "Idempotency-Key": key}, body)

    async def _send(
        self, method: str, path: str, headers: dict[str, str], body: dict[str, Any] | None
    ) -> Any:
        settings = self._settings
        url, timeout_s = settings.url + path, settings.timeout_ms / 1000
        headers = {"Authorization": f"Bearer {settings.api_key}", **headers}
        try:
            if body is None:
                answer = await self._http.request(method, url, headers=headers, timeout_s=timeout_s)
            else:
                answer = await post_json(self._http, url, body, headers=headers, timeout_s=timeout_s)
        except NoAnswerError as error:
            raise Unreachable(error.reason, sent=error.sent) from None
        if answer.is_success:
            return _content(answer)
        if answer.is_server_error or answer.is_redirect or answer.status in _NO_ANSWER_YET:
            raise Unreachable(f"status_{answer.status}", sent=True)
        if answer.status == HTTPStatus.CONFLICT and _rings(answer):
            # Whoever presses while the phone still rings means "as soon as it is answered".
            raise Unreachable("ringing", sent=False)
        raise Refused(answer.status, _error_id(answer))


def _content(answer: Answer) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None


def _rings(answer: Answer) -> bool:
    content = _content(answer)
    return isinstance(content, dict) and content.get("state") == "ringing"


def _error_id(answer: Answer) -> str:
    content = _content(answer)
    code = content.get("error") if isinstance(content, dict) else None
    return (
        code
        if isinstance(code, str) and code.isascii() and code.replace("_", "").isalnum() and len(code) < 41
        else "refused"
    )
