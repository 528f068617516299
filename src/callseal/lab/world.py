"""The whole world on one machine: router, partner, PSP, platform and desk, on a block of loopback or on hosts.

    with World(Workspace(path, Block("127.88.1"))) as world:      # or Workspace(path, Hosts())
        with world.customer() as customer, world.agent() as agent: ...

The world starts processes by their command lines and knows only what stands in docs/reference/interfaces.md. Whatever it
wrote is in the workspace; whatever it started ends with it.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from callseal.audit.ear import Ear, listen
from callseal.deployment import Deployment, Edge, Peer, read
from callseal.lab import second_edge
from callseal.lab.agent_desk import AgentDesk
from callseal.lab.daemon import Daemon
from callseal.lab.encrypted_world import edge_answers, partner_front, partner_hears, partner_next_hop
from callseal.lab.firewalls import load_firewalls
from callseal.lab.hosts import Hosts
from callseal.lab.name_server import NameServer, zones
from callseal.lab.partner_host import PartnerHost, partner_hosts, partner_zones
from callseal.lab.peer_check import peer_check_for
from callseal.lab.phone import Phone, agent_phone, customer_phone
from callseal.lab.place import Place
from callseal.lab.rootfs import BASELINE, Rootfs, project_root
from callseal.lab.router import KAMAILIO_LOUD, RTPENGINE_LOUD, Kamailio, Rtpengine
from callseal.lab.sip_tap import SipMessage, SipTap
from callseal.lab.tone_filter import tone_filter_for
from callseal.lab.workspace import Workspace
from callseal.render import render

EDGE = "edge-1"
DIGIT_FEED_PORT = 2230
PROMPTS = "src/callseal/sandbox/prompts"
PROMPTS_INSIDE = "/run/callseal"
AGENT_LOGIN = "alice"


@dataclass(frozen=True, slots=True)
class Choices:
    """How this world differs from the default. `partner` is merged into the sandbox partner's settings.

    `zones` writes what the name server serves, a text by the name of its zone; only a site with hosts has one.
    """

    suite: str = BASELINE
    edges: int = 1
    """2: a second edge on a block of loopback. Sites of hosts have theirs anyway."""
    partner: Mapping[str, Any] = field(default_factory=dict)
    psp: Mapping[str, Any] = field(default_factory=dict)
    zones: Callable[[Deployment], Mapping[str, str]] = zones
    loud: bool = False
    """Every log says as much as its process may be told to say."""


class World:
    """Everything but the phones. `daemons` holds each process by its name, so that tests can kill and restart it."""

    def __init__(
        self,
        workspace: Workspace,
        choices: Choices | None = None,
        *,
        stage: Callable[[str], None] | None = None,
    ) -> None:
        self.workspace = workspace
        self.site = self.block = workspace.site
        self.choices = choices or Choices()
        self.daemons: dict[str, Daemon] = {}
        self._stage = stage or (lambda _text: None)
        self._stack = ExitStack()

    # Life.

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        """Tell all of them first and wait afterwards: they end side by side."""
        for daemon in self.daemons.values():
            daemon.terminate()
        self._stack.close()
        self.site.close()

    def _start(self) -> None:
        if self.choices.edges == 2 and self.workspace.tls:
            raise ValueError("two edges on a block speak UDP only: the second has no listener for TLS")
        self.workspace.prepare()
        if self.choices.edges == 2:
            second_edge.add_to(self.workspace)
        deployment = read(self.workspace.deployment)
        self.site.open(self.workspace.root)
        directories = {edge.id: self.router_directory(edge.id) for edge in deployment.edges}
        for edge_id, directory in directories.items():
            render(deployment, edge_id, directory)
        load_firewalls(self.workspace, deployment, directories)
        self._stage("starting Kamailio, rtpengine, edge agent, partner, PSP, platform and desk")
        partners = partner_hosts(self.site)
        engines = [*map(self._rtpengine, deployment.edges), *map(self._partner_rtpengine, partners)]
        for daemon in (*self._name_server(deployment), *engines, *self._services(deployment)):
            self._launch(daemon)
        for daemon in self.daemons.values():
            daemon.wait_ready()
        # Last, because it looks at once: an rtpengine that does not answer is left alone for a while, and a partner or
        # platform that misses two pings (20 s, on a busy machine) is down until the next.
        for edge in deployment.edges:
            self._launch(self._kamailio(edge))
        for edge in deployment.edges:
            self.daemons[_of("kamailio", edge)].wait_ready()

    def _launch(self, daemon: Daemon) -> None:
        self.daemons[daemon.name] = daemon
        self._stack.callback(daemon.stop)
        daemon.start()

    def router_directory(self, edge_id: str) -> Path:
        """What is rendered for that edge; the first edge's is the workspace's own."""
        return self.workspace.router if edge_id == EDGE else self.workspace.directory(f"router-{edge_id}")

    def _rtpengine(self, edge: Edge) -> Daemon:
        name = _of("rtpengine-edge", edge)
        return Rtpengine(
            Rootfs.build(self.choices.suite),
            name=name,
            media=str(edge.media),
            ng=edge.ng.pair,
            log=self.workspace.logs / f"{name}.log",
            ports=(edge.media_ports.first, edge.media_ports.last),
            extra=(
                f"--listen-http={edge.ng.host}:{edge.ng.port + 1}",
                *(() if edge.media6 is None else (f"--interface={edge.media6}",)),
                *self._loud(RTPENGINE_LOUD),
            ),
            place=self.site.place(str(edge.media)),
            tone_filter=tone_filter_for(self._deployment),
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

    def _kamailio(self, edge: Edge) -> Daemon:
        name = _of("kamailio", edge)
        return Kamailio(
            Rootfs.build(self.choices.suite),
            name=name,
            config=self.router_directory(edge.id),
            sip=edge.sip.pair,
            known_peer=self.site.customer,
            log=self.workspace.logs / f"{name}.log",
            extra=self._loud(KAMAILIO_LOUD),
            ready=(lambda: edge_answers(self.workspace, edge.sip.host)) if self.workspace.tls else None,
            place=self.site.place(edge.sip.host),
            peer_place=self.site.place(self.site.customer),
            peer_check=peer_check_for(self._deployment),
        )

    def _loud(self, options: tuple[str, ...]) -> tuple[str, ...]:
        return options if self.choices.loud else ()

    def _name_server(self, deployment: Deployment) -> list[Daemon]:
        if not isinstance(self.site, Hosts):
            return []
        address = self.site.name_server
        return [
            NameServer(
                self.workspace.directory("dns"),
                address,
                {**self.choices.zones(deployment), **dict(partner_zones(self.site, deployment, address))},
                place=self.site.place(address),
            )
        ]

    def _services(self, deployment: Deployment) -> list[Daemon]:
        file, site = self.workspace.deployment, self.site
        agents = [
            self._python(
                _of("edge-agent", edge),
                "edge",
                site.place(edge.sip.host),
                file,
                *("--edge", edge.id, "--control", str(self.router_directory(edge.id) / "control.sock")),
            )
            for edge in deployment.edges
        ]
        links = ("--demo", "--demo-links", str(self.demo_links_file))
        return [
            *agents,
            self._python("psp", "psp", site.place(site.psp), self._settings("psp", self._psp())),
            *(daemon for host in partner_hosts(site) for daemon in self._partner_services(host)),
            self._python(
                "platform",
                "platform",
                site.place(site.platform),
                self._settings("platform", self._platform()),
            ),
            self._python("desk", "desk", site.place(site.desk), file, *links),
        ]

    def _partner_services(self, host: PartnerHost) -> list[Daemon]:
        name = f"partner{host.suffix}"
        settings = self._settings(name, self._partner(host))
        return [
            self._python(name, "partner", self.site.place(host.sip), settings),
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

    # The sandbox's settings (docs/explanation/sandbox-partner.md).

    def _partner(self, host: PartnerHost) -> dict[str, Any]:
        site = self.site
        return {
            "sip": f"{host.sip}:5060",
            "edge": partner_next_hop(self.workspace, host),
            "accept_from": partner_hears(self.workspace, host),
            "api": f"{host.sip}:8030",
            "api_key": self.workspace.secret(host.api_key),
            "webhook_url": f"http://{site.desk}:8050/v1/webhooks/partner",
            "webhook_secret": self.workspace.secret(host.webhook_secret),
            "psp": f"http://{site.psp}:8033",
            "ng": f"{host.media}:2223",
            "digit_feed": f"{site.digit_feed}:{DIGIT_FEED_PORT}",
            "prompt_dir": PROMPTS_INSIDE,
            **(second_edge.for_the_partner(site) if self.choices.edges == 2 else {}),
            "media_profile": self._deployment.partner.media_profile,
            "srtp_suite": self._deployment.partner.srtp_suites[0],
            **self.choices.partner,
        }

    def _psp(self) -> dict[str, Any]:
        return {"listen": f"{self.site.psp}:8033", **self.choices.psp}

    def _platform(self) -> dict[str, Any]:
        return {
            "listen": f"{self.site.platform}:8041",
            "webhook_secret": self.workspace.secret("platform-webhook"),
        }

    def _settings(self, name: str, table: Mapping[str, Any]) -> Path:
        """A sandbox service's TOML, for the owner only (it holds secrets). JSON values are TOML as they stand."""
        path = self.workspace.root / f"{name}.toml"
        path.touch(mode=0o600)
        path.write_text(
            "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items()), encoding="utf-8"
        )
        return path

    # What a story needs.

    def customer(self, **changes: Any) -> Phone:
        """The customer's phone, not started."""
        return customer_phone(self.workspace, **self._speaks(self._deployment.carriers[0]), **changes)

    def agent(self, **changes: Any) -> Phone:
        """The agent's phone, not started."""
        return agent_phone(self.workspace, **self._speaks(self._deployment.platform), **changes)

    @staticmethod
    def _speaks(peer: Peer) -> dict[str, Any]:
        """A phone speaks what the edge asks of its face."""
        return {"rtp": "srtp"} if peer.media_profile == "srtp" else {}

    @property
    def _deployment(self) -> Deployment:
        return read(self.workspace.deployment)

    def desk(self, login: str = AGENT_LOGIN) -> AgentDesk:
        """A logged-in agent at the desk."""
        return AgentDesk(
            self.desk_url,
            login,
            self.workspace.secret(f"agent-{login}"),
            place=self.site.place(self.site.keypad),
        )

    @contextmanager
    def ear(self) -> Iterator[Ear]:
        """An ear beside the agent's phone."""
        with ExitStack() as stack:
            with self.site.inside(self.site.agent):
                ear = stack.enter_context(listen(self.site.agent, interface=self.site.interface))
            yield ear

    def sip_tap(self, heard: Callable[[SipMessage], None]) -> SipTap:
        """Hears the SIP between carrier, edges, partner and platform."""
        site = self.site
        partners = (sip for sip, _ in site.partners)
        addresses = frozenset({site.customer, *site.kamailios, *partners, site.agent})
        return SipTap(addresses, heard, interface=site.middle_interface, place=site.middle)

    @property
    def desk_url(self) -> str:
        return f"http://{self.site.desk}:8050"

    @property
    def demo_links_file(self) -> Path:
        return self.workspace.root / "demo-links.json"


def _of(what: str, edge: Edge) -> str:
    """The first edge's processes have plain names."""
    return what if edge.id == EDGE else f"{what}-{edge.id}"
