"""The whole world on one machine: router, partner, PSP, platform and desk, each a process on its own address.

    with World(Workspace(path, Block("127.88.1"))) as world:
        with world.customer() as customer, world.agent() as agent: ...

The world starts processes by their command lines and knows only what stands in docs/reference/interfaces.md. Whatever it
wrote is in the workspace; whatever it started ends with it.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from callseal.deployment import read
from callseal.lab import second_edge
from callseal.lab.agent_desk import AgentDesk
from callseal.lab.daemon import Daemon
from callseal.lab.encrypted_world import edge_answers, partner_front, partner_next_hop
from callseal.lab.phone import Phone, agent_phone, customer_phone
from callseal.lab.rootfs import BASELINE, Rootfs, project_root
from callseal.lab.router import Kamailio, Rtpengine
from callseal.lab.workspace import Workspace
from callseal.render import render

EDGE = "edge-1"
DIGIT_FEED_PORT = 2230
PROMPTS = "src/callseal/sandbox/prompts"
PROMPTS_INSIDE = "/run/callseal"
AGENT_LOGIN = "alice"


@dataclass(frozen=True, slots=True)
class Choices:
    """How this world differs from the default: one edge or two. `partner` is merged into the sandbox partner's settings."""

    suite: str = BASELINE
    edges: int = 1
    partner: Mapping[str, Any] = field(default_factory=dict)
    psp: Mapping[str, Any] = field(default_factory=dict)


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
        self.block = workspace.block
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

    def _start(self) -> None:
        self.workspace.prepare()
        if self.choices.edges == 2:
            second_edge.add_to(self.workspace)
        deployment = read(self.workspace.deployment)
        render(deployment, EDGE, self.workspace.router)
        if self.choices.edges == 2:
            render(deployment, second_edge.EDGE, second_edge.rendered(self.workspace))
        self._stage("starting Kamailio, rtpengine, edge agent, partner, PSP, platform and desk")
        *engines, kamailio = self._router()
        if self.choices.edges == 2:
            rootfs = Rootfs.build(self.choices.suite)
            engines.append(second_edge.rtpengine(rootfs, self.block, self.workspace.logs))
            self._launch(
                self._python("edge-agent-2", "edge", self.workspace.deployment, "--edge", second_edge.EDGE)
            )
        for daemon in (*engines, *self._services()):
            self._launch(daemon)
        # Kamailio pings its rtpengine once at start, and leaves one that does not answer alone for a while.
        for engine in engines:
            engine.wait_ready()
        self._launch(kamailio)
        if self.choices.edges == 2:
            self._launch(
                second_edge.kamailio(
                    Rootfs.build(self.choices.suite), self.workspace, known_peer=self.block.customer
                )
            )
        for daemon in self.daemons.values():
            daemon.wait_ready()

    def _launch(self, daemon: Daemon) -> None:
        self.daemons[daemon.name] = daemon
        self._stack.callback(daemon.stop)
        daemon.start()

    def _router(self) -> list[Daemon]:
        rootfs, block, logs = Rootfs.build(self.choices.suite), self.block, self.workspace.logs
        return [
            Rtpengine(
                rootfs,
                name="rtpengine-edge",
                media=block.edge_media,
                ng=(block.edge_media, 2223),
                log=logs / "rtpengine-edge.log",
                extra=(f"--listen-http={block.edge_media}:2224",),
            ),
            Rtpengine(
                rootfs,
                name="rtpengine-partner",
                media=block.partner_media,
                ng=(block.partner_media, 2223),
                log=logs / "rtpengine-partner.log",
                # The digits leave rtpengine over loopback only, and only towards the partner's capture.
                extra=(f"--dtmf-log-dest={block.partner}:{DIGIT_FEED_PORT}",),
                binds={project_root() / PROMPTS: PROMPTS_INSIDE},
            ),
            Kamailio(
                rootfs,
                config=self.workspace.router,
                sip=(block.kamailio, 5060),
                known_peer=block.customer,
                log=logs / "kamailio.log",
                ready=self._kamailio_answers if self.workspace.tls else None,
            ),
        ]

    def _kamailio_answers(self) -> bool:
        return edge_answers(self.workspace)

    def _services(self) -> list[Daemon]:
        deployment = self.workspace.deployment
        return [
            *partner_front(self.workspace, self.choices.suite),
            self._python("edge-agent", "edge", deployment, "--edge", EDGE),
            self._python("psp", "psp", self._settings("psp", self._psp())),
            self._python("partner", "partner", self._settings("partner", self._partner())),
            self._python("platform", "platform", self._settings("platform", self._platform())),
            self._python("desk", "desk", deployment, "--demo", "--demo-links", str(self.demo_links_file)),
        ]

    def _python(self, name: str, service: str, config: Path, *arguments: str) -> Daemon:
        argv = [sys.executable, "-m", f"callseal.services.{service}", "--config", str(config), *arguments]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        return Daemon(
            name, argv, log=self.workspace.logs / f"{name}.log", cwd=self.workspace.root, env=environment
        )

    # The sandbox's settings (docs/explanation/sandbox-partner.md).

    def _partner(self) -> dict[str, Any]:
        block = self.block
        return {
            "sip": f"{block.partner}:5060",
            "edge": partner_next_hop(self.workspace),
            "api": f"{block.partner}:8030",
            "api_key": self.workspace.secret("partner-api-key"),
            "webhook_url": f"http://{block.desk}:8050/v1/webhooks/partner",
            "webhook_secret": self.workspace.secret("partner-webhook"),
            "psp": f"http://{block.psp}:8033",
            "ng": f"{block.partner_media}:2223",
            "digit_feed": f"{block.partner}:{DIGIT_FEED_PORT}",
            "prompt_dir": PROMPTS_INSIDE,
            **({"other_edges": [f"{block.kamailio_2}:5060"]} if self.choices.edges == 2 else {}),
            **self.choices.partner,
        }

    def _psp(self) -> dict[str, Any]:
        return {"listen": f"{self.block.psp}:8033", **self.choices.psp}

    def _platform(self) -> dict[str, Any]:
        return {
            "listen": f"{self.block.platform}:8041",
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
        return customer_phone(self.workspace, **changes)

    def agent(self, **changes: Any) -> Phone:
        """The agent's phone, not started."""
        return agent_phone(self.workspace, **changes)

    def desk(self, login: str = AGENT_LOGIN) -> AgentDesk:
        """A logged-in agent at the desk."""
        return AgentDesk(self.desk_url, login, self.workspace.secret(f"agent-{login}"))

    @property
    def desk_url(self) -> str:
        return f"http://{self.block.desk}:8050"

    @property
    def demo_links_file(self) -> Path:
        return self.workspace.root / "demo-links.json"
