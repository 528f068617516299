"""Every process of a world, by its command line, not started: engines, Kamailios, edge agents, partner, PSP, platform, desk.

A change of an argument or an address of a process is a change here; when they start and end is `world`'s affair.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from callseal.deployment import Deployment, Edge
from callseal.lab.choices import Choices
from callseal.lab.daemon import Daemon
from callseal.lab.encrypted_world import edge_answers, partner_front
from callseal.lab.hosts import Hosts
from callseal.lab.name_server import NameServer
from callseal.lab.partner_host import PartnerHost, partner_hosts, partner_zones
from callseal.lab.peer_check import peer_check_for
from callseal.lab.place import Place
from callseal.lab.rootfs import Rootfs, project_root
from callseal.lab.router import KAMAILIO_LOUD, RTPENGINE_LOUD, Kamailio, Rtpengine
from callseal.lab.sandbox_settings import DIGIT_FEED_PORT, PROMPTS, PROMPTS_INSIDE, SandboxSettings
from callseal.lab.tone_filter import tone_filter_for
from callseal.lab.workspace import Workspace
from callseal.render.bound import interfaces

EDGE = "edge-1"


class Processes:
    """Makes the processes of `deployment`, which stands in the workspace, on the workspace's site."""

    def __init__(self, workspace: Workspace, choices: Choices, deployment: Deployment) -> None:
        self.workspace = workspace
        self.site = workspace.site
        self.choices = choices
        self.deployment = deployment
        self._sandbox = SandboxSettings(workspace, choices, deployment)

    def engines(self) -> list[Daemon]:
        """Every rtpengine: the edges', then the partners'."""
        partners = partner_hosts(self.site)
        return [*map(self._rtpengine, self.deployment.edges), *map(self._partner_rtpengine, partners)]

    def _rtpengine(self, edge: Edge) -> Daemon:
        name = process_of("rtpengine-edge", edge)
        media, *more = interfaces(edge)
        return Rtpengine(
            Rootfs.build(self.choices.suite),
            name=name,
            media=media,
            ng=edge.ng.pair,
            log=self.workspace.logs / f"{name}.log",
            ports=(edge.media_ports.first, edge.media_ports.last),
            extra=(
                f"--listen-http={edge.ng.host}:{edge.ng.port + 1}",
                *(f"--interface={one}" for one in more),
                *self._loud(RTPENGINE_LOUD),
            ),
            place=self.site.place(str(edge.media)),
            tone_filter=tone_filter_for(self.deployment),
        )

    def _partner_rtpengine(self, partner: PartnerHost) -> Daemon:
        return Rtpengine(
            Rootfs.build(self.choices.suite),
            name=f"rtpengine-partner{partner.suffix}",
            media=partner.media,
            ng=(partner.media, 2223),
            log=self.workspace.logs / f"rtpengine-partner{partner.suffix}.log",
            # The digits leave rtpengine over loopback only, and only towards the partner's capture.
            extra=(
                f"--dtmf-log-dest={self.site.digit_feed}:{DIGIT_FEED_PORT}",
                *self._loud(RTPENGINE_LOUD),
            ),
            binds={project_root() / PROMPTS: PROMPTS_INSIDE},
            place=self.site.place(partner.media),
        )

    def kamailio(self, edge: Edge) -> Daemon:
        """An edge's Kamailio. It looks at once whether the others answer, so it is started last."""
        name = process_of("kamailio", edge)
        return Kamailio(
            Rootfs.build(self.choices.suite),
            name=name,
            config=router_directory(self.workspace, edge.id),
            sip=edge.sip.pair,
            known_peer=self.site.customer,
            log=self.workspace.logs / f"{name}.log",
            extra=self._loud(KAMAILIO_LOUD),
            ready=(lambda: edge_answers(self.workspace, edge.sip.host)) if self.workspace.tls else None,
            place=self.site.place(edge.sip.host),
            peer_place=self.site.place(self.site.customer),
            peer_check=peer_check_for(self.deployment),
        )

    def _loud(self, options: tuple[str, ...]) -> tuple[str, ...]:
        return options if self.choices.loud else ()

    def name_server(self) -> list[Daemon]:
        """The name server, on hosts; a block of loopback has no names."""
        if not isinstance(self.site, Hosts):
            return []
        address = self.site.name_server
        return [
            NameServer(
                self.workspace.directory("dns"),
                address,
                {
                    **self.choices.zones(self.deployment),
                    **dict(partner_zones(self.site, self.deployment, address)),
                },
                place=self.site.place(address),
            )
        ]

    def services(self) -> list[Daemon]:
        """Edge agents, PSP, partners, platform and desk. Writes the sandbox's settings."""
        file, site = self.workspace.deployment, self.site
        agents = [
            self._python(
                process_of("edge-agent", edge),
                "edge",
                site.place(edge.sip.host),
                file,
                *(
                    "--edge",
                    edge.id,
                    "--control",
                    str(router_directory(self.workspace, edge.id) / "control.sock"),
                ),
            )
            for edge in self.deployment.edges
        ]
        links = ("--demo", "--demo-links", str(demo_links_file(self.workspace)))
        return [
            *agents,
            self._python("psp", "psp", site.place(site.psp), self._sandbox.psp()),
            *(daemon for host in partner_hosts(site) for daemon in self._partner_services(host)),
            self._python(
                "platform",
                "platform",
                site.place(site.platform),
                self._sandbox.platform(),
            ),
            self._python("desk", "desk", site.place(site.desk), file, *links),
        ]

    def _partner_services(self, host: PartnerHost) -> list[Daemon]:
        name = f"partner{host.suffix}"
        return [
            self._python(name, "partner", self.site.place(host.sip), self._sandbox.partner(host)),
            # After the B2BUA, without which it has no answer.
            *partner_front(self.workspace, self.choices.suite, host),
        ]

    def _python(self, name: str, service: str, place: Place, config: Path, *arguments: str) -> Daemon:
        argv = [sys.executable, "-m", f"callseal.services.{service}", "--config", str(config), *arguments]
        return Daemon(
            name,
            argv,
            log=self.workspace.logs / f"{name}.log",
            cwd=self.workspace.root,
            env={
                **os.environ,
                "PYTHONUNBUFFERED": "1",
                "PYTHONDONTWRITEBYTECODE": "1",
                **({"CALLSEAL_LOG_LEVEL": "DEBUG"} if self.choices.loud else {}),
            },
            place=place,
        )


def router_directory(workspace: Workspace, edge_id: str) -> Path:
    """What is rendered for that edge; the first edge's is the workspace's own."""
    return workspace.router if edge_id == EDGE else workspace.directory(f"router-{edge_id}")


def demo_links_file(workspace: Workspace) -> Path:
    """Where the desk writes its demo's links."""
    return workspace.root / "demo-links.json"


def process_of(what: str, edge: Edge) -> str:
    """The first edge's processes have plain names."""
    return what if edge.id == EDGE else f"{what}-{edge.id}"
