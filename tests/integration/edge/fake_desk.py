"""A desk for edge tests: takes hand-offs and events, refuses when told to."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from callseal.edge.courier import BATCH, PATHS
from tests.integration.edge.rig import DESK, poll


class FakeDesk:
    """Takes hand-offs and events; `script` maps an idempotency key or a path to the statuses of its next answers."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.script: dict[str, list[int]] = {}
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> Self:
        desk = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                if self.path == BATCH:
                    rows = [
                        self._take(PATHS[row["kind"]], row["key"], row["body"]) for row in body["parcels"]
                    ]
                    self._answer(200, json.dumps({"statuses": rows}).encode())
                else:
                    self._answer(self._take(self.path, self.headers["idempotency-key"], body), b"")

            def _take(self, path: str, key: str, body: dict[str, Any]) -> int:
                answers = desk.script.get(key) or desk.script.get(path)
                status = answers.pop(0) if answers else 204
                desk.requests.append(
                    {"path": path, "key": key, "body": body, "status": status}
                    | {"authorisation": self.headers["authorization"], "at": time.monotonic()}
                )
                return status

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                pass

        self._server = ThreadingHTTPServer((DESK, 8050), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
            self._server = None

    @property
    def accepted(self) -> list[dict[str, Any]]:
        return [request for request in self.requests if request["status"] < 300]

    def events(self, reference: str) -> list[dict[str, Any]]:
        return [
            request["body"]
            for request in self.accepted
            if request["path"] == "/v1/edge/events" and request["body"]["reference"] == reference
        ]

    def wait_event(self, reference: str, kind: str, timeout_s: float = 5, count: int = 1) -> dict[str, Any]:
        def found() -> list[dict[str, Any]]:
            return [event for event in self.events(reference) if event["kind"] == kind]

        poll(
            lambda: len(found()) >= count,
            timeout_s,
            f"{count} {kind} of {reference}: {self.events(reference)}",
        )
        return found()[-1]
