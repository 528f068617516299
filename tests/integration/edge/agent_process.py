"""The edge agent as operators run it."""

from __future__ import annotations

import http.client
import json
import secrets
import signal
import socket
import sqlite3
import sys
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from callseal.lab.daemon import Daemon
from tests.integration.edge.rig import AGENT, BLOCK, DESK, KAMAILIO, SECRET


class AgentProcess:
    """`python -m callseal.services.edge` on a deployment of the tests' own."""

    def __init__(self, folder: Path, *, anchors: str = "two") -> None:
        self.folder = folder
        self.state = folder / "state" / "edge-1.sqlite3"
        self.config = folder / "callseal.toml"
        folder.mkdir(parents=True, exist_ok=True)
        example = Path(__file__).parents[3] / "examples" / "sandbox.toml"
        text = example.read_text(encoding="utf-8").replace("127.88.0.", f"{BLOCK}.")
        self.config.write_text(text.replace('anchors = "two"', f'anchors = "{anchors}"'), encoding="utf-8")
        (folder / "secrets").mkdir(exist_ok=True)
        for name in (
            "signing-k1",
            "partner-api-key",
            "partner-webhook",
            "platform-webhook",
            "agent-alice",
            "agent-bob",
        ):
            (folder / "secrets" / name).write_text(secrets.token_hex(16), encoding="utf-8")
        (folder / "secrets" / "edge-secret").write_text(SECRET + "\n", encoding="utf-8")
        argv = [
            sys.executable,
            "-m",
            "callseal.services.edge",
            "--config",
            str(self.config),
            "--edge",
            "edge-1",
        ]
        self.daemon = Daemon("edge agent", argv, log=folder / "agent.log")

    def notice(self, path: str, fields: Mapping[str, object], *, source: str = KAMAILIO) -> int:
        """Post a form from Kamailio's address; the status."""
        return self._post(f"/inlet/{path}", urlencode(fields).encode(), source, {})[0]

    def ask(self, path: str, **fields: object) -> tuple[int, Any]:
        """Post JSON as the desk."""
        headers = {"Authorization": f"Bearer {SECRET}", "Content-Type": "application/json"}
        return self._post(f"/v1/{path}", json.dumps(fields).encode(), DESK, headers)

    def ack(self, reference: str, leg: str, cseq: int, source: str = KAMAILIO) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.bind((source, 0))
            sender.sendto(f"ack {reference} {leg} {cseq}".encode(), (AGENT, 8023))

    def metrics(self) -> str:
        with urllib.request.urlopen(f"http://{AGENT}:8022/metrics", timeout=3) as page:
            text: str = page.read().decode()
            return text

    def rows(self) -> int:
        """Rows in the spool, read from the file beside the agent."""
        with sqlite3.connect(f"file:{self.state}?mode=ro", uri=True) as connection:
            (count,) = connection.execute("SELECT count(*) FROM outbox").fetchone()
        connection.close()
        return int(count)

    def files(self) -> bytes:
        """Everything the agent has on the disk, its log included."""
        paths = [*self.state.parent.glob("*"), self.daemon.log]
        return b"".join(path.read_bytes() for path in paths)

    def kill_hard(self) -> None:
        self.daemon.kill()

    def terminate(self) -> tuple[int, float]:
        """SIGTERM; exit code and seconds it took."""
        process = self.daemon.process
        assert process is not None
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        code = process.wait(timeout=10)
        return code, time.monotonic() - began

    @staticmethod
    def _post(path: str, body: bytes, source: str, headers: dict[str, str]) -> tuple[int, Any]:
        connection = http.client.HTTPConnection(AGENT, 8022, timeout=5, source_address=(source, 0))
        try:
            kind = {"Content-Type": "application/x-www-form-urlencoded"}
            connection.request("POST", path, body, kind | headers)
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text else None
        finally:
            connection.close()
