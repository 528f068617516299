"""Standard Webhooks (https://www.standardwebhooks.com, specification 1.0.0), the receiving side. Pure.

Our own thirty lines rather than the package of that name: the package asks the wall clock itself, takes one secret where a
rotation needs two, and brings five dependencies for one HMAC. Its algorithm is the same; a test holds the specification's example.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Mapping

from callseal.payments.ports import WebhookRejected

_LONGEST_ID = 128


def secret_bytes(secret: str) -> bytes:
    """`whsec_<base64>`; anything else is taken as it stands."""
    if secret.startswith("whsec_"):
        try:
            return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except binascii.Error:
            raise ValueError("the webhook secret is not whsec_ and base64") from None
    return secret.encode()


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """`v1,<base64>` over `id.timestamp.body`. `timestamp` unix seconds."""
    mac = hmac.new(secret_bytes(secret), f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256)
    return "v1," + base64.b64encode(mac.digest()).decode()


def verify(
    headers: Mapping[str, str], body: bytes, *, secrets: Iterable[str], now: int, tolerance_ms: int
) -> tuple[str, int]:
    """`(webhook-id, timestamp in unix ms)` of a genuine message. `headers` case-insensitive or lower case, `now` unix ms.

    Raises `WebhookRejected` with reason `headers`, `stale` or `signature`. Compared in constant time, every candidate.
    """
    message_id = headers.get("webhook-id", "")
    stamp = headers.get("webhook-timestamp", "")
    given = headers.get("webhook-signature", "")
    if (
        not (0 < len(message_id) <= _LONGEST_ID)
        or not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12)
        or not given
    ):
        raise WebhookRejected("headers")
    timestamp = int(stamp)
    if abs(now - timestamp * 1000) > tolerance_ms:
        raise WebhookRejected("stale")
    genuine = False
    for secret in secrets:
        expected = signature(secret, message_id, timestamp, body).encode()
        for candidate in given.split(" "):
            genuine |= hmac.compare_digest(expected, candidate.encode())
    if not genuine:
        raise WebhookRejected("signature")
    return message_id, timestamp * 1000
