"""The routers that are measured: Callseal's as it is rendered, and a bare Kamailio beside it, both on one rtpengine.

Each has a block of loopback of its own, with peers that are its alone, so that both can work at the same time.
"""

from __future__ import annotations

import resource
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from bench.agent_sink import AgentSink
from bench.endpoint import Endpoint
from bench.light_partner import LightPartner
from bench.sip_wire import Certificate
from callseal.deployment import read
from callseal.lab.block import Block
from callseal.lab.encrypted_world import edge_answers
from callseal.lab.encryption import FACES, TLS_PORT
from callseal.lab.processes import EDGE
from callseal.lab.rootfs import Rootfs
from callseal.lab.router import Kamailio, Rtpengine
from callseal.lab.workspace import Workspace
from callseal.render import render

Anchors: TypeAlias = Literal["one", "two"]
Transport: TypeAlias = Literal["udp", "tls"]
DEFAULT_BLOCK = Block()
BARE = Path(__file__).parent / "bare.cfg"
NG_PORT = 2223
PATIENCE_S = 3600  # calls without RTP stay up for as long as a bench lasts
FILES = 20_000
PORTS = (20000, 59998)  # eight ports for a call of two legs


def allow_files() -> None:
    """Every leg has a socket, and rtpengine eight a call. Raises the soft limit as far as the hard one lets us."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < FILES:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(FILES, hard), hard))


def neighbours(block: Block, count: int) -> list[Block]:
    """`block` and those that follow it. Raises `ValueError` when 127.A has no more."""
    head, _, last = block.prefix.rpartition(".")
    return [Block.parse(f"{head}.{int(last) + number}") for number in range(count)]


def engine(rootfs: Rootfs, block: Block, log: Path) -> Rtpengine:
    """The one rtpengine of all edges of a bench."""
    return Rtpengine(
        rootfs,
        name="rtpengine-bench",
        media=block.edge_media,
        ng=(block.edge_media, NG_PORT),
        log=log,
        ports=PORTS,
        extra=(f"--listen-http={block.edge_media}:{NG_PORT + 1}", f"--timeout={PATIENCE_S}"),
    )


@dataclass(frozen=True, slots=True)
class EdgeWorkspace(Workspace):
    """The sandbox with another rtpengine than its own: that of the block `engine`."""

    engine: Block = DEFAULT_BLOCK

    def prepare(self) -> None:
        Workspace.prepare(self)
        text = self.deployment.read_text(encoding="utf-8")
        self.deployment.write_text(
            text.replace(self.block.edge_media, self.engine.edge_media), encoding="utf-8"
        )


@dataclass(frozen=True, slots=True)
class EdgePlan:
    """One edge of a bench: where it is, on which rtpengine, and how all its peers speak.

    `server_id` must differ from that of every other edge on the same rtpengine.
    """

    root: Path
    block: Block
    engine: Block
    server_id: int
    anchors: Anchors = "two"
    transport: Transport = "udp"

    def workspace(self) -> EdgeWorkspace:
        """Prepared and rendered."""
        settings = {"anchors": f'"{self.anchors}"', "server_id": str(self.server_id)}
        faces = frozenset(FACES if self.transport == "tls" else ())
        workspace = EdgeWorkspace(self.root, self.block, settings, faces, self.engine)
        workspace.prepare()
        render(read(workspace.deployment), EDGE, workspace.router)
        return workspace

    def certificate(self, name: str) -> Certificate | None:
        """Of the carrier, partner or platform; None over UDP."""
        return Certificate(self.root / "tls", name) if self.transport == "tls" else None


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of a rendered router: `old` stands once in `file` and becomes `new`."""

    file: str
    old: str
    new: str

    def apply(self, router: Path) -> None:
        """Raises `ValueError` when `old` does not stand there once."""
        path = router / self.file
        text = path.read_text(encoding="utf-8")
        if text.count(self.old) != 1:
            raise ValueError(f"{self.file} has {self.old!r} {text.count(self.old)} times")
        path.write_text(text.replace(self.old, self.new), encoding="utf-8")


def callseal_edge(
    rootfs: Rootfs, plan: EdgePlan, edits: Sequence[Edit] = (), *, door: bool = True
) -> Kamailio:
    """Callseal's Kamailio, as it is or with `edits`, or without the log door."""
    workspace = plan.workspace()
    for edit in edits:
        edit.apply(workspace.router)
    return Kamailio(
        rootfs,
        name=f"kamailio-{plan.anchors}",
        config=workspace.router,
        sip=(plan.block.kamailio, 5060),
        known_peer=plan.block.partner,
        log=workspace.logs / "kamailio.log",
        door=door,
        ready=lambda: edge_answers(workspace, plan.block.kamailio),
    )


def bare_edge(rootfs: Rootfs, plan: EdgePlan) -> Kamailio:
    """The bare Kamailio, with the TLS profile, certificates and authorities that Callseal's would have in its place."""
    workspace, block = plan.workspace(), plan.block
    config = plan.root / "bare"
    config.mkdir()
    shutil.copy(BARE, config / "kamailio.cfg")
    defines = {
        "SERVER_ID": str(plan.server_id),
        "LISTEN": f"udp:{block.kamailio}:5060",
        "CARRIER_IP": f'"{block.customer}"',
        "PARTNER_IP": f'"{block.partner}"',
        "PLATFORM_IP": f'"{block.agent}"',
        "NG": f'"udp:{plan.engine.edge_media}:{NG_PORT}"',
        "PEER_PORT": '":5060"',
    }
    if plan.transport == "tls":
        (config / "data").mkdir()
        for name in ("tls.cfg", "certificate.pem", "private_key.pem", "ca.pem"):
            shutil.copy(workspace.router / "data" / name, config / "data" / name)
        defines |= {
            "WITH_TLS": "",
            "LISTEN_TLS": f"tls:{block.kamailio}:{TLS_PORT}",
            "SOURCE": block.kamailio,
            "PEER_PORT": f'":{TLS_PORT};transport=tls"',
        }
    text = "".join(f"#!define {name} {value}".rstrip() + "\n" for name, value in defines.items())
    (config / "defines.cfg").write_text(text, encoding="utf-8")
    return Kamailio(
        rootfs,
        name="kamailio-bare",
        config=config,
        sip=(block.kamailio, 5060),
        known_peer=block.partner,
        log=plan.root / "bare.log",
        door=False,
        ready=lambda: edge_answers(workspace, plan.block.kamailio),
    )


class Sides:
    """Carrier, partner and platform of one edge, and what hears its notices."""

    def __init__(self, plan: EdgePlan) -> None:
        block = plan.block
        self.carrier = Endpoint(block.customer, block.kamailio, certificate=plan.certificate("carrier"))
        self.partner = LightPartner(
            block.partner, block.kamailio, block.partner_media, certificate=plan.certificate("partner")
        )
        self.platform = Endpoint(
            block.agent, block.kamailio, rings=True, certificate=plan.certificate("platform")
        )
        self.sink = AgentSink(block.edge_agent)

    async def __aenter__(self) -> Sides:
        await self.sink.__aenter__()
        for endpoint in (self.carrier, self.partner, self.platform):
            await endpoint.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        for endpoint in (self.carrier, self.partner, self.platform):
            endpoint.close()
        await self.sink.__aexit__()
