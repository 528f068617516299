"""HTTP requests of the services: one answer, or one exception that says whether the other side may have got the request.

Desk and edge agent make several requests for each call, so what a request costs decides how many calls they hold
(docs/adr/0034-one-lean-http-client.md). Nothing here retries, follows a redirect, keeps a cookie or asks the environment for a proxy:
tokens and keys travel in these requests.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self

import aiohttp
from yarl import URL

_CONNECTIONS = 100
_KEPT_S = 4.0
"""A second less than uvicorn keeps an idle connection: a request must not meet its end."""
_LARGEST_ANSWER = 1 << 20
_NOT_SENT = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.NonHttpUrlClientError,
    ValueError,  # an address or a header that cannot be one
)
_JSON = {"Content-Type": "application/json"}


class NoAnswerError(Exception):
    """No answer came. `reason` is a word without anything of the request; `sent`: the other side may have got it."""

    def __init__(self, reason: str, *, sent: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.sent = sent


@dataclass(frozen=True, slots=True)
class Answer:
    """Whatever status it has."""

    status: int
    body: bytes = b""

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def is_redirect(self) -> bool:
        return 300 <= self.status < 400

    @property
    def is_client_error(self) -> bool:
        return 400 <= self.status < 500

    @property
    def is_server_error(self) -> bool:
        return self.status >= 500

    def json(self) -> Any:
        """The body read as JSON. Raises `ValueError`."""
        return json.loads(self.body)


class HttpPort(Protocol):
    async def request(
        self,
        method: str,
        url: str,
        *,
        timeout_s: float,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Answer:
        """Raises `NoAnswerError`. `url` is sent as it stands, escaped already. `timeout_s` is for the connection, and again for each wait
        for a part of the answer."""
        ...


async def post_json(
    http: HttpPort, url: str, body: object, *, timeout_s: float, headers: Mapping[str, str]
) -> Answer:
    """As `HttpPort.request`."""
    content = json.dumps(body, separators=(",", ":")).encode()
    return await http.request("POST", url, timeout_s=timeout_s, headers={**_JSON, **headers}, content=content)


class HttpClient:
    """`HttpPort` with connections that stay; an async context manager. `tls`: whom to trust, the system's authorities by default."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None
        self._timeouts: dict[float, aiohttp.ClientTimeout] = {}

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(
            limit=_CONNECTIONS, keepalive_timeout=_KEPT_S, ssl=self._tls if self._tls is not None else True
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            trust_env=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def request(
        self,
        method: str,
        url: str,
        *,
        timeout_s: float,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Answer:
        if self._session is None:
            raise RuntimeError("the client is used outside of its `async with`")
        try:
            async with self._session.request(
                method,
                URL(url, encoded=True),
                data=content,
                headers=headers,
                allow_redirects=False,
                timeout=self._timeout(timeout_s),
            ) as response:
                body = b""
                async for part in response.content.iter_any():
                    body += part
                    if len(body) > _LARGEST_ANSWER:
                        raise NoAnswerError("AnswerTooLong", sent=True)
                return Answer(response.status, body)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # The type only: a library's message may quote the request.
            raise NoAnswerError(type(error).__name__, sent=not isinstance(error, _NOT_SENT)) from None

    def _timeout(self, seconds: float) -> aiohttp.ClientTimeout:
        kept = self._timeouts.get(seconds)
        if kept is None:
            kept = aiohttp.ClientTimeout(connect=seconds, sock_connect=seconds, sock_read=seconds)
            self._timeouts[seconds] = kept
        return kept
