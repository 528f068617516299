"""Two edges without a common name, as for peers that know addresses only; either's Kamailio and rtpengine may be killed."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from callseal.deployment import read
from callseal.lab import second_edge
from callseal.lab.rootfs import Rootfs
from callseal.render import render
from tests.integration.router.rig import BLOCK, Rig
from tests.support.agent_sink import AgentSink


class NodePair(Rig):
    """`kamailio` and `rtpengine` are edge 1's, `kamailio_2` and `rtpengine_2` edge 2's."""

    def __init__(self, rootfs: Rootfs, root: Path, settings: dict[str, str] | None = None) -> None:
        super().__init__(rootfs, root, settings=settings, amend=lambda text: text + second_edge.table(BLOCK))
        render(read(self.workspace.deployment), second_edge.EDGE, second_edge.rendered(self.workspace))
        self.rtpengine_2 = second_edge.rtpengine(rootfs, BLOCK, self.workspace.logs)
        self.kamailio_2 = second_edge.kamailio(rootfs, self.workspace, known_peer=BLOCK.partner)

    def __enter__(self) -> Self:
        self.rtpengine_2.start().wait_ready()
        super().__enter__()
        self.sink_2 = AgentSink(second_edge.agent(BLOCK))
        self.kamailio_2.start().wait_ready()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kamailio_2.stop()
        self.sink_2.close()
        super().__exit__(kind, error, trace)
        self.rtpengine_2.stop()

    def talk_to(self, edge: str) -> None:
        """Every peer sends to that Kamailio from now on, whatever stands in its Route."""
        for peer in self.peers:
            peer.edge = (edge, 5060)

    def whole_again(self) -> None:
        """Start what a test has killed, and let both Kamailios know that every node is there."""
        for daemon in (self.rtpengine, self.rtpengine_2, self.kamailio, self.kamailio_2):
            if not daemon.alive:
                daemon.restart()
        for router in (self.workspace.router, second_edge.rendered(self.workspace)):
            self.rpc("rtpengine.enable", "all", 1, router=router)
            self.rpc("pv.shvSet", "quiet", "str", ".", router=router)
