"""The desk as a process of its own, at the addresses of `desk_places`."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from pathlib import Path

from tests.support.desk_places import (
    API_KEY,
    EDGE_SECRET,
    OPERATOR_SECRET,
    PARTNER_WEBHOOK,
    PASSWORDS,
    PLATFORM_WEBHOOK,
)

ROOT = Path(__file__).parents[2]


class DeskProcess:
    """The desk as operators run it: `python -m callseal.services.desk`, from a deployment file."""

    def __init__(self, root: Path, *arguments: str) -> None:
        self.root = root
        self.config = root / "callseal.toml"
        self.log = root / "desk.log"
        self._arguments = arguments
        self._process: asyncio.subprocess.Process | None = None
        self._write()

    def _write(self) -> None:
        text = (ROOT / "examples/sandbox.toml").read_text(encoding="utf-8").replace("127.88.0.", "127.84.0.")
        self.config.write_text(text, encoding="utf-8")
        secrets = self.root / "secrets"
        secrets.mkdir(mode=0o700)
        for name, value in {
            "signing-k1": "0123456789abcdef0123456789abcdef",
            "partner-api-key": API_KEY,
            "partner-webhook": PARTNER_WEBHOOK,
            "platform-webhook": PLATFORM_WEBHOOK,
            "edge-secret": EDGE_SECRET,
            "operator-secret": OPERATOR_SECRET,
            "agent-alice": PASSWORDS["alice"],
            "agent-bob": PASSWORDS["bob"],
        }.items():
            (secrets / name).write_text(value, encoding="utf-8")
            (secrets / name).chmod(0o600)

    async def start(self) -> None:
        with self.log.open("ab") as log:
            mark = self.log.stat().st_size
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "callseal.services.desk",
                "--config",
                str(self.config),
                *self._arguments,
                stderr=log,
                env={**os.environ, "PYTHONWARNINGS": "error"},
            )
        deadline = time.monotonic() + 30
        while b'"ready"' not in self.log.read_bytes()[mark:]:
            assert self._process.returncode is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            await asyncio.sleep(0.02)

    async def kill(self) -> None:
        """SIGKILL: no goodbye."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        await self._process.wait()

    async def stop(self) -> int:
        """SIGTERM, and how it ended."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self._process.wait(), 10)

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None


def listening(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex((host, port)) == 0
