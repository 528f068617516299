"""An rtpengine in memory, a clock to turn by hand, and settings that fit both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from callseal.edge.ng_client import (
    NgClient,
    NgRefusedError,
    NgSilentError,
    UnknownCallError,
    UnknownPartyError,
    check,
)
from callseal.edge.settings import EdgeSettings, MediaNetworks
from callseal.wire.ng import NgReply, NgValue

CUSTOMER, HOME, PARTNER, PLATFORM, STRANGER = (f"127.82.0.{byte}" for byte in (10, 21, 31, 40, 99))
REFERENCE = "0123456789abcdef0123456789abcdef"
TOKEN = "tok-7Hq2-unit-test-only"


def settings(state: Path, **changes: Any) -> EdgeSettings:
    plain = EdgeSettings(
        edge="edge-1",
        http=("127.82.0.22", 8022),
        datagrams=("127.82.0.22", 8023),
        peers=frozenset({"127.82.0.20"}),
        secret="an edge secret for tests",
        desk_url="http://desk.test",
        nodes={"edge-1": ("127.82.0.21", 2223), "edge-2": ("127.82.1.21", 2223)},
        own_node="edge-1",
        media=MediaNetworks(
            partner=(ip_network(PARTNER),), home=(ip_network(HOME),), platform=(ip_network(PLATFORM),)
        ),
        state=state,
        evidence_poll_ms=1,
        evidence_window_ms=100,
        retry_first_ms=1,
        retry_limit_ms=4,
    )
    return replace(plain, **changes)


class Clock:
    """Unix milliseconds that only move when told."""

    def __init__(self, now: int = 1_790_000_000_000) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


@dataclass
class FakeParty:
    label: str
    address: str
    received: int = 0
    sent: int = 0
    dtmf_blocked: bool = False
    media_blocked: bool = False


@dataclass
class FakeCall:
    parties: dict[str, FakeParty] = field(default_factory=dict)

    def labelled(self, label: str) -> FakeParty:
        return [party for party in self.parties.values() if party.label == label][-1]


class FakeRtpengine(NgClient):
    """Answers from memory. `calls` is keyed by rtpengine's call-id, parties by tag; `flow` moves packets."""

    def __init__(self) -> None:
        super().__init__(("127.82.0.21", 2223), cookie_prefix="fake", timeout_ms=1, attempts=1)
        self.calls: dict[str, FakeCall] = {}
        self.sent: list[Mapping[str, NgValue]] = []
        self.silent = False
        self.up = 0
        self.refuse: set[str] = set()
        self.before: dict[str, Any] = {}
        self.after: dict[str, Any] = {}

    def add(self, call_id: str, *parties: FakeParty) -> FakeCall:
        call = FakeCall({f"tag{number}": party for number, party in enumerate(parties)})
        self.calls[call_id] = call
        return call

    def flow(self, call_id: str, sender: str, packets: int) -> None:
        """`packets` from the party labelled `sender`; blocked ones are received and not sent on."""
        call = self.calls[call_id]
        source = call.labelled(sender)
        source.received += packets
        for party in call.parties.values():
            if party is not source and not source.media_blocked:
                party.sent += packets

    async def _send(self, message: dict[str, NgValue]) -> dict[str, NgReply]:
        check(message)
        command = str(message["command"])
        if command in self.before:
            self.before.pop(command)()
        self.sent.append(message)
        if self.silent:
            raise NgSilentError("silent")
        if command in self.refuse:
            raise NgRefusedError("refused")
        reply = self._answer(command, message)
        if command in self.after:
            self.after.pop(command)()
        return reply

    def _answer(self, command: str, message: Mapping[str, NgValue]) -> dict[str, NgReply]:
        if command == "ping":
            return {"result": "pong"}
        if command == "statistics":
            return {
                "result": "ok",
                "statistics": {
                    "currentstatistics": {"sessionsown": len(self.calls)},
                    "totalstatistics": {"uptime": str(self.up)},
                },
            }
        call = self.calls.get(str(message["call-id"]))
        if call is None:
            raise UnknownCallError("Unknown call-id")
        if command == "query":
            return {
                "result": "ok",
                "tags": {tag: _monologue(tag, party) for tag, party in call.parties.items()},
            }
        if "label" in message:
            chosen = [party for party in call.parties.values() if party.label == message["label"]][-1:]
        else:
            chosen = [party for tag, party in call.parties.items() if tag == message["from-tag"]]
        if not chosen:
            raise UnknownPartyError("No monologue matching the given label")
        verb, what = command.split(" ")
        setattr(chosen[0], f"{what.lower()}_blocked", verb == "block")
        return {"result": "ok"}

    def commands(self, *kinds: str) -> list[str]:
        return [str(message["command"]) for message in self.sent if not kinds or message["command"] in kinds]


def _monologue(tag: str, party: FakeParty) -> NgReply:
    endpoint: dict[str, NgReply] = {"family": "IPv4", "address": party.address, "port": 20000}
    rtp: dict[str, NgReply] = {
        "endpoint": endpoint,
        "flags": ["RTP", "filled"],
        "stats": {"packets": party.received, "bytes": 0, "errors": 0},
        "stats_out": {"packets": party.sent, "bytes": 0, "errors": 0},
    }
    rtcp: dict[str, NgReply] = {
        **rtp,
        "flags": ["RTCP"],
        "stats": {"packets": 999},
        "stats_out": {"packets": 999},
    }
    return {
        "tag": tag,
        "label": party.label,
        "medias": [
            {"index": 1, "type": "audio", "streams": [rtcp, rtp]},
            {"index": 2, "type": "video", "streams": [rtp]},
        ],
    }


def customer_leg(partner_at: str = HOME) -> tuple[FakeParty, FakeParty]:
    return FakeParty("carrier", CUSTOMER), FakeParty("partner", partner_at)


def agent_leg(partner_at: str = HOME) -> tuple[FakeParty, FakeParty]:
    return FakeParty("partner", partner_at), FakeParty("platform", PLATFORM)
