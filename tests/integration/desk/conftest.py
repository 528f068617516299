"""The desk in this process, under uvicorn, with its world around it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from callseal.desk.app import create_app
from callseal.desk.edge_agents import EdgeAgents
from callseal.desk.http.context import Context
from callseal.desk.partners import Partners
from callseal.desk.settings import AgentLogin, DeskSettings
from callseal.partners.sandbox import SandboxPartner, SandboxSettings
from callseal.payments.limits import Limits
from callseal.platforms.webhook import WebhookPlatform, WebhookSettings
from callseal.stores.sqlite import SqliteStore
from callseal.wire.http_client import HttpClient
from tests.support import desk_places as around
from tests.support.desk_world import Server, World

LIMITS = Limits(
    annotate=500,
    secure=1_500,
    restore=700,
    restore_again=400,
    authorise=1_500,
    approved=60_000,
    verify=400,
    charge_query_first=100,
    charge_query_most=400,
)


@dataclass(slots=True)
class Here(World):
    """The world with the desk in it."""

    context: Context
    store_path: Path

    def __init__(self, http: httpx2.AsyncClient, context: Context, store_path: Path) -> None:
        World.__init__(self, http)
        self.context = context
        self.store_path = store_path


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def limits() -> Limits:
    return LIMITS


@pytest.fixture
async def here(anyio_backend: str, tmp_path: Path, limits: Limits) -> AsyncIterator[Here]:
    path = tmp_path / "state" / "desk.sqlite3"
    store = SqliteStore(path)
    settings = DeskSettings(
        url=around.DESK_URL,
        edge_secret=around.EDGE_SECRET,
        operator_secret=around.OPERATOR_SECRET,
        agents=(
            AgentLogin("alice", "Alice Okafor", "acme", around.PASSWORDS["alice"]),
            AgentLogin("bob", "Bob Lindqvist", "globex", around.PASSWORDS["bob"]),
        ),
        limits=limits,
        ping_ms=300,
        gap_patience_ms=500,
    )
    async with (
        HttpClient() as http,
        httpx2.AsyncClient(trust_env=False, timeout=5) as outside,
    ):
        app = create_app(
            settings,
            store=store,
            partners=Partners.alone(
                SandboxPartner(
                    SandboxSettings(
                        f"http://{around.PARTNER}:8030",
                        around.API_KEY,
                        (around.PARTNER_WEBHOOK,),
                        timeout_ms=700,
                    ),
                    http,
                )
            ),
            edge_agents=EdgeAgents({"edge-1": f"http://{around.EDGE}:8022"}, around.EDGE_SECRET, http),
            platform=WebhookPlatform(
                WebhookSettings(f"http://{around.PLATFORM}:8041/events", around.PLATFORM_WEBHOOK),
                http,
                around.now_ms,
            ),
            now_ms=around.now_ms,
            random_text=lambda: secrets.token_urlsafe(32),
        )
        server = Server(app, around.DESK, 8050)
        made = Here(outside, app.state.context, path)
        await made.start()
        await server.start()
        try:
            yield made
        finally:
            app.state.context.desk.hub.close()
            await asyncio.gather(server.stop(), made.stop())
            store.close()
