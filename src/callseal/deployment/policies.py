"""What a peer may be told to speak and to say: crypto suites of SRTP, and headers about the caller."""

from __future__ import annotations

from typing import Final, Literal

MediaProfile = Literal["rtp", "srtp"]
CryptoSuite = Literal[
    "AEAD_AES_256_GCM",
    "AEAD_AES_128_GCM",
    "AES_256_CM_HMAC_SHA1_80",
    "AES_256_CM_HMAC_SHA1_32",
    "AES_192_CM_HMAC_SHA1_80",
    "AES_192_CM_HMAC_SHA1_32",
    "AES_CM_128_HMAC_SHA1_80",
    "AES_CM_128_HMAC_SHA1_32",
]
"""RFC 4568, RFC 6188, RFC 7714: those that rtpengine has, without NULL (no encryption) and F8."""

Face = Literal["carrier", "partner", "platform"]
DEFAULT_SUITES: Final[dict[Face, tuple[CryptoSuite, ...]]] = {
    "carrier": ("AES_CM_128_HMAC_SHA1_32",),
    "partner": ("AES_256_CM_HMAC_SHA1_80", "AES_256_CM_HMAC_SHA1_32"),
    "platform": ("AES_CM_128_HMAC_SHA1_80",),
}
"""No suite twice: rtpengine copies a key from face to face where both speak one suite."""

FencePolicy = Literal["events", "tones", "mute", "unsafe-off"]
"""What the edge stops on its way to the agent while secured: docs/explanation/barriers.md."""

CallerHeader = Literal[
    "P-Asserted-Identity",
    "P-Preferred-Identity",
    "Remote-Party-ID",
    "Diversion",
    "History-Info",
    "Identity",
    "Call-Info",
]
"""Headers in which a carrier says who calls or by which way. `Privacy` is not one: without it the others would be shown."""
CALLER_HEADERS: Final[tuple[CallerHeader, ...]] = CallerHeader.__args__  # type: ignore[attr-defined]
