"""Stands in for the edge agent: takes Kamailio's posts and datagrams and keeps them."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs

Post = dict[str, str]


class AgentSink:
    """HTTP at `address`:8022, datagrams at 8023. `delay_s` makes it slow, `status` makes it refuse."""

    def __init__(self, address: str, http_port: int = 8022, udp_port: int = 8023) -> None:
        self.delay_s = 0.0
        self.status = 204
        self.hold: Callable[[str], int] = lambda _reference: 204
        """Answers `POST /inlet/hold`: the reference in, the status out."""
        self.holds_asked: list[str] = []
        self.handoffs: list[Post] = []
        self.legs: list[Post] = []
        self.acks: list[str] = []
        self.traces: list[bytes] = []
        self._news = threading.Condition()
        self._address = (address, udp_port)
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
                time.sleep(sink.delay_s)
                if self.path == "/inlet/hold":
                    reference = parse_qs(body)["reference"][0]
                    sink.holds_asked.append(reference)
                    self.send_response(sink.hold(reference))
                    self.end_headers()
                    return
                with sink._news:
                    for line in filter(None, body.split("\n")):
                        kind, _, form = line.partition("?")
                        fields = parse_qs(form, keep_blank_values=True)
                        post = {name: values[0] for name, values in fields.items()}
                        (sink.handoffs if kind == "handoff" else sink.legs).append(post)
                    sink._news.notify_all()
                self.send_response(sink.status)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                return

        self._server = ThreadingHTTPServer((address, http_port), Handler)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(self._address)
        self._threads = [
            threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True),
            threading.Thread(target=self._listen, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def _listen(self) -> None:
        while True:
            data, _ = self._socket.recvfrom(65535)
            if data == b"stop":
                return
            with self._news:
                if data.startswith(b"trace "):
                    self.traces.append(data)
                else:
                    self.acks.append(data.decode())
                self._news.notify_all()

    def wait(self, seen: Callable[[AgentSink], bool], what: str, timeout_s: float = 3.0) -> None:
        deadline = time.monotonic() + timeout_s
        with self._news:
            while not seen(self):
                left = deadline - time.monotonic()
                if left <= 0:
                    raise AssertionError(
                        f"no {what}; handoffs={len(self.handoffs)} legs={self.kinds()} acks={self.acks}"
                    )
                self._news.wait(left)

    def kinds(self, leg: str = "") -> list[str]:
        """`leg kind where` of every leg event so far, in order."""
        return [f"{p['leg']} {p['kind']} {p['where']}" for p in self.legs if leg in ("", p["leg"])]

    def wait_leg(self, leg: str, kind: str, where: str = "") -> Post:
        """The newest event of that leg and kind."""

        def fits(post: Post) -> bool:
            return post["leg"] == leg and post["kind"] == kind and where in ("", post["where"])

        self.wait(lambda sink: any(map(fits, sink.legs)), f"{leg} {kind} {where}")
        return next(post for post in reversed(self.legs) if fits(post))

    def forget(self) -> None:
        with self._news:
            self.handoffs.clear()
            self.traces.clear()
            self.legs.clear()
            self.acks.clear()
            self.holds_asked.clear()
            self.hold = lambda _reference: 204

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"stop", self._address)
        for thread in self._threads:
            thread.join(2)
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
