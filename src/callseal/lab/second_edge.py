"""A second edge for the lab: its lines in the deployment, and its three daemons' settings (docs/reference/interfaces.md, section 1)."""

from __future__ import annotations

from pathlib import Path

from callseal.lab.rootfs import Rootfs
from callseal.lab.router import Kamailio, Rtpengine
from callseal.lab.site import Site
from callseal.lab.workspace import Workspace

EDGE = "edge-2"
SERVER_ID = 2
_TABLE = """
[[edges]]
id = "{edge}"
region = "local-2"
server_id = {server_id}
sip = "{sip}:5060"
media = "{media}"
media_ports = "30000-39999"
ng = "{media}:2223"
agent = "http://{agent}:8022"
events = "{agent}:8023"
"""


def sip(site: Site) -> str:
    return site.host(23)


def media(site: Site) -> str:
    return site.host(24)


def agent(site: Site) -> str:
    return site.host(25)


def for_the_partner(site: Site) -> dict[str, list[str]]:
    """Settings of a sandbox partner that knows both edges."""
    return {"other_edges": [f"{sip(site)}:5060"], "accept_from": [site.kamailio, sip(site)]}


def table(site: Site) -> str:
    """The second edge's lines of the deployment."""
    return _TABLE.format(
        edge=EDGE,
        server_id=SERVER_ID,
        sip=sip(site),
        media=media(site),
        agent=agent(site),
    )


def add_to(workspace: Workspace) -> None:
    """Write it into the workspace's deployment; after `prepare()`, which writes the file anew."""
    with workspace.deployment.open("a", encoding="utf-8") as deployment:
        deployment.write(table(workspace.site))


def rendered(workspace: Workspace) -> Path:
    """Where the second edge's router data goes."""
    return workspace.directory("router-2")


def rtpengine(rootfs: Rootfs, site: Site, logs: Path) -> Rtpengine:
    return Rtpengine(
        rootfs,
        name="rtpengine-edge-2",
        media=media(site),
        ng=(media(site), 2223),
        log=logs / "rtpengine-edge-2.log",
        extra=(f"--listen-http={media(site)}:2224",),
    )


def kamailio(rootfs: Rootfs, workspace: Workspace, *, known_peer: str) -> Kamailio:
    return Kamailio(
        rootfs,
        name="kamailio-2",
        config=rendered(workspace),
        sip=(sip(workspace.site), 5060),
        known_peer=known_peer,
        log=workspace.logs / "kamailio-2.log",
    )
