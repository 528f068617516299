"""A stage for call stories: a world, both phones, an ear beside the agent's, and a record of what was written."""

from __future__ import annotations

import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from callseal.audit.canary_scan import scan
from callseal.audit.ear import Ear
from callseal.lab.agent_desk import AgentDesk
from callseal.lab.block import Block
from callseal.lab.choices import Choices
from callseal.lab.phone import Phone, PhoneError
from callseal.lab.preflight import taken
from callseal.lab.site import Site
from callseal.lab.story import PaidCall
from callseal.lab.workspace import Workspace
from callseal.lab.world import World

FIRST_BLOCK = 100  # 127.90.100.0/24 and up: the demo's block stays free
_blocks = (Block(f"127.90.{number}") for number in range(FIRST_BLOCK, 255))


@dataclass(slots=True)
class Stage:
    """A world with both phones up and an ear beside the agent's."""

    world: World
    customer: Phone
    agent: Phone
    desk: AgentDesk
    ear: Ear

    def call(self, method: str = "rfc4733") -> PaidCall:
        """A call that nobody has dialled yet."""
        return PaidCall(self.world, self.customer, self.agent, self.desk, press_method=method)  # type: ignore[arg-type]


@dataclass(slots=True)
class Stages:
    """Makes stages, and remembers where their worlds wrote."""

    root: Path
    written: list[Path] = field(default_factory=list)
    phones: list[Phone] = field(default_factory=list)

    def open(
        self,
        stack: ExitStack,
        *,
        settings: dict[str, str] | None = None,
        tls: frozenset[str] = frozenset(),
        customer: dict[str, Any] | None = None,
        agent: dict[str, Any] | None = None,
        site: Site | None = None,
        world: type[World] = World,
        **choices: Any,
    ) -> Stage:
        """On a block of loopback of its own, unless `site` says otherwise."""
        site = site or next(block for block in _blocks if not taken(block))
        workspace = Workspace(self.root / f"world-{len(self.written)}", site, settings or {}, tls)
        self.written.append(workspace.root)
        stack.callback(holds_no_card, workspace.root)
        made = stack.enter_context(world(workspace, Choices(**choices)))
        stage = Stage(
            world=made,
            customer=stack.enter_context(made.customer(**(customer or {}))),
            agent=stack.enter_context(made.agent(**(agent or {}))),
            desk=stack.enter_context(made.desk()),
            ear=stack.enter_context(made.ear()),
        )
        self.phones += [stage.customer, stage.agent]
        return stage

    def clear_lines(self) -> None:
        """Hang up whatever a story left behind."""
        for phone in self.phones:
            if phone.alive:
                with suppress(PhoneError):  # it says so when there is no call
                    phone.hangup()
                    phone.wait("ended", timeout=3)


def holds_no_card(folder: Path) -> None:
    """Fails when anything that a world wrote holds a card's digits; the customer's own phone may."""
    found = scan(folder, exclude=[folder / "phone-customer"])
    assert not found.unread, found.unread
    assert not found.findings, [str(finding) for finding in found.findings]


def keys_heard(stage: Stage, since: str, until: str) -> int:
    """Keys the agent's phone received between two marks; fails when the ear could not hear at all."""
    heard = stage.ear.heard(since, until)
    assert heard.listened, heard
    return heard.keys


def voices_flow(stage: Stage, seconds: float = 1.0) -> None:
    """Both phones receive sound now. Fails naming the deaf side."""
    for phone in (stage.customer, stage.agent):
        before = phone.stats()["received_packets"]
        deadline = time.monotonic() + 3
        while phone.stats()["received_packets"] - before < seconds * 25:
            assert time.monotonic() < deadline, f"{phone.settings.name} receives no media"
            time.sleep(0.1)


def partner_faults(stage: Stage, **switches: object) -> None:
    """Throw the sandbox partner's switches."""
    site = stage.world.site
    with site.inside(site.desk):
        answer = httpx2.post(
            f"http://{site.partner}:8030/faults",
            json=switches,
            headers={"Authorization": f"Bearer {stage.world.workspace.secret('partner-api-key')}"},
            timeout=5,
        )
    assert answer.status_code == 200, answer.text
