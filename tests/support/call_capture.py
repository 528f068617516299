"""Captures of calls, made packet by packet: a customer, an edge, a partner and an agent, secured for a while, with or without a leak.

Addresses are of the documentation ranges. Only made-up digits, no card.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from callseal.audit.codecs import CLOCKS, Floats, encode
from callseal.audit.tone_sound import RATE, tone_samples
from callseal.wire.dtmf import press
from callseal.wire.ip import udp_packet
from callseal.wire.pcap_stream import pcap_header, pcap_record
from callseal.wire.rtp import RtpPacket
from callseal.wire.srtp import Crypto, SrtpContext

Where = tuple[str, int]

CUSTOMER, EDGE, PARTNER, AGENT = "198.51.100.10", "192.0.2.20", "192.0.2.130", "198.51.100.140"
CUSTOMER_RTP, AGENT_RTP, PARTNER_RTP = (CUSTOMER, 20000), (AGENT, 20000), (PARTNER, 32000)
EDGE_TO_CUSTOMER, EDGE_TO_AGENT, EDGE_TO_PARTNER = (
    ("192.0.2.21", 31000),
    ("192.0.2.21", 31002),
    ("192.0.2.21", 31004),
)
BEGIN = 1_790_000_000.0
KINDS = {"PCMU": 0, "PCMA": 8, "G722": 9, "OPUS": 96}
NAMES = {"PCMU": "PCMU/8000", "PCMA": "PCMA/8000", "G722": "G722/8000", "OPUS": "opus/48000/2"}


@dataclass(slots=True)
class Capture:
    """Frames by time. `at` counts from the beginning of the capture."""

    records: list[tuple[float, bytes]] = field(default_factory=list)

    def udp(self, at: float, source: Where, destination: Where, payload: bytes) -> None:
        self.records.append((BEGIN + at, udp_packet(source, destination, payload)))

    def sip(
        self,
        at: float,
        source: str,
        destination: str,
        text: str,
        body: str = "",
        kind: str = "application/sdp",
    ) -> None:
        head = text.replace("\n", "\r\n") + (f"Content-Type: {kind}\r\n" if body else "")
        message = f"{head}Content-Length: {len(body)}\r\n\r\n{body}"
        self.udp(at, (source, 5060), (destination, 5060), message.encode())

    def __bytes__(self) -> bytes:
        ordered = sorted(self.records, key=lambda record: record[0])
        return pcap_header() + b"".join(pcap_record(at, frame) for at, frame in ordered)


def sdp(where: Where, codec: str = "PCMU", *, event: int = 101, crypto: str = "") -> str:
    """An offer or answer."""
    profile = "RTP/SAVP" if crypto else "RTP/AVP"
    lines = [
        "v=0",
        f"o=- 1 1 IN IP4 {where[0]}",
        "s=-",
        f"c=IN IP4 {where[0]}",
        "t=0 0",
        f"m=audio {where[1]} {profile} {KINDS[codec]} {event}",
        f"a=rtpmap:{KINDS[codec]} {NAMES[codec]}",
        f"a=rtpmap:{event} telephone-event/{CLOCKS[codec]}",
    ]
    if crypto:
        lines.append(f"a=crypto:{crypto}")
    return "\r\n".join(lines) + "\r\n"


@dataclass(slots=True)
class Talk:
    """One RTP stream, packet after packet. With `crypto` it is SRTP, with `roll_over` one that was there long before."""

    capture: Capture
    source: Where
    destination: Where
    codec: str = "PCMU"
    ssrc: int = 1
    crypto: Crypto | None = None
    sequence: int = 100
    timestamp: int = 5000
    roll_over: int = 0
    _context: SrtpContext | None = None

    def __post_init__(self) -> None:
        self._context = SrtpContext(self.crypto, roll_over=self.roll_over) if self.crypto else None

    @property
    def step(self) -> int:
        return CLOCKS[self.codec] // 50

    def packet(
        self, at: float, kind: int, payload: bytes, *, marker: bool = False, timestamp: int | None = None
    ) -> None:
        packet = RtpPacket(
            payload_type=kind,
            sequence=self.sequence & 0xFFFF,
            timestamp=(self.timestamp if timestamp is None else timestamp) & 0xFFFFFFFF,
            ssrc=self.ssrc,
            payload=payload,
            marker=marker,
        )
        data = self._context.encrypt(packet) if self._context else bytes(packet)
        self.capture.udp(at, self.source, self.destination, data)
        self.sequence += 1

    def say(self, at: float, audio: Floats) -> float:
        """Audio in packets of 20 ms; returns the time after it."""
        for payload in encode(self.codec, audio):
            self.packet(at, KINDS[self.codec], payload)
            self.timestamp += self.step
            at += 0.02
        return at

    def press(self, at: float, keys: str, *, kind: int = 101, milliseconds: int = 80, gap: int = 60) -> float:
        """Telephone-events; returns the time after them."""
        for key in keys:
            begin = self.timestamp
            for number, event in enumerate(
                press(key, duration=milliseconds // 20 * self.step, step=self.step)
            ):
                self.packet(at, kind, bytes(event), marker=not number, timestamp=begin)
                at += 0.02
            self.timestamp += (milliseconds // 20 + 2) * self.step
            at = self.say(at, hush(gap / 1000))
        return at


def hush(seconds: float) -> Floats:
    return np.zeros(int(seconds * RATE), dtype=np.float32)


def murmur(seconds: float, seed: int = 1) -> Floats:
    """Something that sounds a little like speech and nothing like keys."""
    size = int(seconds * RATE)
    noise = np.random.default_rng(seed).normal(0, 700, size + 8)
    smooth = np.convolve(noise, np.ones(9) / 3, mode="valid")[:size]
    return np.asarray(smooth * (1 + np.sin(np.arange(size) / 1600)), dtype=np.float32)


def tones(keys: str, *, milliseconds: float = 80, gap: float = 0.06, dbm0: float = -12.0) -> Floats:
    parts = [hush(0.1)]
    for key in keys:
        parts += [tone_samples(key, milliseconds, dbm0=dbm0), hush(gap)]
    return np.concatenate(parts)


def message(
    method: str, cseq: int, call_id: str, *, tag: bool = False, route: str = "", status: int = 0
) -> str:
    """The head of a request or, with `status`, of its reply."""
    start = f"SIP/2.0 {status} X\n" if status else f"{method} sip:+442079460123@x SIP/2.0\n"
    return (
        f"{start}Via: SIP/2.0/UDP x;branch=z9hG4bK{cseq}\nFrom: <sip:+447700900123@x>;tag=a\n"
        f"To: <sip:+442079460123@x>{';tag=b' if tag or status else ''}\nCall-ID: {call_id}\nCSeq: {cseq} {method}\n"
        + (f"Record-Route: <sip:edge.example;lr{route}>\n" if route else "")
    )


SECURED_AT, HOME_AT, ENDS_AT = 2.0, 6.0, 8.0


def secured_call(
    *,
    codec: str = "PCMU",
    leak: Floats | None = None,
    leak_events: str = "",
    leak_kind: int = 101,
    leak_info: str = "",
    routes: bool = True,
    bye: bool = True,
    keys: str = "1234",
    crypto: Crypto | None = None,
    agent_only: bool = False,
    roll_over: int = 0,
) -> Capture:
    """Eight seconds: home until 2, secured until 6, home again. The customer presses `keys` at 3; `leak` reaches the agent at 4."""
    capture = Capture()
    secret = str(crypto) if crypto else ""
    for leg, call_id in (("c", "customer-leg@x"), ("a", "agent-leg@x")):
        if agent_only and leg == "c":
            continue
        route = f";v=1;k=1;lg={leg};rn=1;d=i;rf={'ab' * 16};sg={'0' * 32}" if routes else ""
        first, last = (CUSTOMER, PARTNER) if leg == "c" else (PARTNER, AGENT)
        theirs = (
            CUSTOMER_RTP if leg == "c" else EDGE_TO_CUSTOMER
        )  # the partner passes on what the edge offered it
        hops = ((first, EDGE, theirs), (EDGE, last, EDGE_TO_CUSTOMER if leg == "c" else EDGE_TO_AGENT))
        back = EDGE_TO_AGENT if leg == "c" else AGENT_RTP
        begin = 0.0 if leg == "c" else 0.05
        for hop, (source, destination, where) in enumerate(hops):
            seen = AGENT in (source, destination) or not agent_only
            if seen:
                capture.sip(
                    begin + hop / 100,
                    source,
                    destination,
                    message("INVITE", 1, call_id, route=route),
                    sdp(where, codec, crypto=secret),
                )
        for hop, (source, destination, where) in enumerate(
            ((last, EDGE, back), (EDGE, first, EDGE_TO_AGENT if leg == "a" else EDGE_TO_CUSTOMER))
        ):
            if AGENT in (source, destination) or not agent_only:
                capture.sip(
                    0.3 + hop / 100 + begin,
                    source,
                    destination,
                    message("INVITE", 1, call_id, status=200, route=route),
                    sdp(where, codec, crypto=secret),
                )
        for number, (at, where) in enumerate(((SECURED_AT, PARTNER_RTP), (HOME_AT, EDGE_TO_CUSTOMER))):
            cseq = 10 + number
            target = first if leg == "c" else AGENT
            moved = (where[0], where[1] + (2 if leg == "a" and where == PARTNER_RTP else 0))
            if not agent_only:
                capture.sip(
                    at + begin,
                    PARTNER,
                    EDGE,
                    message("INVITE", cseq, call_id, tag=True, route=route),
                    sdp(moved, codec, crypto=secret),
                )
            capture.sip(
                at + begin + 0.01,
                EDGE,
                target,
                message("INVITE", cseq, call_id, tag=True, route=route),
                sdp(EDGE_TO_CUSTOMER if leg == "c" else EDGE_TO_AGENT, codec, crypto=secret),
            )
            capture.sip(
                at + begin + 0.02,
                target,
                EDGE,
                message("INVITE", cseq, call_id, status=200),
                sdp(CUSTOMER_RTP if leg == "c" else AGENT_RTP, codec, crypto=secret),
            )
            if not agent_only:
                capture.sip(
                    at + begin + 0.03,
                    EDGE,
                    PARTNER,
                    message("INVITE", cseq, call_id, status=200),
                    sdp(EDGE_TO_PARTNER, codec, crypto=secret),
                )
        if bye:
            capture.sip(ENDS_AT, EDGE, first if leg == "c" else AGENT, message("BYE", 20, call_id, tag=True))
    if leak_info:
        for number, key in enumerate(leak_info):
            capture.sip(
                4 + number / 10,
                EDGE,
                AGENT,
                message("INFO", 30 + number, "agent-leg@x", tag=True),
                f"Signal={key}\r\nDuration=80\r\n",
                "application/dtmf-relay",
            )
    srtp: dict[str, Any] = {"crypto": crypto, "roll_over": roll_over}
    to_agent = Talk(capture, EDGE_TO_AGENT, AGENT_RTP, codec, ssrc=7, **srtp)
    at = to_agent.say(0.5, murmur(3.5))
    if leak_events:
        at = to_agent.press(at, leak_events, kind=leak_kind)
    if leak is not None:
        at = to_agent.say(at, leak)
    to_agent.say(at, murmur(ENDS_AT - at, seed=2))
    if not agent_only:
        from_customer = Talk(capture, CUSTOMER_RTP, EDGE_TO_CUSTOMER, codec, ssrc=8, **srtp)
        at = from_customer.press(from_customer.say(0.5, murmur(2.5, seed=3)), keys)
        from_customer.say(at, murmur(ENDS_AT - at, seed=4))
        Talk(capture, AGENT_RTP, EDGE_TO_AGENT, codec, ssrc=9, **srtp).say(0.5, murmur(7.5, seed=5))
    return capture
