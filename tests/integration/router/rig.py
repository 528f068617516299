"""Real Kamailio and real rtpengine of one suite, with carrier, partner, platform and edge agent played by the test."""

from __future__ import annotations

import json
import secrets
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from callseal.deployment import Partner, Peer, read
from callseal.lab.block import Block
from callseal.lab.encryption import TLS_PORT
from callseal.lab.peer_check import peer_check_for
from callseal.lab.rootfs import Rootfs
from callseal.lab.router import Kamailio, Rtpengine
from callseal.lab.tls_probe import tls_answers
from callseal.lab.tone_filter import tone_filter_for
from callseal.lab.workspace import Workspace
from callseal.render import render
from callseal.wire import ng
from tests.support.agent_sink import AgentSink
from tests.support.rtp_talker import Talker
from tests.support.sip_peer import SipPeer
from tests.support.srtp_talker import SecureTalker
from tests.support.tls_peer import TcpPeer, TlsPeer

BLOCK = Block("127.81.0")
CUSTOMER, AGENT, PARTNER_CUSTOMER, PARTNER_AGENT = 0x63, 0x71, 0x70, 0x72
"""Voices: the byte in every audio packet of the customer, the agent, the partner's two legs."""


class Rig:
    """`settings` replaces lines of the example deployment; `edits` text in the rendered files; faces in `tls` speak it."""

    def __init__(
        self,
        rootfs: Rootfs,
        root: Path,
        *,
        settings: dict[str, str] | None = None,
        edits: tuple[tuple[str, str], ...] = (),
        tls: frozenset[str] = frozenset(),
        amend: Callable[[str], str] | None = None,
        peer_check: bool = True,
        shared_mib: int = 0,
    ) -> None:
        self.rootfs = rootfs
        self.workspace = Workspace(root, BLOCK, settings or {}, tls)
        self.workspace.prepare()
        if amend is not None:
            text = amend(self.workspace.deployment.read_text(encoding="utf-8"))
            self.workspace.deployment.write_text(text, encoding="utf-8")
        self.deployment = read(self.workspace.deployment)
        self._tcp = all(peer.transport == "tcp" for peer in self.deployment.peers)
        found: set[str] = set()
        for path in render(self.deployment, "edge-1", self.workspace.router):
            text = path.read_text(encoding="utf-8")
            for old, new in edits:
                found |= {old} if old in text else set()
                text = text.replace(old, new)
            path.write_text(text, encoding="utf-8")
        assert found == {old for old, _ in edits}, "the router no longer says what is to be edited"
        # It tells the memory of each process (fuzzing.py). An edge runs without it: it counts at every allocation.
        modules = self.workspace.router / "modules.cfg"
        modules.write_text(modules.read_text(encoding="utf-8") + 'loadmodule "kex.so"\n', encoding="utf-8")
        logs = self.workspace.logs
        self.rtpengine = Rtpengine(
            rootfs,
            media=BLOCK.edge_media,
            ng=(BLOCK.edge_media, 2223),
            log=logs / "rtpengine.log",
            extra=(
                f"--listen-http={BLOCK.edge_media}:2224",
                *(
                    f"--interface={edge.media6}"
                    for edge in self.deployment.edges[:1]
                    if edge.media6 is not None
                ),
            ),
            tone_filter=tone_filter_for(self.deployment),
        )
        self.kamailio = Kamailio(
            rootfs,
            config=self.workspace.router,
            sip=(BLOCK.kamailio, 5060),
            known_peer=BLOCK.partner if self.place("partner") == BLOCK.partner else BLOCK.customer,
            ready=self._tcp_ready if self._tcp else self._tls_ready if tls else None,
            log=logs / "kamailio.log",
            peer_check=peer_check_for(self.deployment) if peer_check else None,
            extra=("-m", str(shared_mib)) if shared_mib else (),
        )

    def __enter__(self) -> Self:
        self.rtpengine.start().wait_ready()
        self.sink = AgentSink(BLOCK.edge_agent)
        self.carrier = self._peer("carrier", self.place("customer"))
        self.partner = self._peer("partner", self.place("partner"))
        self.platform = self._peer("platform", self.place("agent"))
        deployment = self.deployment
        self.customer_media = talker(deployment.carriers[0], self.place("customer"), CUSTOMER)
        self.agent_media = talker(deployment.platform, self.place("agent"), AGENT)
        partner_media = self.place("partner_media")
        self.partner_customer_media = talker(deployment.partner, partner_media, PARTNER_CUSTOMER)
        self.partner_agent_media = talker(deployment.partner, partner_media, PARTNER_AGENT)
        self.kamailio.start().wait_ready()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kamailio.stop()
        self.rtpengine.stop()
        self.sink.close()
        for peer in self.peers:
            peer.close()
        for talker in self.talkers:
            talker.close()

    def _tcp_ready(self) -> bool:
        try:
            socket.create_connection((BLOCK.kamailio, 5060), 0.2).close()
        except OSError:
            return False
        return True

    def _tls_ready(self) -> bool:
        face, address = (
            ("partner", BLOCK.partner) if "partner" in self.workspace.tls else ("platform", BLOCK.agent)
        )
        return tls_answers(BLOCK.kamailio, TLS_PORT, address, self.workspace.root / "tls", face)

    def place(self, who: str) -> str:
        """Where a peer or its media is: an attribute of the block."""
        address: str = getattr(BLOCK, who)
        return address

    def _peer(self, face: str, address: str) -> SipPeer:
        if face in self.workspace.tls:
            return TlsPeer(address, BLOCK.kamailio, self.workspace.root / "tls", face)
        over_tcp = self._tcp or (face == "platform" and self.deployment.platform.transport == "tcp")
        return TcpPeer(address, BLOCK.kamailio) if over_tcp else SipPeer(address, BLOCK.kamailio)

    @property
    def peers(self) -> tuple[SipPeer, ...]:
        return (self.carrier, self.partner, self.platform)

    @property
    def talkers(self) -> tuple[Talker, ...]:
        return (self.customer_media, self.agent_media, self.partner_customer_media, self.partner_agent_media)

    def fresh(self) -> None:
        """Between two tests: nobody talks, nothing is remembered, nothing is still on its way to the edge agent."""
        self.sink.delay_s, self.sink.status = 0.0, 204
        # A call that a test has left ringing would be taken for a dead peer two seconds later, by the next test's calls.
        for peer in self.peers:
            for message in list(peer.heard):
                if message.is_request and message.method == "INVITE" and ";tag=" not in message.get("To"):
                    with suppress(OSError):  # its connection has gone with its test
                        peer.reply(message, 486, tag="over")
        deadline = time.monotonic() + 5
        while self.rpc("mqueue.get_size", "agent")["size"] and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.05)  # the last one has left the queue, not yet the wire
        self.sink.forget()
        for peer in self.peers:
            peer.heard.clear()
            peer._taken.clear()
            peer.mute = False
        for talker in self.talkers:
            talker.new_call()

    def reopen_sink(self) -> None:
        """A new edge agent after the old one was closed."""
        self.sink = AgentSink(BLOCK.edge_agent)

    def restart_rtpengine(self) -> None:
        """Start it again and let Kamailio know at once (by itself it looks again after rtpengine_disable_tout)."""
        self.rtpengine.restart()
        self.rpc("rtpengine.enable", "all", 1)

    def ask_rtpengine(self, command: str, *, node: Any = BLOCK.edge_media, **keys: Any) -> dict[str, Any]:
        """One ng command to the rtpengine at `node`; the reply as text and numbers."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
            asker.settimeout(2)
            asker.connect((node, 2223))
            asker.send(ng.encode_message(secrets.token_hex(8), {"command": command, **keys}))
            reply: dict[str, Any] = _text(ng.decode_message(asker.recv(65535))[1])
            return reply

    def anchored(self, call_id: str, leg: str, *, node: str = BLOCK.edge_media) -> bool:
        reply = self.ask_rtpengine("query", node=node, **{"call-id": f"{call_id}.{leg}"})
        return bool(reply["result"] == "ok")

    def rpc(self, method: str, *params: object, router: Path | None = None) -> Any:
        """One JSON-RPC command to the control socket of Kamailio (the one whose rendered directory is `router`)."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as asker:
            asker.settimeout(2)
            # No path: Kamailio's root is another one than ours.
            asker.bind(f"\0callseal-rig-{secrets.token_hex(4)}")
            asker.connect(str((router or self.workspace.router) / "control.sock"))
            asker.send(json.dumps({"jsonrpc": "2.0", "method": method, "params": params, "id": 1}).encode())
            return json.loads(asker.recv(65535))["result"]

    def count(self, name: str) -> int:
        """A counter of the router."""
        return int(self.rpc("cnt.get", "script", name))


def talker(peer: Peer, address: str, voice: int) -> Talker:
    """One who speaks as the deployment says: a media server has new keys for every session, a phone keeps its own."""
    if peer.media_profile == "rtp":
        return Talker(address, voice)
    return SecureTalker(address, voice, peer.srtp_suites, fresh_keys=isinstance(peer, Partner))


def _text(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, dict):
        return {_text(key): _text(item) for key, item in value.items()}
    return [_text(item) for item in value] if isinstance(value, list) else value
