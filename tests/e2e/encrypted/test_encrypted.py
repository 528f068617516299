"""A paid call over TLS, on both tested rows: partner and platform always, the carrier over UDP on one and over TLS on the other."""

from __future__ import annotations

import re
import time
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from callseal.edge.certificates import METRIC
from callseal.lab.authority import Authority
from callseal.lab.encryption import NAMES
from callseal.lab.rootfs import BASELINE, COMPATIBILITY
from tests.e2e.operate.operator import run
from tests.support.stage import Stage, voices_flow
from tests.support.tls_peer import certificate_shown

pytestmark = [pytest.mark.e2e, pytest.mark.compat]

WORLDS = {
    BASELINE: frozenset({"partner", "platform"}),
    COMPATIBILITY: frozenset({"carrier", "partner", "platform"}),
}


@pytest.fixture(scope="module", params=WORLDS)
def encrypted(request: pytest.FixtureRequest, open_stage: Callable[..., Stage]) -> Stage:
    return open_stage(suite=request.param, tls=WORLDS[request.param])


def test_a_paid_call(encrypted: Stage) -> None:
    call = encrypted.call()
    call.dial()
    encrypted.ear.mark("press")
    assert call.pay()["result"]["outcome"] == "approved"
    encrypted.ear.mark("restored")
    heard = encrypted.ear.heard("press", "restored")
    assert heard.listened, heard
    assert heard.clean, heard
    call.hang_up()


def test_the_edge_says_how_long_its_certificates_are_good(encrypted: Stage) -> None:
    """Those that it shows and trusts, as an alarm reads it; a renewed file is seen at once."""
    assert set(days_left(encrypted)) == {"edge.pem", "ca.pem"}
    assert all(days > 0.5 for days in days_left(encrypted).values())
    folder, now = encrypted.world.workspace.root / "tls", datetime.fromtimestamp(time.time(), UTC)
    Authority.at(folder, "", now).issue(
        NAMES["edge"], now=now, addresses=encrypted.world.block.kamailios, lifetime=timedelta(hours=2)
    ).write(folder, "edge")
    assert days_left(encrypted)["edge.pem"] < 0.1


def days_left(stage: Stage) -> dict[str, float]:
    with urllib.request.urlopen(f"http://{stage.world.block.edge_agent}:8022/metrics", timeout=3) as answer:
        page = answer.read().decode()
    found = re.findall(rf'(?m)^{METRIC}{{file="([^"]+)"}} (\S+)$', page)
    return {file: float(seconds) / 86_400 for file, seconds in found}


def test_a_renewed_certificate_is_shown_after_a_reload(encrypted: Stage) -> None:
    """`callseal reload`, as the how-to says, while a call is up: it is paid afterwards."""
    folder, now = encrypted.world.workspace.root / "tls", datetime.fromtimestamp(time.time(), UTC)
    call = encrypted.call()
    call.dial()
    before = certificate_shown(encrypted)
    Authority.at(folder, "", now).issue(
        NAMES["edge"], now=now, addresses=encrypted.world.block.kamailios
    ).write(folder, "edge")
    assert certificate_shown(encrypted) == before
    done = run(encrypted, "reload")
    assert done.returncode == 0, done.stdout + done.stderr
    deadline = time.monotonic() + 5
    while certificate_shown(encrypted) == before:
        assert time.monotonic() < deadline, "the old certificate is still shown"
        time.sleep(0.05)
    voices_flow(encrypted)
    assert call.pay()["result"]["outcome"] == "approved"
    call.hang_up()
