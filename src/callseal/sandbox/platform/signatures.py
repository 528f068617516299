"""Standard Webhooks (https://www.standardwebhooks.com, specification 1.0.0) as a platform's developer reads it. Pure.

Callseal signs in `platforms/webhook` and verifies in `partners/sandbox`; this is a third reading of the same specification on
purpose. It shares no line with the others: a mistake in one of them does not pass because the other makes it too.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping

TOLERANCE_S = 300
_ID_MAX = 128


class NotGenuineError(Exception):
    """`reason`: headers, stale or signature."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def secret_bytes(secret: str) -> bytes:
    """`whsec_` and base64 of 24 to 64 bytes, as the specification wants it. Raises `ValueError`, without the secret."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith("whsec_") or not 24 <= len(key) <= 64:
        raise ValueError("the webhook secret must be whsec_ and base64 of 24 to 64 bytes")
    return key


def message_id(headers: Mapping[str, str], body: bytes, *, secret: bytes, now_s: int) -> str:
    """The `webhook-id` of a genuine message. `headers` in lower case or case-insensitive. Raises `NotGenuineError`.

    All `v1` candidates are compared, each in constant time; other versions are left out, as the specification asks.
    """
    try:
        name, stamp, given = (headers[f"webhook-{part}"] for part in ("id", "timestamp", "signature"))
        sent_s = int(stamp) if stamp.isascii() and stamp.isdecimal() and len(stamp) < 12 else -1
    except KeyError:
        raise NotGenuineError("headers") from None
    if sent_s < 0 or not name or len(name) > _ID_MAX:
        raise NotGenuineError("headers")
    if not -TOLERANCE_S <= now_s - sent_s <= TOLERANCE_S:
        raise NotGenuineError("stale")
    expected = hmac.digest(secret, b".".join((name.encode(), stamp.encode(), body)), "sha256")
    matches = [hmac.compare_digest(expected, candidate) for candidate in _candidates(given)]
    if not any(matches):
        raise NotGenuineError("signature")
    return name


def _candidates(given: str) -> list[bytes]:
    found = []
    for part in given.split():
        version, _, text = part.partition(",")
        if version == "v1":
            try:
                found.append(base64.b64decode(text, validate=True))
            except (binascii.Error, ValueError):
                continue
    return found
