"""What a world has more when faces speak TLS: the partner's front, and another way to ask whether the edge is up."""

from __future__ import annotations

from callseal.lab.daemon import Daemon
from callseal.lab.encryption import TLS_PORT
from callseal.lab.front import INSIDE_PORT, Front, write_front
from callseal.lab.rootfs import Rootfs
from callseal.lab.router import sip_answers
from callseal.lab.tls_probe import tls_answers
from callseal.lab.workspace import Workspace


def edge_answers(workspace: Workspace) -> bool:
    """OPTIONS from the partner over its own transport: strangers would get silence."""
    block = workspace.block
    if "partner" in workspace.tls:
        return tls_answers(block.kamailio, TLS_PORT, block.partner, workspace.root / "tls", "partner")
    return sip_answers(block.kamailio, 5060, source=block.partner)


def partner_next_hop(workspace: Workspace) -> str:
    """Where the partner's B2BUA sends its calls: to its own front when it speaks TLS, else straight to the edge."""
    block = workspace.block
    return f"{block.partner}:{INSIDE_PORT}" if "partner" in workspace.tls else f"{block.kamailio}:5060"


def partner_front(workspace: Workspace, suite: str) -> list[Daemon]:
    """The front, when the partner speaks TLS."""
    if "partner" not in workspace.tls:
        return []
    block, certificates = workspace.block, workspace.root / "tls"
    folder = workspace.directory("partner-front")
    write_front(folder, certificates, partner=block.partner, edge=block.kamailio)
    return [
        Front(
            Rootfs.build(suite),
            folder,
            log=workspace.logs / "partner-front.log",
            # It waits for the B2BUA's answer, so both are up.
            ready=lambda: tls_answers(block.partner, TLS_PORT, block.kamailio, certificates, "edge"),
        )
    ]
