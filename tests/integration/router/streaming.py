"""One run of streams beside good calls: a process writes good and bad streams as partner (TLS) and platform (TCP), a carrier stands by over
UDP, and everything that comes out is parted and read strictly."""

from __future__ import annotations

import base64
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any

from callseal.lab.encryption import TLS_PORT
from tests.integration.router.conftest import MakeRig
from tests.integration.router.fuzzing import Watch, told
from tests.integration.router.rig import BLOCK, Rig
from tests.support.sender import sending
from tests.support.sip_fuzz import Fuzz
from tests.support.sip_peer import SipPeer
from tests.support.stream_fuzz import INSIDE, call_id
from tests.support.stream_reader import Listener
from tests.support.tls_peer import TlsPeer

SETTINGS = {"platform.transport": '"tcp"'}
TLS = frozenset({"partner"})


def stream_rig(make_rig: MakeRig, edits: tuple[tuple[str, str], ...] = ()) -> Rig:
    """The partner over TLS, the platform over TCP, the carrier over UDP."""
    return make_rig(settings=SETTINGS, tls=TLS, edits=edits)


@dataclass(slots=True)
class StreamWatch(Watch):
    """What the three peers were sent; over a stream, every byte of it."""

    listeners: list[Listener] = field(default_factory=list)
    inside: list[tuple[str, str]] = field(default_factory=list)
    """Call-ID and fault of each message that seems to have stood in a body."""

    def stand_at(self, peer: SipPeer, seed: int, reply: bytes) -> None:
        peer.intercept = partial(self._seen, peer, Random(seed), Fuzz(seed, [reply]))
        if isinstance(peer, TlsPeer):
            peer.taps = self._tap
            for stream in peer.streams:
                stream.tap = self._tap()

    def _tap(self) -> Any:
        self.listeners.append(Listener())
        return self.listeners[-1].feed

    def _seen(self, peer: SipPeer, chance: Random, replies: Fuzz, data: bytes) -> bool:
        if call_id(data).startswith(INSIDE):
            said = f"{peer.address}: was sent what stood in a body: {data[:400]!r}"
            self.inside.append((call_id(data).decode("latin-1"), said))
        with suppress(OSError, ValueError):  # what asked has closed its connection
            return self._take(peer, chance, replies, data)
        return True

    def all_faults(self, outside: set[str]) -> list[str]:
        """`outside`: Call-IDs that stood in no body after all."""
        inside = [fault for name, fault in self.inside if name not in outside]
        return [
            *self.faults,
            *inside,
            *(f"a doubtful stream: {one.doubt}" for one in self.listeners if one.doubt),
        ]


def leave(peer: SipPeer) -> None:
    peer.intercept = None
    if isinstance(peer, TlsPeer):
        peer.taps = None
        for stream in peer.streams:
            stream.tap = None


@dataclass(frozen=True, slots=True)
class Told:
    """What came of one run: `sender`'s own words (tests/support/stream_sender.py), and ours."""

    sender: dict[str, Any]
    faults: list[str]
    relayed: int
    calls_ms: list[float]


def run(rig: Rig, said: list[tuple[str, bytes]], *, count: int, seed: int, good: bool = False) -> Told:
    """Write streams of `count` messages while good calls are made one after the other. `said`: the corpus (fuzzing.py)."""
    watch = StreamWatch(str(rig.deployment.edges[0].media), mutates=False)
    for place, peer in enumerate(rig.peers):
        watch.stand_at(peer, seed + 100 + place, b"")
    folder = str(rig.workspace.root / "tls")
    places: list[dict[str, Any]] = [
        {"source": BLOCK.partner, "edge": [BLOCK.kamailio, TLS_PORT], "tls": [folder, "partner"]},
        {"source": BLOCK.agent, "edge": [BLOCK.kamailio, 5060], "tls": None},
    ]
    for one in places:
        one["corpus"] = [
            base64.b64encode(message).decode() for address, message in said if address == one["source"]
        ]
    calls: list[float] = []
    try:
        with sending(
            "tests.support.stream_sender", {"good": good, "seed": seed, "count": count, "peers": places}
        ) as sender:
            while sender.sends:
                calls.append(told(rig, watch))
            result = sender.result()
    finally:
        for peer in rig.peers:
            leave(peer)
    return Told(result, [*watch.all_faults(set(result["outside"])), *result["faults"]], watch.relayed, calls)
