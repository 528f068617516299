"""A media endpoint that speaks SRTP: the same as `Talker`, with keys of its own in its SDP and the edge's from theirs."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import replace

from callseal.wire.rtp import RtpPacket
from callseal.wire.sdp import SessionDescription
from callseal.wire.srtp import SUITES, Crypto, SrtpContext
from tests.support.rtp_talker import Talker


def cryptos(sdp: str) -> list[Crypto]:
    """Every key in an SDP. Raises `ValueError` for one that is not of a known suite."""
    sections = SessionDescription.parse(sdp).media
    return [Crypto.parse(value) for media in sections for value in media.attributes("crypto")]


def new_crypto(tag: int, suite: str) -> Crypto:
    kind = SUITES[suite]
    return Crypto(tag, kind, secrets.token_bytes(kind.key_bytes), secrets.token_bytes(kind.salt_bytes))


class SecureTalker(Talker):
    """`suites` in its order of preference; `fresh_keys`: every SDP of it brings new ones.

    What does not decrypt is counted in `unread` and not heard.
    """

    def __init__(
        self,
        address: str,
        voice: int,
        suites: Sequence[str],
        *,
        fresh_keys: bool = False,
    ) -> None:
        self._suites = tuple(suites)
        self._fresh_keys = fresh_keys
        self.own = self._new_keys()
        self._heard_key: Crypto | None = None
        self._receiving: dict[int, SrtpContext] = {}
        self._sending: tuple[Crypto, SrtpContext] | None = None
        self.unread = 0
        self.raw: list[bytes] = []
        """The last packets as they came."""
        super().__init__(address, voice)

    def _new_keys(self) -> list[Crypto]:
        return [new_crypto(number, suite) for number, suite in enumerate(self._suites, 1)]

    def sdp(self, version: int = 1, *, direction: str = "sendrecv", extra: str = "") -> str:
        if self._fresh_keys:
            self.own = self._new_keys()
        keys = "".join(f"a=crypto:{crypto}\r\n" for crypto in self.own)
        text = super().sdp(version, direction=direction, extra=keys + extra)
        return text.replace(" RTP/AVP ", " RTP/SAVP ")

    def answer(self, offer: str, version: int = 1) -> str:
        """One key, with the tag of the offered one (RFC 4568 section 5.1.2)."""
        text = self.sdp(version)
        offered = {one.suite.name: one.tag for one in cryptos(offer)}
        mine = next(one for one in self.own if one.suite.name in offered)
        line = f"a=crypto:{replace(mine, tag=offered[mine.suite.name])}\r\n"
        return re.sub(r"(?m)^a=crypto:.*\r\n", "", text) + line

    def send_to(self, sdp: str) -> None:
        theirs = {one.suite.name: one for one in cryptos(sdp)}
        chosen = next(theirs[suite] for suite in self._suites if suite in theirs)
        if chosen != self._heard_key:
            self._heard_key, self._receiving = chosen, {}
        mine = next(one for one in self.own if one.suite == chosen.suite)
        if self._sending is None or self._sending[0] != mine:
            self._sending = mine, SrtpContext(mine)
        super().send_to(sdp)

    def speak(self, suites: Sequence[str]) -> None:
        """Other suites from now on."""
        self._suites = tuple(suites)
        self.own = self._new_keys()

    def new_call(self) -> None:
        super().new_call()
        self.own, self._heard_key, self._receiving, self._sending = self._new_keys(), None, {}, None

    def turns(self, ssrc: int) -> int:
        """How often the sequence numbers of a stream that is heard have wrapped."""
        return self._receiving[ssrc].roll_over

    @property
    def sent_turns(self) -> int:
        """How often its own sequence numbers have wrapped under the present key."""
        return 0 if self._sending is None else self._sending[1].roll_over

    def bring_new_keys(self) -> None:
        """With its next SDP, which RFC 3711 section 8.1 asks of one that cannot go on with the counter of before."""
        self.own = self._new_keys()

    def clear(self) -> None:
        super().clear()
        self.unread = 0
        self.raw.clear()

    def _wrap(self, packet: RtpPacket) -> bytes | None:
        sending = self._sending
        return None if sending is None else sending[1].encrypt(packet)

    def _unwrap(self, data: bytes) -> RtpPacket | None:
        self.raw = [*self.raw[-49:], data]
        key, contexts = self._heard_key, self._receiving
        if key is None:
            self.unread += 1
            return None
        ssrc = int.from_bytes(data[8:12], "big")
        if ssrc not in contexts:
            contexts[ssrc] = SrtpContext(key)
        packet = contexts[ssrc].decrypt(data)
        self.unread += packet is None
        return packet
