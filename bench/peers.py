"""Carrier and platform for benches: many calls on one SIP socket a side, real RTP at 50 packets per second both ways.

Far lighter than a phone: one asyncio process carries a hundred legs. They answer everything at once, so that what a bench
measures is the router, the partner and Callseal. Retransmissions are not handled: on loopback nothing is lost, and a bench
that loses a message must fail rather than measure a timer.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
import socket
import struct
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from bench.sip_wire import Certificate, TlsWire, UdpWire, Wire
from callseal.wire.sdp import SessionDescription

FRAME_S = 0.02
SAMPLES = 160
PHASES = 5  # the legs are spread over the frame: a tick every 4 ms, never one burst
SILENCE = b"\xff" * SAMPLES  # PCMU
EVENTS = 101
_HEADER = struct.Struct("!BBHII")
_EVENT = struct.Struct("!BBH")
_REMEMBERED = 100  # frames; longer than any packet is under way
_TIMEOUT_S = 8.0

Address = tuple[str, int]


class PeerError(Exception):
    """A peer waited in vain, or was refused."""


@dataclass(slots=True)
class SipMessage:
    """A message in parts. `start` is the first line, header names are lower case."""

    start: str
    headers: list[tuple[str, str]]
    body: str
    origin: object = None
    """Where it came from: what a reply is sent with."""

    @classmethod
    def parse(cls, data: bytes, origin: object = None) -> SipMessage:
        head, _, body = data.decode("utf-8", "replace").partition("\r\n\r\n")
        start, *lines = head.split("\r\n")
        fields = [line.partition(":") for line in lines]
        headers = [(name.strip().lower(), value.strip()) for name, _, value in fields]
        return cls(start, headers, body, origin)

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    def get(self, name: str) -> str:
        return next(iter(self.all(name)), "")

    @property
    def status(self) -> int:
        """0 for a request."""
        return int(self.start.split(" ")[1]) if self.start.startswith("SIP/2.0 ") else 0

    @property
    def method(self) -> str:
        """Of the request, or of the CSeq."""
        return self.get("cseq").split(" ")[-1]

    @property
    def cseq(self) -> int:
        return int(self.get("cseq").split(" ")[0])

    @property
    def in_dialog(self) -> bool:
        return ";tag=" in self.get("to")


class Voice:
    """One RTP endpoint. It speaks silence in G.711 to `target`, and remembers when each packet left.

    `hears(timestamp, at)` is called for every packet that comes; without it nothing is read, the kernel drops it all. `every`: only
    one packet in so many is sent, for calls that are only there. `keys_heard` counts packets with a keypress (RFC 4733).
    """

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._socket.setblocking(False)
        self._socket.bind((address, 0))
        self.endpoint: Address = self._socket.getsockname()
        self.target: Address | None = None
        self._ssrc = secrets.randbits(32)
        self._sequence = secrets.randbits(15)
        self._timestamp = secrets.randbits(31)
        self._left: deque[tuple[int, float]] = deque(maxlen=_REMEMBERED)
        self._frames = 0
        self.every = 1
        self.keys_heard = 0

    def speak(self) -> None:
        """Send one packet."""
        if self.target is None:
            return
        self._timestamp = (self._timestamp + SAMPLES) & 0xFFFFFFFF
        self._frames += 1
        if self._frames % self.every:
            return
        self._left.append((self._timestamp, time.monotonic()))
        self._send(0, SILENCE)

    def press(self, key: int) -> None:
        """One short keypress: a packet that begins it and three that end it."""
        for place, end in enumerate((0, 0x80, 0x80, 0x80)):
            marker = 0 if place else 0x80
            self._send(EVENTS | marker, _EVENT.pack(key, end | 10, SAMPLES * min(place + 1, 2)))

    def _send(self, payload_type: int, payload: bytes) -> None:
        if self.target is None:
            return
        self._sequence = (self._sequence + 1) & 0xFFFF
        header = _HEADER.pack(0x80, payload_type, self._sequence, self._timestamp, self._ssrc)
        with suppress(BlockingIOError):
            self._socket.sendto(header + payload, self.target)

    def sdp(self, version: int = 1) -> str:
        """PCMU and telephone-events at this voice."""
        host, port = self.endpoint
        return (
            f"v=0\r\no=- 1 {version} IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
            f"m=audio {port} RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
            "a=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
        )

    def left_at(self, timestamp: int) -> float | None:
        """When the packet with this RTP timestamp was sent (monotonic, s); None when it is not known any more."""
        return next((at for known, at in reversed(self._left) if known == timestamp), None)

    def listen(self, hears: Callable[[int, float], None]) -> None:
        """Read what comes from now on."""

        def readable() -> None:
            with suppress(BlockingIOError):
                while True:
                    packet = self._socket.recv(2048)
                    self.keys_heard += packet[1] & 0x7F == EVENTS
                    hears(_HEADER.unpack_from(packet)[3], time.monotonic())

        asyncio.get_running_loop().add_reader(self._socket, readable)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()


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


@dataclass(frozen=True, slots=True)
class LiveCall:
    """Both ends of one call. `reference` is what the platform was told, "" for a call past the partner."""

    customer: Leg
    agent: Leg
    reference: str


class Peers:
    """Carrier and platform, and the clock of all their voices. `async with` opens and closes everything."""

    def __init__(self, carrier: str, platform: str, edge: str) -> None:
        self.carrier = Endpoint(carrier, edge)
        self.platform = Endpoint(platform, edge)
        self._callers = itertools.count(447700900000)
        self._talking: asyncio.Task[None] | None = None
        self.late_s = 0.0
        """The latest that a tick of the voices ever was: how far this process itself fell behind."""

    async def __aenter__(self) -> Peers:
        await self.carrier.open()
        await self.platform.open()
        self._talking = asyncio.create_task(self._talk())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._talking is not None:
            self._talking.cancel()
            await asyncio.gather(self._talking, return_exceptions=True)
        self.carrier.close()
        self.platform.close()

    async def dial(self, number: str) -> LiveCall:
        """The customer calls in; both talk when this returns. One call at a time: that is how the ends are paired."""
        customer = await self.carrier.call(number, f"+{next(self._callers)}")
        async with asyncio.timeout(_TIMEOUT_S):
            agent, invite = await self.platform.incoming.get()
        return LiveCall(customer, agent, invite.get("x-call-reference"))

    async def hang_up(self, call: LiveCall) -> None:
        """The customer hangs up; returns when the platform knows."""
        self.carrier.hang_up(call.customer)
        async with asyncio.timeout(_TIMEOUT_S):
            await call.agent.over.wait()

    async def _talk(self) -> None:
        due = time.monotonic()
        for tick in itertools.count():
            due += FRAME_S / PHASES
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            self.late_s = max(self.late_s, time.monotonic() - due)
            legs = [*self.carrier.legs.values(), *self.platform.legs.values()]
            for leg in legs[tick % PHASES :: PHASES]:
                leg.voice.speak()


def uri_of(value: str) -> str:
    """The URI of a Contact or From value."""
    return value.partition("<")[2].partition(">")[0] if "<" in value else value.partition(";")[0]
