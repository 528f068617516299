"""The application. Everything comes in by argument; nothing is read from the environment."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.responses import Response
from starlette.types import Scope

from callseal import __version__
from callseal.desk.core import Desk
from callseal.desk.http import agents, edges, errors, operations, pages, payments, records, stream, webhooks
from callseal.desk.http.context import Context
from callseal.desk.http.shield import Shield
from callseal.desk.logins import Logins
from callseal.desk.partners import Partners
from callseal.desk.settings import DeskSettings
from callseal.desk.watch import Watch
from callseal.payments.ports import EdgePort, PlatformPort, StorePort


class _Static(StaticFiles):
    """Always asked for again: a card of yesterday must not drive a desk of today."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response


def create_app(
    settings: DeskSettings,
    *,
    store: StorePort,
    partners: Partners,
    edge_agents: EdgePort,
    platform: PlatformPort,
    now_ms: Callable[[], int],
    random_text: Callable[[], str] = lambda: secrets.token_urlsafe(32),
) -> FastAPI:
    """The desk as an ASGI application; deadlines and commands run while its lifespan does. `app.state.context` has the parts.

    `now_ms()` is unix milliseconds; `random_text()` fresh unguessable text. The store is closed by whoever opened it.
    """
    desk = Desk(
        store=store,
        partners=partners,
        edges=edge_agents,
        platform=platform,
        limits=settings.limits,
        now_ms=now_ms,
    )
    watch = Watch(desk, edges=edge_agents, partners=partners)
    context = Context(settings, desk, Logins(settings, store, random_text))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        desk.start()
        clock = asyncio.create_task(desk.scheduler.run())
        watching = asyncio.create_task(watch.run())
        context.ready = True
        try:
            yield
        finally:
            context.ready = False
            desk.hub.close()
            for task in (clock, watching):
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            await desk.dispatcher.close()

    app = FastAPI(
        title="Callseal desk",
        version=__version__,
        description="Card payments on live calls. Nothing on this API can hold a card number.",
        lifespan=lifespan,
        docs_url=None,  # the framework's page loads scripts from elsewhere
        redoc_url=None,
    )
    app.state.context = context
    app.state.waiting_webhooks = {}
    errors.install(app)
    for router in (
        agents.router,
        records.router,
        edges.router,
        webhooks.router,
        stream.router,
        pages.router,
        operations.router,
        payments.router,
    ):
        app.include_router(router)
    app.mount("/static", _Static(directory=settings.static), name="static")
    app.add_middleware(Shield, https=settings.secure_cookies, on_disk=store.on_disk)
    return app
