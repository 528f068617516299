"""SRTP data packets (RFC 3711) with keys from SDP: encrypt, decrypt, and the roll-over counter.

AES in counter mode with HMAC-SHA1 (RFC 4568 section 6.2, RFC 6188) and AES-GCM (RFC 7714), with or without MKI. No SRTCP, key derivation rate 0.
Pure: keys and packets come in by argument; wrong lengths raise `ValueError`, a packet that is not of this key gives None.
"""

from __future__ import annotations

import hmac
from copy import copy

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from callseal.wire.rtp import RtpPacket
from callseal.wire.sdes import SALT_BYTES, SUITES, Crypto, Suite

__all__ = ["SALT_BYTES", "SUITES", "Crypto", "SrtpContext", "Suite", "derive", "keystream"]

_AUTH_BYTES = 20
_ENCRYPTION, _AUTHENTICATION, _SALTING = 0x00, 0x01, 0x02
"""Labels of the key derivation, RFC 3711 section 4.3.1."""
_HALF, _WHOLE = 1 << 15, 1 << 16


def keystream(key: bytes, start: int, length: int) -> bytes:
    """AES in counter mode from the 128-bit counter `start` (RFC 3711 section 4.1.1)."""
    cipher = Cipher(algorithms.AES(key), modes.CTR(start.to_bytes(16, "big"))).encryptor()
    return cipher.update(bytes(length))


def derive(key: bytes, salt: bytes, label: int, length: int) -> bytes:
    """A session key from master key and salt (RFC 3711 section 4.3; key derivation rate 0). A salt of 96 bits is filled up with zeros
    on the right (RFC 7714 section 11)."""
    return keystream(key, (int.from_bytes(salt.ljust(SALT_BYTES, b"\0"), "big") ^ label << 48) << 16, length)


class SrtpContext:
    """One direction of one stream under one key; `roll_over` counts how often the sequence number has wrapped.

    It follows the sequence numbers by itself (RFC 3711 section 3.3.1), for one SSRC; a new SSRC wants a context of its own.
    """

    def __init__(self, crypto: Crypto, *, roll_over: int = 0) -> None:
        suite = self._suite = crypto.suite
        self._mki = crypto.mki
        self._key = derive(crypto.key, crypto.salt, _ENCRYPTION, suite.key_bytes)
        self._salt = int.from_bytes(derive(crypto.key, crypto.salt, _SALTING, suite.salt_bytes), "big")
        self._gcm = AESGCM(self._key) if suite.aead else None
        self._authentication = (
            b"" if suite.aead else derive(crypto.key, crypto.salt, _AUTHENTICATION, _AUTH_BYTES)
        )
        self.roll_over = roll_over
        self._last: int | None = None

    def begun_at(self, roll_over: int) -> SrtpContext:
        """Another context with these session keys, which has seen nothing yet."""
        other = copy(self)
        other.roll_over, other._last = roll_over, None
        return other

    def encrypt(self, packet: RtpPacket) -> bytes:
        """The packet as it goes on the wire."""
        roll_over = self._guess(packet.sequence)
        self._follow(packet.sequence, roll_over)
        clear = bytes(packet)
        head = clear[: _header_bytes(clear)]
        body = clear[len(head) :]
        if self._gcm is not None:
            iv = self._gcm_iv(packet.ssrc, packet.sequence, roll_over)
            return head + self._gcm.encrypt(iv, body, head) + self._mki
        body = self._crypt(packet.ssrc, packet.sequence, roll_over, body)
        return head + body + self._mki + self._tag(head + body, roll_over)

    def decrypt(self, data: bytes) -> RtpPacket | None:
        """The packet in clear, or None when it does not authenticate: another key, another roll-over, not SRTP at all."""
        try:
            at = _header_bytes(data)
        except ValueError:
            return None
        sequence = int.from_bytes(data[2:4], "big")
        roll_over = self._guess(sequence)
        clear = self._open(data, at, sequence, roll_over) if roll_over >= 0 else None
        if clear is None:
            return None
        try:
            packet = RtpPacket.parse(data[:at] + clear)
        except ValueError:
            return None
        self._follow(sequence, roll_over)
        return packet

    def _open(self, data: bytes, at: int, sequence: int, roll_over: int) -> bytes | None:
        """The payload in clear. The MKI stands before the tag of HMAC-SHA1 (RFC 3711 section 3.1), after that of GCM (RFC 7714 section 8)."""
        ssrc = int.from_bytes(data[8:12], "big")
        tag = 0 if self._gcm is not None else self._suite.tag_bytes
        end = len(data) - tag - len(self._mki)
        if end < at or data[end : end + len(self._mki)] != self._mki:
            return None
        if self._gcm is not None:
            try:
                return self._gcm.decrypt(self._gcm_iv(ssrc, sequence, roll_over), data[at:end], data[:at])
            except (InvalidTag, ValueError):
                return None
        if not hmac.compare_digest(self._tag(data[:end], roll_over), data[len(data) - tag :]):
            return None
        return self._crypt(ssrc, sequence, roll_over, data[at:end])

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
        cipher = Cipher(algorithms.AES(self._key), modes.CTR(start.to_bytes(16, "big"))).encryptor()
        return cipher.update(data)

    def _gcm_iv(self, ssrc: int, sequence: int, roll_over: int) -> bytes:
        """RFC 7714 section 8.1."""
        return (self._salt ^ ssrc << 48 ^ roll_over << 16 ^ sequence).to_bytes(12, "big")

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
