"""The platform sandbox as a process, spoken to by Callseal's own adapter."""

import asyncio
import base64
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from callseal.lab.daemon import Daemon
from callseal.payments.ports import Refused, Unreachable
from callseal.platforms.webhook import WebhookPlatform, WebhookSettings
from callseal.wire.http_client import HttpClient

pytestmark = pytest.mark.integration

LISTEN = "127.89.0.41:8041"
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
REFERENCE = "0123456789abcdef" * 2


@pytest.fixture(autouse=True)
def as_it_was() -> None:
    """The folder's rig is the partner's; this process stands alone."""


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Daemon]:
    config = tmp_path / "platform.toml"
    config.write_text(f'listen = "{LISTEN}"\nwebhook_secret = "{SECRET}"\n')
    argv = [sys.executable, "-m", "callseal.services.platform", "--config", str(config)]
    with Daemon("platform", argv, log=tmp_path / "platform.log") as daemon:
        yield daemon.wait_ready()


def tell(
    what: Callable[[WebhookPlatform], Coroutine[Any, Any, None]],
    *,
    secret: str = SECRET,
    timeout_ms: int = 5_000,
) -> None:
    async def say() -> None:
        async with HttpClient() as http:
            settings = WebhookSettings(f"http://{LISTEN}/events", secret, timeout_ms)
            await what(WebhookPlatform(settings, http, lambda: time.time_ns() // 1_000_000))

    asyncio.run(say())


def pause(platform: WebhookPlatform) -> Coroutine[Any, Any, None]:
    return platform.pause_recording(reference=REFERENCE, key="k.1")


def seen() -> list[dict[str, Any]]:
    return list(httpx2.get(f"http://{LISTEN}/seen", trust_env=False).json())


def fault(kind: str) -> None:
    httpx2.post(f"http://{LISTEN}/faults", json={"kind": kind}, trust_env=False).raise_for_status()


def test_signed_messages_are_seen_and_the_log_has_no_secret(platform: Daemon) -> None:
    tell(pause)
    with pytest.raises(Refused):
        tell(pause, secret="whsec_" + base64.b64encode(b"another secret of some bytes").decode())
    assert [(one["type"], one["reference"]) for one in seen()] == [("recording.pause", REFERENCE)]
    platform.stop()
    assert platform.exit_code == 0
    events = [json.loads(line)["event"] for line in platform.log_text().splitlines()]
    assert [events.count(name) for name in ("ready", "event", "not_genuine")] == [1, 1, 1]
    for secret in (SECRET, SECRET.removeprefix("whsec_"), "/events"):
        assert secret not in platform.log_text()


def test_it_ends_within_three_seconds_even_in_the_middle_of_a_silence(platform: Daemon) -> None:
    fault("silent")
    failed: list[BaseException] = []

    def wait() -> None:
        try:
            tell(pause, timeout_ms=10_000)
        except Unreachable as error:
            failed.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    deadline = time.monotonic() + 5
    while not seen():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    started = time.monotonic()
    platform.stop()
    waiting.join()
    assert time.monotonic() - started < 3
    assert platform.exit_code == 0
    assert len(failed) == 1


def test_a_wrong_secret_is_exit_code_2_and_not_repeated(tmp_path: Path) -> None:
    config = tmp_path / "platform.toml"
    config.write_text(f'listen = "{LISTEN}"\nwebhook_secret = "plainly-wrong"\n')
    argv = [sys.executable, "-m", "callseal.services.platform", "--config", str(config)]
    ended = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False)
    assert ended.returncode == 2
    assert json.loads(ended.stderr)["event"] == "bad_configuration"
    assert "plainly-wrong" not in ended.stderr
