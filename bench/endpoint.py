"""One SIP endpoint of a bench: many dialogs on one socket, each with a voice, all answered at once.

Retransmissions are not handled: on loopback nothing is lost, and a bench that loses a message must fail rather than measure a timer.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass, field

from bench.sip_message import SipMessage, uri_of
from bench.sip_wire import Certificate, TlsWire, UdpWire, Wire
from bench.voice import Voice
from callseal.wire.sdp import SessionDescription

_TIMEOUT_S = 8.0


class PeerError(Exception):
    """A peer waited in vain, or was refused."""


@dataclass(slots=True)
class Leg:
    """One dialog and its voice. `moves` holds (answered at, acknowledged at) of every re-INVITE that came, monotonic s."""

    call_id: str
    local: str
    remote: str
    target: str
    voice: Voice
    routes: list[str] = field(default_factory=list)
    cseq: int = 1
    version: int = 1
    answered_at: float = 0.0
    moves: list[tuple[float, float]] = field(default_factory=list)
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    up: asyncio.Event = field(default_factory=asyncio.Event)
    refused: str = ""
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def sdp(self) -> str:
        return self.voice.sdp(self.version)

    def hear_sdp(self, body: str) -> None:
        audio = SessionDescription.parse(body).audio if body else None
        if audio is None or not audio.port:
            raise PeerError("an SDP without audio")
        self.voice.target = (audio.address, audio.port)

    async def wait_moves(self, count: int) -> None:
        """Until so many re-INVITEs of this leg, counted from the first, are answered and acknowledged."""
        async with asyncio.timeout(_TIMEOUT_S):
            while len(self.moves) < count:
                self.moved.clear()
                await self.moved.wait()


class Endpoint:
    """One side: UAS for INVITEs that come, UAC for `call()`. Answers 200 to whatever it is asked.

    `references` holds what each INVITE said of the call, by Call-ID; `rings` puts a 180 before the 200; with a `certificate` it
    speaks TLS, without UDP.
    """

    def __init__(
        self, address: str, edge: str, *, rings: bool = False, certificate: Certificate | None = None
    ) -> None:
        self.address = address
        self._edge = edge
        self._rings = rings
        self._wire: Wire = (
            UdpWire(address, edge) if certificate is None else TlsWire(address, edge, certificate)
        )
        self.legs: dict[str, Leg] = {}
        self.incoming: asyncio.Queue[tuple[Leg, SipMessage]] = asyncio.Queue()
        self.references: dict[str, str] = {}

    async def open(self) -> None:
        await self._wire.open(self.received)

    def close(self) -> None:
        for leg in self.legs.values():
            leg.voice.close()
        self._wire.close()

    async def call(self, number: str, caller: str) -> Leg:
        """Dial; returns when the call is answered and acknowledged."""
        to = f"sip:{number}@{self._edge}"
        leg = Leg(
            call_id=f"{secrets.token_hex(12)}@{self.address}",
            local=f"<sip:{caller}@{self.address}>;tag={secrets.token_hex(4)}",
            remote=f"<{to}>",
            target=to,
            voice=Voice(self.address),
        )
        self.legs[leg.call_id] = leg
        try:
            await self._invite(leg)
        except (TimeoutError, PeerError):
            del self.legs[leg.call_id]
            leg.voice.close()
            raise
        return leg

    async def reoffer(self, leg: Leg) -> None:
        """A re-INVITE of our own to a new port; returns when it is answered and acknowledged."""
        old, leg.voice = leg.voice, Voice(self.address)
        leg.voice.target = old.target
        old.close()
        leg.version += 1
        leg.cseq += 1
        leg.up.clear()
        await self._invite(leg)

    async def _invite(self, leg: Leg, sdp: str = "") -> None:
        leg.refused = ""
        self._request(leg, "INVITE", sdp or leg.sdp())
        async with asyncio.timeout(_TIMEOUT_S):
            await leg.up.wait()
        if leg.refused:
            raise PeerError(f"INVITE was refused: {leg.refused}")

    def steer(self, edge: str) -> None:
        """Send to that edge from now on; over UDP only."""
        if not isinstance(self._wire, UdpWire):
            raise PeerError("a connection cannot be steered")
        self._edge = edge
        self._wire.steer(edge)

    def hang_up(self, leg: Leg) -> None:
        leg.cseq += 1
        self._request(leg, "BYE", "")
        self.legs.pop(leg.call_id, None)
        leg.voice.close()

    # Requests and answers on the wire.

    def received(self, data: bytes, origin: object) -> None:
        message = SipMessage.parse(data, origin)
        if message.status:
            self._answered(message)
        elif message.method == "ACK":
            self._acknowledged(message)
        elif message.method == "INVITE":
            self._invited(message)
        else:
            if message.method == "BYE" and (leg := self.legs.pop(message.get("call-id"), None)):
                leg.voice.close()
                leg.over.set()
            self._reply(message, "")

    def _invited(self, message: SipMessage) -> None:
        leg = self.legs.get(message.get("call-id"))
        if leg is None:
            leg = Leg(
                call_id=message.get("call-id"),
                local=f"{message.get('to')};tag={secrets.token_hex(4)}",
                remote=message.get("from"),
                target=uri_of(message.get("contact")),
                routes=message.all("record-route"),
                voice=Voice(self.address),
            )
            self.legs[leg.call_id] = leg
            self.incoming.put_nowait((leg, message))
            self.references[leg.call_id] = message.get("x-call-reference")
            if self._rings:
                self._reply(message, "", leg.local, status="180 Ringing")
        else:
            leg.version += 1
        leg.hear_sdp(message.body)
        leg.answered_at = time.monotonic()
        self._reply(message, leg.sdp(), leg.local)

    def _acknowledged(self, message: SipMessage) -> None:
        leg = self.legs.get(message.get("call-id"))
        if leg is None:
            return
        if leg.up.is_set():
            leg.moves.append((leg.answered_at, time.monotonic()))
            leg.moved.set()
        leg.up.set()

    def _answered(self, message: SipMessage) -> None:
        leg = self.legs.get(message.get("call-id"))
        if leg is None or message.status < 200 or message.method != "INVITE" or message.cseq != leg.cseq:
            return
        if message.status >= 300:
            leg.refused = message.start
            leg.up.set()
            return
        leg.remote = message.get("to")
        leg.target = uri_of(message.get("contact"))
        leg.routes = leg.routes or list(reversed(message.all("record-route")))
        self._request(leg, "ACK", "")
        try:
            leg.hear_sdp(message.body)
        except PeerError as error:
            leg.refused = str(error)
        leg.up.set()

    def _request(self, leg: Leg, method: str, sdp: str, *headers: str) -> None:
        lines = [
            f"{method} {leg.target} SIP/2.0",
            f"Via: SIP/2.0/{self._wire.name} {self._here};branch=z9hG4bK{secrets.token_hex(8)}",
            f"From: {leg.local}",
            f"To: {leg.remote}",
            f"Call-ID: {leg.call_id}",
            f"CSeq: {leg.cseq} {method}",
            f"Contact: {self._contact}",
            "Max-Forwards: 70",
            *(f"Route: {route}" for route in leg.routes),
            *headers,
        ]
        self._send(lines, sdp)

    def _reply(self, request: SipMessage, sdp: str, to: str = "", status: str = "200 OK") -> None:
        lines = [f"SIP/2.0 {status}"]
        lines += [f"Via: {via}" for via in request.all("via")]
        lines += [f"Record-Route: {route}" for route in request.all("record-route")]
        lines += [f"{name}: {request.get(name.lower())}" for name in ("From", "Call-ID", "CSeq")]
        lines += [f"To: {to or request.get('to')}", f"Contact: {self._contact}"]
        self._send(lines, sdp, request.origin)

    @property
    def _here(self) -> str:
        return f"{self.address}:{self._wire.port}"

    @property
    def _contact(self) -> str:
        return f"<sip:peer@{self._here}{self._wire.suffix}>"

    def _send(self, lines: list[str], sdp: str, origin: object = None) -> None:
        kind = ["Content-Type: application/sdp"] if sdp else []
        text = "\r\n".join([*lines, *kind, f"Content-Length: {len(sdp)}", "", sdp])
        self._wire.send(text.encode(), origin)
