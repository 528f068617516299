"""A partner that costs next to nothing: a B2BUA on one socket, so that many calls a second fit beside what is measured.

It takes the INVITE from the edge, sends its own with cookie and token, passes both SDPs through, and moves a leg to itself
and home again when it is told to. The sandbox partner does far more; here only its messages matter.
"""

from __future__ import annotations

import secrets
import time

from bench.endpoint import Endpoint, Leg, PeerError
from bench.sip_message import SipMessage, uri_of
from bench.sip_wire import Certificate
from bench.voice import Voice

COOKIE = "X-Route-Cookie"
TOKEN = "X-Payment-Token"


class LightPartner(Endpoint):
    """`media` is the address of its voices. `home` holds, for each leg, the SDP that brings its media home, `sent_at` when
    the INVITE of a second leg left (monotonic, s; by its Call-ID, until the call ends)."""

    def __init__(
        self, address: str, edge: str, media: str, *, certificate: Certificate | None = None
    ) -> None:
        super().__init__(address, edge, certificate=certificate)
        self._media = media
        self._waiting: dict[str, SipMessage] = {}
        self.other: dict[str, Leg] = {}
        self.home: dict[str, str] = {}
        self.sent_at: dict[str, float] = {}

    async def secure(self, leg: Leg) -> None:
        """Move this leg's media here; returns when it is answered and acknowledged."""
        await self._move(leg, leg.sdp())

    async def restore(self, leg: Leg) -> None:
        """Bring this leg's media home."""
        await self._move(leg, self.home[leg.call_id])
        leg.voice.target = None

    async def _move(self, leg: Leg, sdp: str) -> None:
        leg.version += 1
        leg.cseq += 1
        leg.up.clear()
        await self._invite(leg, sdp)

    def received(self, data: bytes, origin: object) -> None:
        message = SipMessage.parse(data)
        bye = message.method == "BYE" and not message.status
        other = self._forget(message.get("call-id")) if bye else None
        super().received(data, origin)
        if other is not None:
            self.hang_up(other)

    def _forget(self, call_id: str) -> Leg | None:
        other = self.other.pop(call_id, None)
        if other is not None:
            self.other.pop(other.call_id, None)
            for each in (call_id, other.call_id):
                self.home.pop(each, None)
                self.sent_at.pop(each, None)
        return other

    def _invited(self, message: SipMessage) -> None:
        call_id = message.get("call-id")
        if call_id in self.legs:
            if call_id in self._waiting:
                return  # a retransmission
            raise PeerError("a re-INVITE towards the partner: no bench does that")
        self._reply(message, "", status="100 Trying")
        from_, to = message.get("from"), message.get("to")
        first = Leg(
            call_id=call_id,
            local=f"{to};tag={secrets.token_hex(4)}",
            remote=from_,
            target=uri_of(message.get("contact")),
            routes=message.all("record-route"),
            voice=Voice(self._media),
        )
        number = message.start.partition("sip:")[2].partition("@")[0]
        second = Leg(
            call_id=f"{secrets.token_hex(12)}@{self.address}",
            local=f"{from_.partition(';tag=')[0]};tag={secrets.token_hex(4)}",
            remote=f"<sip:{number}@{self._edge}>",
            target=f"sip:{number}@{self._edge}",
            voice=Voice(self._media),
        )
        for one, other in ((first, second), (second, first)):
            self.legs[one.call_id] = one
            self.other[one.call_id] = other
        self._waiting[call_id] = message
        self.home[second.call_id] = message.body
        cookie = message.get(COOKIE.lower())
        headers = [f"{TOKEN}: {secrets.token_urlsafe(24)}"]
        if cookie:
            headers.append(f"{COOKIE}: {cookie}")
        self.sent_at[second.call_id] = time.monotonic()
        self._request(second, "INVITE", message.body, *headers)

    def _answered(self, message: SipMessage) -> None:
        super()._answered(message)
        if message.method != "INVITE" or message.status < 180:
            return
        first = self.other.get(message.get("call-id"))
        request = self._waiting.get(first.call_id) if first else None
        if first is None or request is None:
            return
        if message.status < 200:
            self._reply(request, "", first.local, status="180 Ringing")
            return
        # Media is not here yet: the voices of both legs are silent until a leg is secured.
        self.legs[message.get("call-id")].voice.target = None
        del self._waiting[first.call_id]
        if message.status >= 300:
            self._reply(request, "", first.local, status=message.start.partition(" ")[2])
            return
        self.home[first.call_id] = message.body
        self._reply(request, message.body, first.local)

    def _acknowledged(self, message: SipMessage) -> None:
        """Of the call's first INVITE; nothing waits for it."""
