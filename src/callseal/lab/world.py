"""The whole world on one machine: router, partner, PSP, platform and desk, on a block of loopback or on hosts.

    with World(Workspace(path, Block("127.88.1"))) as world:      # or Workspace(path, Hosts())
        with world.customer() as customer, world.agent() as agent: ...

The world starts processes by their command lines and knows only what stands in docs/reference/interfaces.md. Whatever it
wrote is in the workspace; whatever it started ends with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

from callseal.audit.ear import Ear
from callseal.audit.ear_listener import listen
from callseal.deployment import Deployment, Peer, read
from callseal.lab import second_edge
from callseal.lab.agent_desk import AgentDesk
from callseal.lab.choices import Choices
from callseal.lab.daemon import Daemon
from callseal.lab.firewalls import load_firewalls
from callseal.lab.phone import Phone, agent_phone, customer_phone
from callseal.lab.processes import Processes, demo_links_file, process_of, router_directory
from callseal.lab.sip_tap import SipMessage, SipTap
from callseal.lab.workspace import Workspace
from callseal.render import render

AGENT_LOGIN = "alice"


class World:
    """Everything but the phones. `daemons` holds each process by its name, so that tests can kill and restart it."""

    processes: ClassVar[type[Processes]] = Processes
    """Who makes them; a world of other processes names its own."""

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
        made = self.processes(self.workspace, self.choices, deployment)
        directories = {edge.id: self.router_directory(edge.id) for edge in deployment.edges}
        for edge_id, directory in directories.items():
            render(deployment, edge_id, directory)
        load_firewalls(self.workspace, deployment, directories)
        self._stage("starting Kamailio, rtpengine, edge agent, partner, PSP, platform and desk")
        for daemon in (*made.name_server(), *made.engines(), *made.services()):
            self._launch(daemon)
        for daemon in self.daemons.values():
            daemon.wait_ready()
        # Last, because it looks at once: an rtpengine that does not answer is left alone for a while, and a partner or
        # platform that misses two pings (20 s, on a busy machine) is down until the next.
        for edge in deployment.edges:
            self._launch(made.kamailio(edge))
        for edge in deployment.edges:
            self.daemons[process_of("kamailio", edge)].wait_ready()

    def _launch(self, daemon: Daemon) -> None:
        self.daemons[daemon.name] = daemon
        self._stack.callback(daemon.stop)
        daemon.start()

    def router_directory(self, edge_id: str) -> Path:
        """What is rendered for that edge; the first edge's is the workspace's own."""
        return router_directory(self.workspace, edge_id)

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
        return demo_links_file(self.workspace)
