"""SRTP data packets (RFC 3711) with keys from SDP (SDES, RFC 4568): encrypt, decrypt, and the roll-over counter.

AES in counter mode with HMAC-SHA1, the suites of RFC 4568 section 6.2 and RFC 6188. No SRTCP, no MKI, key derivation rate 0.
Pure: keys and packets come in by argument; wrong lengths raise `ValueError`, a packet that is not of this key gives None.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from callseal.wire.rtp import RtpPacket

SALT_BYTES = 14
_AUTH_BYTES = 20
_ENCRYPTION, _AUTHENTICATION, _SALTING = 0x00, 0x01, 0x02
"""Labels of the key derivation, RFC 3711 section 4.3.1."""
_HALF, _WHOLE = 1 << 15, 1 << 16


@dataclass(frozen=True, slots=True)
class Suite:
    """A crypto suite: its name in SDP, octets of the master key, octets of the authentication tag."""

    name: str
    key_bytes: int
    tag_bytes: int


SUITES = {
    suite.name: suite
    for suite in (
        Suite("AES_CM_128_HMAC_SHA1_80", 16, 10),
        Suite("AES_CM_128_HMAC_SHA1_32", 16, 4),
        Suite("AES_256_CM_HMAC_SHA1_80", 32, 10),
        Suite("AES_256_CM_HMAC_SHA1_32", 32, 4),
    )
}


@dataclass(frozen=True, slots=True)
class Crypto:
    """One `a=crypto` line (RFC 4568 section 9.1): tag, suite, master key and salt. The key is kept out of reprs."""

    tag: int
    suite: Suite
    key: bytes = field(repr=False)
    salt: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.key) != self.suite.key_bytes or len(self.salt) != SALT_BYTES:
            raise ValueError(f"a key for {self.suite.name} has {self.suite.key_bytes} octets, the salt 14")

    @classmethod
    def parse(cls, value: str) -> Crypto:
        """Reads what follows `a=crypto:`. Raises `ValueError`; session parameters, which weaken a suite, are refused too."""
        parts = value.split()
        if len(parts) != 3 or not parts[0].isdigit() or not parts[2].startswith("inline:"):
            raise ValueError("a=crypto is not of the form tag suite inline:key, or has session parameters")
        suite = SUITES.get(parts[1])
        if suite is None:
            raise ValueError(f"crypto suite {parts[1]} is not known here")
        text = parts[2].removeprefix("inline:").partition("|")[0].rstrip("=")
        try:
            # Section 6.1 discards the padding, and peers differ in whether they send it.
            material = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
        except binascii.Error as error:
            raise ValueError("the key of a=crypto is not base64") from error
        return cls(int(parts[0]), suite, material[: suite.key_bytes], material[suite.key_bytes :])

    def __str__(self) -> str:
        """The value of the line, key included."""
        return f"{self.tag} {self.suite.name} inline:{base64.b64encode(self.key + self.salt).decode()}"


def keystream(key: bytes, start: int, length: int) -> bytes:
    """AES in counter mode from the 128-bit counter `start` (RFC 3711 section 4.1.1)."""
    cipher = Cipher(algorithms.AES(key), modes.CTR(start.to_bytes(16, "big"))).encryptor()
    return cipher.update(bytes(length))


def derive(key: bytes, salt: bytes, label: int, length: int) -> bytes:
    """A session key from master key and salt (RFC 3711 section 4.3; key derivation rate 0)."""
    return keystream(key, (int.from_bytes(salt, "big") ^ label << 48) << 16, length)


class SrtpContext:
    """One direction of one stream under one key; `roll_over` counts how often the sequence number has wrapped.

    It follows the sequence numbers by itself (RFC 3711 section 3.3.1), for one SSRC; a new SSRC wants a context of its own.
    """

    def __init__(self, crypto: Crypto, *, roll_over: int = 0) -> None:
        self._suite = crypto.suite
        self._key = derive(crypto.key, crypto.salt, _ENCRYPTION, crypto.suite.key_bytes)
        self._salt = int.from_bytes(derive(crypto.key, crypto.salt, _SALTING, SALT_BYTES), "big")
        self._authentication = derive(crypto.key, crypto.salt, _AUTHENTICATION, _AUTH_BYTES)
        self.roll_over = roll_over
        self._last: int | None = None

    def encrypt(self, packet: RtpPacket) -> bytes:
        """The packet as it goes on the wire."""
        roll_over = self._guess(packet.sequence)
        self._follow(packet.sequence, roll_over)
        clear = bytes(packet)
        head = clear[: _header_bytes(clear)]
        body = self._crypt(packet.ssrc, packet.sequence, roll_over, clear[len(head) :])
        return head + body + self._tag(head + body, roll_over)

    def decrypt(self, data: bytes) -> RtpPacket | None:
        """The packet in clear, or None when it does not authenticate: another key, another roll-over, not SRTP at all."""
        try:
            at = _header_bytes(data)
            roll_over = self._guess(int.from_bytes(data[2:4], "big"))
        except ValueError:
            return None
        end = len(data) - self._suite.tag_bytes
        if end < at or roll_over < 0:
            return None
        if not hmac.compare_digest(self._tag(data[:end], roll_over), data[end:]):
            return None
        sequence, ssrc = int.from_bytes(data[2:4], "big"), int.from_bytes(data[8:12], "big")
        clear = data[:at] + self._crypt(ssrc, sequence, roll_over, data[at:end])
        try:
            packet = RtpPacket.parse(clear)
        except ValueError:
            return None
        self._follow(sequence, roll_over)
        return packet

    def _guess(self, sequence: int) -> int:
        if self._last is None:
            return self.roll_over
        if self._last < _HALF:
            return self.roll_over - 1 if sequence - self._last > _HALF else self.roll_over
        return self.roll_over + 1 if self._last - _HALF > sequence else self.roll_over

    def _follow(self, sequence: int, roll_over: int) -> None:
        newest = -1 if self._last is None else self.roll_over * _WHOLE + self._last
        if roll_over * _WHOLE + sequence > newest:
            self.roll_over, self._last = roll_over, sequence

    def _crypt(self, ssrc: int, sequence: int, roll_over: int, data: bytes) -> bytes:
        start = self._salt << 16 ^ ssrc << 64 ^ (roll_over * _WHOLE + sequence) << 16
        stream = keystream(self._key, start, len(data))
        return bytes(left ^ right for left, right in zip(data, stream, strict=True))

    def _tag(self, authenticated: bytes, roll_over: int) -> bytes:
        text = authenticated + (roll_over % (1 << 32)).to_bytes(4, "big")
        return hmac.digest(self._authentication, text, "sha1")[: self._suite.tag_bytes]


def _header_bytes(data: bytes) -> int:
    """Octets before the encrypted part: fixed header, contributing sources, header extension. Raises `ValueError`."""
    if len(data) < 12 or data[0] >> 6 != 2:
        raise ValueError("not an RTP packet")
    at = 12 + 4 * (data[0] & 0x0F)
    if data[0] & 0x10:
        at += 4 + 4 * int.from_bytes(data[at + 2 : at + 4], "big")
    if at > len(data):
        raise ValueError("RTP packet ends within its header")
    return at
