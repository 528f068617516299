"""Keys for SRTP in SDP (SDES, RFC 4568): crypto suites, and what an `a=crypto` line says. Keys are kept out of reprs."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field

SALT_BYTES = 14
"""Of a suite in counter mode; AEAD suites have 12."""
_HARMLESS = ("WSH=", "FEC_ORDER=", "UNENCRYPTED_SRTCP")
"""Session parameters that change nothing for RTP in one stream; `KDR=0` is the default."""


@dataclass(frozen=True, slots=True)
class Suite:
    """A crypto suite: its name in SDP, octets of the master key, of the authentication tag, of the master salt."""

    name: str
    key_bytes: int
    tag_bytes: int
    salt_bytes: int = SALT_BYTES
    aead: bool = False
    """AES-GCM (RFC 7714) instead of counter mode with HMAC-SHA1."""


SUITES = {
    suite.name: suite
    for suite in (
        Suite("AES_CM_128_HMAC_SHA1_80", 16, 10),
        Suite("AES_CM_128_HMAC_SHA1_32", 16, 4),
        Suite("AES_192_CM_HMAC_SHA1_80", 24, 10),
        Suite("AES_192_CM_HMAC_SHA1_32", 24, 4),
        Suite("AES_256_CM_HMAC_SHA1_80", 32, 10),
        Suite("AES_256_CM_HMAC_SHA1_32", 32, 4),
        Suite("AEAD_AES_128_GCM", 16, 16, 12, aead=True),
        Suite("AEAD_AES_256_GCM", 32, 16, 12, aead=True),
    )
}
"""RFC 4568 section 6.2, RFC 6188, RFC 7714."""


@dataclass(frozen=True, slots=True)
class Crypto:
    """One key of an `a=crypto` line (RFC 4568 section 9.1): tag, suite, master key and salt; `mki` stands in every packet, or is empty."""

    tag: int
    suite: Suite
    key: bytes = field(repr=False)
    salt: bytes = field(repr=False)
    mki: bytes = b""

    def __post_init__(self) -> None:
        if len(self.key) != self.suite.key_bytes or len(self.salt) != self.suite.salt_bytes:
            raise ValueError(
                f"a key for {self.suite.name} has {self.suite.key_bytes} octets, the salt {self.suite.salt_bytes}"
            )

    @classmethod
    def parse(cls, value: str) -> Crypto:
        """Reads what follows `a=crypto:`. Raises `ValueError`; session parameters, which weaken a suite, and a second key are refused too."""
        parts = value.split()
        if len(parts) != 3:
            raise ValueError("a=crypto is not of the form tag suite inline:key, or has session parameters")
        keys = cls.parse_all(value)
        if len(keys) != 1:
            raise ValueError("a=crypto has more than one key")
        return keys[0]

    @classmethod
    def parse_all(cls, value: str) -> tuple[Crypto, ...]:
        """Every key of a line, as an onlooker reads it: several keys, MKI and harmless session parameters too. Raises `ValueError`."""
        parts = value.split()
        if len(parts) < 3 or not parts[0].isdigit():
            raise ValueError("a=crypto is not of the form tag suite inline:key")
        suite = SUITES.get(parts[1].upper())
        if suite is None:
            raise ValueError(f"crypto suite {parts[1]} is not known here")
        for parameter in parts[3:]:
            if not parameter.startswith(_HARMLESS) and parameter != "KDR=0":
                raise ValueError(f"session parameter {parameter} is not known here")
        return tuple(cls(int(parts[0]), suite, *_material(text, suite)) for text in parts[2].split(";"))

    def __str__(self) -> str:
        """The value of the line, key included."""
        mki = f"|{int.from_bytes(self.mki, 'big')}:{len(self.mki)}" if self.mki else ""
        return f"{self.tag} {self.suite.name} inline:{base64.b64encode(self.key + self.salt).decode()}{mki}"


def _material(text: str, suite: Suite) -> tuple[bytes, bytes, bytes]:
    """Key, salt and MKI of `inline:KEY|lifetime|MKI:length`; lifetime and MKI may be left out."""
    if not text.startswith("inline:"):
        raise ValueError("a key of a=crypto does not begin with inline:")
    encoded, *more = text.removeprefix("inline:").split("|")
    encoded = encoded.rstrip("=")
    try:
        # Section 6.1 discards the padding, and peers differ in whether they send it.
        material = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except binascii.Error as error:
        raise ValueError("the key of a=crypto is not base64") from error
    mki = b""
    for part in more:
        number, colon, length = part.partition(":")
        if not colon:
            continue  # how long the key lives: an onlooker sees when it is no longer used
        try:
            mki = int(number).to_bytes(int(length), "big") if int(length) <= 128 else b""
        except (ValueError, OverflowError) as error:
            raise ValueError("the MKI of a=crypto is not of the form number:length") from error
        if not mki:
            raise ValueError("an MKI has 1 to 128 octets")
    return material[: suite.key_bytes], material[suite.key_bytes :], mki
