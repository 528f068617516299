"""Standard Webhooks signatures, version 1: HMAC-SHA256 over `id.timestamp.body` (standardwebhooks.com, symmetric keys)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets as randomness
from collections.abc import Mapping

PREFIX = "whsec_"
TOLERANCE_S = 300


class SignatureError(ValueError):
    """The message is not from who it says; the text names the check that failed, never the secret."""


def key_of(secret: str) -> bytes:
    """The key bytes of a `whsec_...` secret. Raises `ValueError` for another form, or less than 24 bytes."""
    if not secret.startswith(PREFIX):
        raise ValueError("a webhook secret begins with whsec_")
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("a webhook secret is whsec_ and base64") from None
    if len(key) < 24:
        raise ValueError("a webhook secret has 24 bytes at least")
    return key


def new_secret() -> str:
    return PREFIX + base64.b64encode(randomness.token_bytes(32)).decode("ascii")


def signature(key: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`: `v1,` and base64."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode("ascii")


def headers(key: bytes, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    return {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(key, message_id, timestamp, body),
    }


def verify(key: bytes, received: Mapping[str, str], body: bytes, *, now: float) -> str:
    """Check a message; returns its id. `received` has lower-case names. Raises `SignatureError`."""
    message_id = received.get("webhook-id", "")
    stamp = received.get("webhook-timestamp", "")
    if not message_id or not (stamp.isascii() and stamp.isdigit()):
        raise SignatureError("a webhook header is missing")
    if abs(now - int(stamp)) > TOLERANCE_S:
        raise SignatureError("the timestamp is too far from now")
    expected = signature(key, message_id, int(stamp), body).encode()
    # Several signatures may be sent side by side while a secret changes.
    offered = received.get("webhook-signature", "").split(" ")
    if not any(hmac.compare_digest(one.encode(), expected) for one in offered):
        raise SignatureError("no signature fits")
    return message_id
