"""Keys of the route cookie and the Record-Route parameters (docs/reference/interfaces.md, section 3).

Kamailio's script language has SHA-256 but no HMAC, so the MAC is HMAC's nested construction over two derived keys.
The same function stands in `router/cookie.cfg`; `tests/integration/router` holds the two together.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field

MAC_DIGITS = 32


@dataclass(frozen=True, slots=True)
class MacKeys:
    """The keys derived from one secret: `inner` and `outer`, 64 hex digits each, sign; `hiding`, 16 bytes in base64 (AES-128), encrypts Contacts."""

    inner: str = field(repr=False)
    outer: str = field(repr=False)
    hiding: str = field(repr=False)


def derive(secret: str) -> MacKeys:
    """`secret` as in the deployment -> the keys that Kamailio is given instead of it."""
    return MacKeys(
        inner=_digest(f"callseal-inner:{secret}"),
        outer=_digest(f"callseal-outer:{secret}"),
        hiding=base64.b64encode(hashlib.sha256(f"callseal-hiding:{secret}".encode()).digest()[:16]).decode(),
    )


def mac(keys: MacKeys, text: str) -> str:
    """The 32 hex digits that sign `text`."""
    return _digest(keys.outer + _digest(keys.inner + text))[:MAC_DIGITS]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
