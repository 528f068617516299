"""A press while the phone still rings means "as soon as it is answered"."""

from __future__ import annotations

import asyncio

import httpx2
import pytest

from callseal.partners.sandbox import SandboxPartner, SandboxSettings
from callseal.payments.ports import Refused, Unreachable
from tests.support.http_double import HttpDouble

pytestmark = pytest.mark.unit


def secure_when(state: str) -> None:
    answer = {"error": "wrong_state", "message": "not now", "state": state}
    http = HttpDouble(lambda _request: httpx2.Response(409, json=answer))

    async def run() -> None:
        settings = SandboxSettings(url="http://partner", api_key="key", webhook_secrets=("whsec_aGVsbG8=",))
        await SandboxPartner(settings, http).secure("token", "key-1")

    asyncio.run(run())


def test_ringing_is_asked_again() -> None:
    with pytest.raises(Unreachable) as silence:
        secure_when("ringing")
    assert not silence.value.sent


def test_any_other_state_is_a_refusal() -> None:
    with pytest.raises(Refused) as refusal:
        secure_when("secured")
    assert refusal.value.status == 409
