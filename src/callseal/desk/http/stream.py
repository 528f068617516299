"""Server-sent events (HTML standard 9.2). A stream is a cursor into the store's feed: no update can fall between snapshot and stream,
none between two connections."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from callseal.desk.http.context import Agent, Context, Ctx
from callseal.desk.logins import Visitor
from callseal.desk.view import card

router = APIRouter(tags=["events"])

PING = "event: ping\ndata: {}\n\n"


@router.get("/v1/events")
async def events(request: Request, ctx: Ctx, visitor: Agent) -> StreamingResponse:
    """`call` events with the whole CALL, `ping` every 3 s. Resumes after `Last-Event-ID`; without one, or with one that is
    too old, it begins with a snapshot of every live call."""
    after = resume_point(request.headers.get("last-event-id"), ctx)
    return StreamingResponse(
        stream(ctx, visitor, after),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


def resume_point(last_event_id: str | None, ctx: Context) -> int | None:
    """The id to go on after, or None: begin with a snapshot."""
    if (
        not last_event_id
        or not (last_event_id.isascii() and last_event_id.isdigit())
        or len(last_event_id) > 18
    ):
        return None
    after = int(last_event_id)
    store = ctx.desk.store
    return after if store.feed_start() <= after <= store.feed_end() else None


async def stream(ctx: Context, visitor: Visitor, after: int | None) -> AsyncIterator[str]:
    """Text of the stream, until the desk closes or the login ends."""
    desk = ctx.desk
    store = desk.store
    desk.metrics.streams.inc()
    try:
        with desk.hub.listen() as news:
            yield "retry: 1000\n\n"
            if after is None:
                # No await between these two: whatever comes later has a higher id.
                after = store.feed_end()
                snapshot = [card(session) for session in store.live_sessions(visitor.tenant)]
                for call in snapshot:
                    yield _event(after, json.dumps(call, ensure_ascii=False, separators=(",", ":")))
            yield PING
            while not desk.hub.closed and ctx.logins.still_valid(visitor, ctx.now):
                news.clear()
                if items := store.feed_after(after, visitor.tenant):
                    # In one piece: when calls come in numbers, each piece costs as much as what is in it.
                    after = items[-1].id
                    yield "".join(_event(item.id, item.body) for item in items)
                    continue
                try:
                    async with asyncio.timeout(ctx.settings.ping_ms / 1000):
                        await news.wait()
                except TimeoutError:
                    yield PING
    finally:
        desk.metrics.streams.dec()


def _event(number: int, data: str) -> str:
    return f"id: {number}\nevent: call\ndata: {data}\n\n"
