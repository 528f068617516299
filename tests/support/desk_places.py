"""Where everybody in the desk's world is, what they share as secrets, and how webhooks are signed (Standard Webhooks)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time

EDGE, PARTNER, PLATFORM, DESK = "127.84.0.22", "127.84.0.30", "127.84.0.41", "127.84.0.50"
DESK_URL = f"http://{DESK}:8050"
EDGE_SECRET = "an-edge-secret-of-the-tests"
OPERATOR_SECRET = "an-operator-secret-of-the-tests"
API_KEY = "a-partner-key-of-the-tests"
PARTNER_WEBHOOK = "whsec_" + base64.b64encode(b"partner webhook secret 32 bytes!").decode()
PLATFORM_WEBHOOK = "whsec_" + base64.b64encode(b"platform webhook secret 32 byte!").decode()
PASSWORDS = {"alice": "correct horse battery", "bob": "staple of another tenant"}


PATIENCE_S = 8.0


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = hmac.new(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": "v1," + base64.b64encode(mac).decode(),
        "content-type": "application/json",
    }
