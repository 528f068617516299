"""The other side of `HttpPort`, by a function: requests come as httpx2 has them, so that a test reads them easily."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import httpx2

from callseal.wire.http_client import Answer, NoAnswerError

NOT_SENT = NoAnswerError("ClientConnectorError", sent=False)
NO_ANSWER = NoAnswerError("SocketTimeoutError", sent=True)


class Through:
    """`HttpPort` by a client of httpx2, for an application without a socket."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self._client = client

    async def request(
        self,
        method: str,
        url: str,
        *,
        timeout_s: float,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Answer:
        response = await self._client.request(
            method, url, headers=dict(headers or {}), content=content, timeout=timeout_s
        )
        return Answer(response.status_code, response.content)


class HttpDouble:
    """`HttpPort`. `handler` answers, or raises `NoAnswerError`."""

    def __init__(self, handler: Callable[[httpx2.Request], httpx2.Response]) -> None:
        self._handler = handler

    async def request(
        self,
        method: str,
        url: str,
        *,
        timeout_s: float,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Answer:
        assert timeout_s > 0
        response = self._handler(httpx2.Request(method, url, headers=dict(headers or {}), content=content))
        return Answer(response.status_code, response.content)
