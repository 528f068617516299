"""Standard Webhooks (https://www.standardwebhooks.com, specification 1.0.0), the sending side. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac


def signed_headers(secret: str, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers of a signed message. `secret` is `whsec_<base64>`, or taken as it stands; `timestamp` unix seconds."""
    mac = hmac.new(_secret_bytes(secret), f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": "v1," + base64.b64encode(mac.digest()).decode(),
    }


def _secret_bytes(secret: str) -> bytes:
    if not secret.startswith("whsec_"):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        raise ValueError("the webhook secret is not whsec_ and base64") from None
