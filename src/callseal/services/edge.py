"""`python -m callseal.services.edge --config FILE --edge ID`: the agent of one edge.

Reads the deployment, maps it to `EdgeSettings`, serves until SIGTERM. What must survive lies in one SQLite file,
`state/<edge>.sqlite3` beside the deployment unless `--state` says otherwise.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import sys
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit

import structlog

from callseal.deployment import Deployment, DeploymentError, Edge, SecretError, Tls, read
from callseal.deployment.anchoring import anchors
from callseal.deployment.groups import PARTNER_GROUP, PLATFORM_GROUP, carrier_group
from callseal.edge.agent import EdgeAgent
from callseal.edge.http import build_app
from callseal.edge.settings import Address, EdgeSettings, MediaNetworks
from callseal.edge.state_file import StateTooNewError
from callseal.services import clock, runner, stopping

_GRACE_S = 2
_SWITCH_S = 0.0005
"""How long the thread of the database waits for the interpreter when the loop is busy, at most. It asks for it back after each statement,
so that a transaction under load took several of Python's 5 ms."""

log = structlog.get_logger("callseal.edge")


CONTROL = Path("/run/callseal/control.sock")
"""Kamailio's control socket, where the image has it."""


def peer_sets(deployment: Deployment) -> dict[int, str]:
    """Kamailio's destination sets by the ids of the peers behind them, numbered as `callseal.render.plan` does."""
    carriers = {carrier_group(carrier.id): carrier.id for carrier in deployment.carriers}
    return {PARTNER_GROUP: deployment.partner.id, PLATFORM_GROUP: deployment.platform.id, **carriers}


def edge_settings(deployment: Deployment, edge_id: str, state: Path, control: Path = CONTROL) -> EdgeSettings:
    """The agent's part of a deployment. Raises `KeyError` for an edge that is not in it, `SecretError`."""
    edge = deployment.edge(edge_id)
    http = _listening(edge.agent)
    return EdgeSettings(
        edge=edge.id,
        http=http,
        datagrams=edge.events.pair,
        # Kamailio sends from its own address or, on the way to a loopback address, from 127.0.0.1.
        peers=frozenset({edge.bound.sip.host, *_second(edge), http[0], "127.0.0.1", "::1"}),
        secret=deployment.desk.edge_secret.reveal(),
        desk_url=deployment.desk.url,
        nodes={str(each.server_id): each.ng.pair for each in deployment.edges},
        own_node=str(edge.server_id),
        media=MediaNetworks(
            partner=tuple(one for partner in deployment.partners for one in partner.media),
            home=tuple(ip_network(address) for address in deployment.media_addresses),
            platform=tuple(deployment.platform.media),
        ),
        state=state,
        anchors=anchors(deployment),
        fence=deployment.fence,
        hold_ttl_ms=deployment.router.hold_ttl_ms,
        router_control=control,
        peer_sets=peer_sets(deployment),
        hep=deployment.router.hep.pair if deployment.router.hep else None,
        token_header=deployment.partner.token_header,
        reference_header=deployment.headers.call_reference,
        certificates=_watched(deployment.tls),
    )


def _watched(tls: Tls | None) -> tuple[Path, ...]:
    """Files of which the metrics say when they end."""
    if tls is None:
        return ()
    return (tls.certificate, tls.ca, *tls.crl)


def _second(edge: Edge) -> tuple[str, ...]:
    return () if edge.sip6 is None else (edge.sip6.host,)


def _listening(url: str) -> Address:
    parts = urlsplit(url)
    return parts.hostname or "127.0.0.1", parts.port or 80


async def serve(settings: EdgeSettings) -> bool:
    """As `runner.serve`; `ready` means the agent runs."""
    agent = EdgeAgent(settings, now_ms=clock.now_ms)
    return await runner.serve(build_app(agent), settings.http, log, grace_s=_GRACE_S)


def main(argv: list[str] | None = None) -> int:
    """Exit code: `runner`."""
    stopping.at_once()
    parser = argparse.ArgumentParser(prog="callseal-edge", description="Callseal's edge agent")
    parser.add_argument("--config", type=Path, required=True, help="the deployment (callseal.toml)")
    parser.add_argument("--edge", help="id of the edge; may be left out when there is one")
    parser.add_argument("--state", type=Path, help="SQLite file of the spool and the hold journal")
    parser.add_argument("--control", type=Path, default=CONTROL, help="Kamailio's control socket")
    arguments = parser.parse_args(argv)
    runner.logger("edge")
    os.umask(0o077)
    runner.no_core_dumps()
    sys.setswitchinterval(_SWITCH_S)
    try:
        deployment = read(arguments.config)
        edge_id = arguments.edge or (deployment.edges[0].id if len(deployment.edges) == 1 else "")
        state = arguments.state or arguments.config.resolve().parent / "state" / f"{edge_id}.sqlite3"
        settings = edge_settings(deployment, edge_id, state, arguments.control)
    except (DeploymentError, SecretError) as error:
        sys.stderr.write(error.diagnostics() + "\n")
        return 2
    except KeyError:
        known = ", ".join(edge.id for edge in deployment.edges)
        sys.stderr.write(f"--edge: which one? This deployment has {known}\n")
        return 2
    return runner.run(serve(settings), log, sqlite3.Error, StateTooNewError)


if __name__ == "__main__":
    sys.exit(main())
