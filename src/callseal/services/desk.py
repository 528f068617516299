"""`python -m callseal.services.desk --config callseal.toml [--listen ADDRESS:PORT] [--demo --demo-links FILE]`: the desk.

Reads the deployment, maps it to the desk's and the adapters' settings, serves until SIGTERM, on the address of its URL or the
one of `--listen`. It speaks HTTP: with an `https` URL something before it speaks TLS, and `--listen` is needed. With `--demo` it makes one key per
agent that logs in once without a password, and writes the links to a file for its owner only.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import sys
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import structlog

from callseal.deployment import Deployment, DeploymentError, SecretError, read
from callseal.desk.app import create_app
from callseal.desk.edge_agents import EdgeAgents
from callseal.desk.http.context import Context
from callseal.desk.partners import Partners
from callseal.desk.settings import AgentLogin, DeskSettings
from callseal.partners.sandbox import SandboxPartner, SandboxSettings
from callseal.payments.limits import Limits
from callseal.platforms.webhook import WebhookPlatform, WebhookSettings
from callseal.services import clock, runner, stopping
from callseal.stores.sqlite import SqliteStore
from callseal.stores.sqlite.database import StoreInUseError, StoreTooNewError
from callseal.wire.http_client import HttpClient

_GRACE_S = 2
_LAST_PORT = 65535

log = structlog.get_logger("callseal.desk")


@dataclass(frozen=True, slots=True)
class Parts:
    """A deployment as the desk needs it."""

    desk: DeskSettings
    partners: dict[str, SandboxSettings]
    platform: WebhookSettings
    edges: dict[str, str]
    store: Path
    edge_secret: str = field(repr=False)


def desk_parts(deployment: Deployment) -> Parts:
    """The desk's part of a deployment. Raises `SecretError`."""
    desk = deployment.desk
    secret = desk.edge_secret.reveal()
    return Parts(
        desk=DeskSettings(
            url=desk.url,
            edge_secret=secret,
            operator_secret=desk.operator_secret.reveal() if desk.operator_secret else "",
            agents=tuple(
                AgentLogin(agent.login, agent.name, agent.tenant, agent.password.reveal())
                for agent in desk.agents
            ),
            currencies=tuple(desk.currencies),
            limits=Limits(
                secure=desk.secure_timeout_ms,
                restore=desk.restore_timeout_ms,
                secured_idle=desk.secured_idle_ms,
                field=desk.capture_field_ms,
                overall=desk.capture_overall_ms,
                hold=deployment.router.hold_ttl_ms,
                # The hold must not lapse between two tries to bring the media home.
                restore_again=min(Limits().restore_again, deployment.router.hold_ttl_ms // 2),
            ),
        ),
        partners={
            partner.id: SandboxSettings(
                url=partner.api,
                api_key=partner.api_key.reveal(),
                webhook_secrets=(partner.webhook_secret.reveal(),),
            )
            for partner in deployment.partners
        },
        platform=WebhookSettings(
            url=deployment.platform.api, secret=deployment.platform.webhook_secret.reveal()
        ),
        edges={edge.id: edge.agent for edge in deployment.edges},
        store=desk.store,
        edge_secret=secret,
    )


async def serve(parts: Parts, address: tuple[str, int], *, demo_links: Path | None = None) -> bool:
    """As `runner.serve`; the event streams end with the process."""
    store = SqliteStore(parts.store)
    async with HttpClient() as http:
        app = create_app(
            parts.desk,
            store=store,
            partners=Partners({name: SandboxPartner(one, http) for name, one in parts.partners.items()}),
            edge_agents=EdgeAgents(parts.edges, parts.edge_secret, http),
            platform=WebhookPlatform(parts.platform, http, clock.now_ms),
            now_ms=clock.now_ms,
        )
        context: Context = app.state.context
        if demo_links is not None:
            write_demo_links(demo_links, parts.desk, context)
        try:
            return await runner.serve(app, address, log, grace_s=_GRACE_S, end=context.desk.hub.close)
        finally:
            store.close()


def write_demo_links(path: Path, settings: DeskSettings, context: Context) -> None:
    """JSON list of `{"login", "url"}`, mode 0600; each link logs in once while this process lives."""
    links = [
        {"login": agent.login, "url": f"{settings.url}/demo?key={context.logins.make_demo_key(agent.login)}"}
        for agent in settings.agents
    ]
    path.unlink(missing_ok=True)  # an older file keeps its mode, and its readers
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as sink:
        json.dump(links, sink)


def listening(url: str, chosen: str | None) -> tuple[str, int]:
    """Where the desk listens: `chosen` (`ADDRESS:PORT`), else the address of its URL. Raises `ValueError`, whose text is for people."""
    if chosen is not None:
        host, _, port = chosen.rpartition(":")
        if not host or not (port.isascii() and port.isdigit()) or int(port) > _LAST_PORT:
            raise ValueError(f"--listen {chosen}: write it as ADDRESS:PORT, for example 127.0.0.1:8050")
        return host.strip("[]"), int(port)
    parts = urlsplit(url)
    if parts.scheme == "https":
        raise ValueError(
            f"[desk] url is {url}, and the desk itself speaks HTTP: put a TLS server before it"
            " and say where the desk listens, for example --listen 127.0.0.1:8050 (docs/how-to/deploy.md)"
        )
    return parts.hostname or "127.0.0.1", parts.port or 80


def main(argv: list[str] | None = None) -> int:
    """Exit code: `runner`."""
    stopping.at_once()
    parser = argparse.ArgumentParser(prog="callseal-desk", description="Callseal's desk")
    parser.add_argument("--config", type=Path, required=True, help="the deployment (callseal.toml)")
    parser.add_argument(
        "--listen", metavar="ADDRESS:PORT", help="where to listen (default: the address of [desk] url)"
    )
    parser.add_argument(
        "--demo", action="store_true", help="let one-use links log agents in without a password"
    )
    parser.add_argument("--demo-links", type=Path, help="where to write these links (with --demo)")
    arguments = parser.parse_args(argv)
    if arguments.demo != (arguments.demo_links is not None):
        parser.error("--demo and --demo-links go together")
    runner.logger("desk")
    os.umask(0o077)
    runner.no_core_dumps()
    try:
        parts = desk_parts(read(arguments.config))
        address = listening(parts.desk.url, arguments.listen)
    except (DeploymentError, SecretError) as error:
        sys.stderr.write(error.diagnostics() + "\n")
        return 2
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if arguments.demo:
        log.warning("demo_mode", advice="Anybody with a demo link is an agent. Never with real calls.")
    return runner.run(
        serve(parts, address, demo_links=arguments.demo_links),
        log,
        sqlite3.Error,
        StoreTooNewError,
        StoreInUseError,
    )


if __name__ == "__main__":
    sys.exit(main())
