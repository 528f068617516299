"""What becomes of a request at a real socket: its answer, or whether the other side may have got it."""

from __future__ import annotations

import asyncio
import itertools
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from callseal.lab.authority import Authority
from callseal.wire.http_client import Answer, HttpClient, NoAnswerError, post_json

pytestmark = pytest.mark.unit

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
Say = Callable[[asyncio.StreamWriter, int], Awaitable[None]]


class Server:
    """`said` is what it does with the nth request; `requests` are their heads and bodies as they came."""

    def __init__(self, said: Say) -> None:
        self._said = said
        self._numbers = itertools.count()
        self.requests: list[tuple[str, bytes]] = []
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii")
                lengths = [line for line in head.lower().split("\r\n") if line.startswith("content-length:")]
                body = await reader.readexactly(int(lengths[0].split(":")[1]) if lengths else 0)
                self.requests.append((head, body))
                await self._said(writer, next(self._numbers))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def saying(answer: bytes) -> Say:
    async def say(writer: asyncio.StreamWriter, _number: int) -> None:
        writer.write(answer)

    return say


async def silence(_writer: asyncio.StreamWriter, _number: int) -> None:
    return


async def hang_up(writer: asyncio.StreamWriter, _number: int) -> None:
    writer.close()


@asynccontextmanager
async def serving(said: Say, **more: object) -> AsyncIterator[tuple[Server, str]]:
    server = Server(said)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, **more)  # type: ignore[arg-type]
    async with listening:
        yield server, f"127.0.0.1:{listening.sockets[0].getsockname()[1]}"


def ask(said: Say, path: str = "/", *, content: bytes | None = None, times: int = 1) -> tuple[Answer, Server]:
    async def go() -> tuple[Answer, Server]:
        async with serving(said) as (server, where), HttpClient() as http:
            answers = [
                await http.request("POST", f"http://{where}{path}", timeout_s=0.3, content=content)
                for _ in range(times)
            ]
            return answers[-1], server

    return asyncio.run(go())


def fail(said: Say) -> NoAnswerError:
    with pytest.raises(NoAnswerError) as caught:
        ask(said, content=b"4111111111111111")
    assert caught.value.__cause__ is None
    assert "4111" not in repr(caught.value)
    return caught.value


def test_a_request_goes_as_it_stands_and_says_nothing_of_the_program() -> None:
    answer, server = ask(saying(OK), "/v1/a%2F..%2F%7Eb?x=%20", content=b"{}", times=2)
    assert (answer.status, answer.json(), answer.is_success) == (200, {}, True)
    (head, body), _ = server.requests
    assert head.startswith("POST /v1/a%2F..%2F%7Eb?x=%20 HTTP/1.1\r\n")
    assert body == b"{}"
    names = {line.partition(":")[0].lower() for line in head.split("\r\n")[1:] if line}
    assert names == {"host", "content-length"}
    assert server.connections == 1, "a connection stays"


def test_json_is_sent_as_json() -> None:
    async def go() -> tuple[str, bytes]:
        async with serving(saying(OK)) as (server, where), HttpClient() as http:
            await post_json(http, f"http://{where}/", {"a": "ü"}, timeout_s=1, headers={"X-Key": "k"})
            return server.requests[0]

    head, body = asyncio.run(go())
    assert "Content-Type: application/json\r\n" in head
    assert "X-Key: k\r\n" in head
    assert body == b'{"a":"\\u00fc"}'


def test_a_redirect_is_an_answer_and_nobody_is_asked() -> None:
    answer, server = ask(
        saying(b"HTTP/1.1 307 Look There\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n"), content=b"x"
    )
    assert answer.is_redirect
    assert len(server.requests) == 1


def test_no_cookie_is_kept() -> None:
    async def go() -> Server:
        async with serving(saying(b"HTTP/1.1 204 No\r\nSet-Cookie: a=b\r\n\r\n")) as (server, where):
            port = where.rpartition(":")[2]
            async with HttpClient() as http:
                for _ in range(2):  # by a name: libraries keep no cookie of an address
                    await http.request("GET", f"http://localhost:{port}/", timeout_s=1)
            return server

    assert not any("cookie" in head.lower() for head, _ in asyncio.run(go()).requests)


def test_no_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("all_proxy", "http://127.0.0.1:1")
    answer, _ = ask(saying(OK))
    assert answer.is_success


@pytest.mark.parametrize(
    "said",
    [
        silence,
        hang_up,
        saying(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"),  # and no more
        saying(b"SIP/2.0 200 OK\r\n\r\n"),
        saying(b"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n" + b"x" * 2_000_000),
    ],
)
def test_the_other_side_may_have_got_it(said: Say) -> None:
    assert fail(said).sent


def test_what_broke_while_a_connection_was_kept_may_have_been_got() -> None:
    """A POST is never said twice by itself: it may be a charge."""

    async def once(writer: asyncio.StreamWriter, number: int) -> None:
        if number == 0:
            writer.write(OK)
        else:
            writer.close()

    with pytest.raises(NoAnswerError) as caught:
        ask(once, content=b"{}", times=2)
    assert caught.value.sent


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/", "http://nowhere.invalid/", "gopher://127.0.0.1/", "nothing"]
)
def test_nobody_has_got_it(url: str) -> None:
    async def go() -> None:
        async with HttpClient() as http:
            await http.request("POST", url, timeout_s=2, content=b"{}")

    with pytest.raises(NoAnswerError) as caught:
        asyncio.run(go())
    assert not caught.value.sent


def test_a_header_that_cannot_be_one_is_not_sent() -> None:
    async def go() -> Server:
        async with serving(saying(OK)) as (server, where), HttpClient() as http:
            with pytest.raises(NoAnswerError) as caught:
                await http.request("GET", f"http://{where}/", timeout_s=1, headers={"X": "a\r\nY: b"})
            assert not caught.value.sent
            return server

    assert asyncio.run(go()).requests == []


def test_a_host_that_takes_no_connection_has_not_got_it() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))

        async def go() -> None:
            async with HttpClient() as http:
                await http.request("POST", f"http://127.0.0.1:{port}/", timeout_s=0.3, content=b"{}")

        with pytest.raises(NoAnswerError) as caught:
            asyncio.run(go())
        for one in waiting:
            one.close()
    assert not caught.value.sent


def test_a_certificate_is_looked_at_before_anything_is_said(tmp_path: Path) -> None:
    now = datetime.fromtimestamp(time.time(), UTC)
    authority = Authority.new("authority of this test", now)
    authority.issue("localhost", now=now).write(tmp_path, "desk")
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(tmp_path / "desk.pem", tmp_path / "desk.key")
    ours = ssl.create_default_context(cadata=authority.certificate.decode())

    async def go() -> None:
        async with serving(saying(OK), ssl=theirs) as (server, where):
            port = where.rpartition(":")[2]
            for tls, host in ((None, "localhost"), (ours, "127.0.0.1")):  # not trusted; not the name
                async with HttpClient(tls) as http:
                    with pytest.raises(NoAnswerError) as caught:
                        await http.request("POST", f"https://{host}:{port}/", timeout_s=2, content=b"{}")
                assert not caught.value.sent
            assert server.requests == []
            async with HttpClient(ours) as http:
                assert (await http.request("GET", f"https://localhost:{port}/", timeout_s=2)).is_success

    asyncio.run(go())


def test_outside_of_its_block_it_says_nothing() -> None:
    with pytest.raises(RuntimeError, match="async with"):
        asyncio.run(HttpClient().request("GET", "http://127.0.0.1:1/", timeout_s=1))
