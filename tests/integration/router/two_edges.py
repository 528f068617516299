"""Two edges of one region under one name: two Kamailios with an rtpengine and an edge agent each, one set of peers."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from callseal.lab.encryption import TLS_PORT
from callseal.lab.peer_check import peer_check_for
from callseal.lab.rootfs import Rootfs
from callseal.lab.router import Kamailio, Rtpengine
from callseal.lab.tls_probe import tls_answers
from callseal.render import render
from tests.integration.router.rig import BLOCK, Rig
from tests.support.agent_sink import AgentSink
from tests.support.tls_peer import TlsPeer

CLUSTER = "sip.example.net"
SECOND_EDGE, SECOND_MEDIA, SECOND_AGENT = BLOCK.host(120), BLOCK.host(121), BLOCK.host(122)
_SECOND = f"""
[[regions]]
id = "local"
cluster = "{CLUSTER}"

[[regions]]
id = "far"
cluster = "far.{CLUSTER}"

[[edges]]
id = "edge-2"
region = "local"
server_id = 2
sip = "{SECOND_EDGE}:5060"
media = "{SECOND_MEDIA}"
media_ports = "30000-39999"
ng = "{SECOND_MEDIA}:2223"
agent = "http://{SECOND_AGENT}:8022"
events = "{SECOND_AGENT}:8023"
"""


class TwoEdges(Rig):
    """`edge-1` as in a `Rig`; `through_second()` sends everything that follows to `edge-2`."""

    def __init__(
        self,
        rootfs: Rootfs,
        root: Path,
        *,
        tls: frozenset[str] = frozenset(),
        settings: dict[str, str] | None = None,
    ) -> None:
        self._second_tls = f'sip_tls = "{SECOND_EDGE}:{TLS_PORT}"\n' if tls else ""
        super().__init__(
            rootfs, root, tls=tls, settings=settings, amend=lambda text: text + _SECOND + self._second_tls
        )
        folder = self.workspace.directory("router-2")
        render(self.deployment, "edge-2", folder)
        logs = self.workspace.logs
        self.second_rtpengine = Rtpengine(
            rootfs,
            name="rtpengine-2",
            media=SECOND_MEDIA,
            ng=(SECOND_MEDIA, 2223),
            log=logs / "rtpengine-2.log",
            extra=(f"--listen-http={SECOND_MEDIA}:2224",),
        )
        self.second = Kamailio(
            rootfs,
            name="kamailio-2",
            config=folder,
            sip=(SECOND_EDGE, 5060),
            known_peer=BLOCK.partner,
            log=logs / "kamailio-2.log",
            ready=self._second_ready if tls else None,
            peer_check=peer_check_for(self.deployment),
        )

    def _second_ready(self) -> bool:
        return tls_answers(SECOND_EDGE, TLS_PORT, BLOCK.partner, self.workspace.root / "tls", "partner")

    def __enter__(self) -> Self:
        self.second_sink = AgentSink(SECOND_AGENT)
        try:
            self.second_rtpengine.start().wait_ready()
            super().__enter__()
            self.second.start().wait_ready()
        except BaseException:
            for daemon in (self.second, self.kamailio, self.rtpengine, self.second_rtpengine):
                daemon.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.second.stop()
        self.second_rtpengine.stop()
        self.second_sink.close()
        super().__exit__(kind, error, trace)

    def fresh(self) -> None:
        super().fresh()
        self.second_sink.forget()
        self._through(BLOCK.kamailio)

    def through_second(self) -> None:
        """From here on every request and reply of the peers goes to the second edge, as DNS might have it."""
        self._through(SECOND_EDGE)

    def _through(self, edge: str) -> None:
        for peer in self.peers:
            peer.edge = (edge, peer.edge[1])
            if isinstance(peer, TlsPeer):
                peer.hang_up_connection()
