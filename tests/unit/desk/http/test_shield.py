"""When an answer waits for the disk: a whole one before its head, a stream before each part."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Message

from callseal.desk.http.shield import Shield

pytestmark = pytest.mark.unit

SCOPE = {"type": "http", "method": "GET", "path": "/", "headers": []}


def story(response: Response) -> list[str]:
    """What happened, in order: the waits for the disk, and what was sent."""
    seen: list[str] = []

    async def on_disk() -> None:
        seen.append("disk")

    async def receive() -> Message:
        return await asyncio.Future()  # the client stays, and says nothing

    async def send(message: Message) -> None:
        seen.append("head" if message["type"] == "http.response.start" else f"body {message['body']!r}")

    asyncio.run(Shield(response, https=False, on_disk=on_disk)(dict(SCOPE), receive, send))
    return seen


def test_an_answer_that_tells_its_length_was_made_before_its_head() -> None:
    assert story(JSONResponse({})) == ["disk", "head", "body b'{}'"]


def test_each_part_of_a_stream_waits() -> None:
    async def parts() -> AsyncIterator[str]:
        yield "one"
        yield "two"

    assert story(StreamingResponse(parts())) == [
        "disk", "head", "disk", "body b'one'", "disk", "body b'two'", "disk", "body b''"
    ]  # fmt: skip
