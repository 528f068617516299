"""SRTP of the bridge: SDES keys (RFC 4568) towards both legs, plain RTP towards the insert between them, on loopback."""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from callseal.wire.ng import NgValue
from callseal.wire.srtp import SUITES

_CRYPTO = re.compile(r"(?m)^a=crypto:.*\r?\n")


@dataclass(frozen=True, slots=True)
class Keys:
    """`inside` and `outside`: rtpengine's options for an offer to the insert, and to a leg. No `suite`: RTP everywhere."""

    suite: str = ""
    inside: Mapping[str, NgValue] = field(default_factory=dict)
    outside: Mapping[str, NgValue] = field(default_factory=dict)

    def stand_in(self, sdp: str) -> str:
        """`sdp` with a key of our suite that nobody uses: the bridge is built before the leg has told its own."""
        if not self.suite:
            return sdp
        kind = SUITES[self.suite]
        material = secrets.token_bytes(kind.key_bytes + kind.salt_bytes)
        line = f"a=crypto:1 {self.suite} inline:{base64.b64encode(material).decode()}\r\n"
        return _CRYPTO.sub("", sdp) + line


IN_CLEAR = Keys()


def srtp(suite: str) -> Keys:
    """SRTP with that suite. Raises `KeyError` for one that is not in `callseal.wire.srtp`."""
    return Keys(
        SUITES[suite].name,
        inside={"transport-protocol": "RTP/AVP"},
        outside={"transport-protocol": "RTP/SAVP", "SDES": [f"only-{suite}"]},
    )
