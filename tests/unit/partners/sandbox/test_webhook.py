"""Signatures: the specification's own example, and every way to be wrong."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from callseal.partners.sandbox.webhook import secret_bytes, signature, verify
from callseal.payments.ports import WebhookRejected

pytestmark = pytest.mark.unit

# The example of the Standard Webhooks specification and of its reference libraries.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE_ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
TIMESTAMP = 1614265330
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
NOW = TIMESTAMP * 1000


def headers(**changes: str) -> dict[str, str]:
    made = {"webhook-id": MESSAGE_ID, "webhook-timestamp": str(TIMESTAMP), "webhook-signature": SIGNATURE}
    return made | {name.replace("_", "-"): value for name, value in changes.items()}


def check(given: dict[str, str], body: bytes = BODY, now: int = NOW, **more: Any) -> tuple[str, int]:
    return verify(given, body, **{"secrets": (SECRET,), "tolerance_ms": 300_000, **more}, now=now)


def test_the_specifications_example() -> None:
    assert signature(SECRET, MESSAGE_ID, TIMESTAMP, BODY) == SIGNATURE
    assert check(headers()) == (MESSAGE_ID, NOW)


def test_any_of_several_signatures_and_any_secret_will_do() -> None:
    check(headers(webhook_signature=f"v1,AAAA v2,xyz {SIGNATURE}"))
    other = "whsec_" + base64.b64encode(b"another").decode()
    check(headers(), secrets=(other, SECRET))
    with pytest.raises(WebhookRejected, match="signature"):
        check(headers(), secrets=(other,))
    with pytest.raises(WebhookRejected, match="signature"):
        check(headers(), secrets=())


@pytest.mark.parametrize(
    "changes",
    [
        {"webhook_id": ""},
        {"webhook_id": "x" * 129},
        {"webhook_timestamp": ""},
        {"webhook_timestamp": "soon"},
        {"webhook_timestamp": "-1"},
        {"webhook_timestamp": "٣"},
        {"webhook_timestamp": "9" * 13},
        {"webhook_signature": ""},
    ],
)
def test_headers_that_cannot_be_read(changes: dict[str, str]) -> None:
    with pytest.raises(WebhookRejected, match="headers"):
        check(headers(**changes))


@pytest.mark.parametrize("late_ms", [-300_001, 300_001])
def test_too_old_or_from_the_future(late_ms: int) -> None:
    with pytest.raises(WebhookRejected, match="stale"):
        check(headers(), now=NOW + late_ms)
    check(headers(), now=NOW + late_ms - (1 if late_ms > 0 else -1))


@pytest.mark.parametrize(
    ("changes", "body"),
    [
        ({"webhook_id": "msg_other"}, BODY),
        ({"webhook_timestamp": str(TIMESTAMP + 1)}, BODY),
        ({"webhook_signature": SIGNATURE.replace("g0hM", "g0hN")}, BODY),
        ({"webhook_signature": SIGNATURE.removeprefix("v1,")}, BODY),
        ({"webhook_signature": "v1,é"}, BODY),
        ({}, BODY + b" "),
    ],
)
def test_not_what_was_signed(changes: dict[str, str], body: bytes) -> None:
    with pytest.raises(WebhookRejected, match="signature"):
        check(headers(**changes), body)


def test_secrets() -> None:
    assert secret_bytes("plain") == b"plain"
    with pytest.raises(ValueError, match="base64"):
        secret_bytes("whsec_not base64!")
