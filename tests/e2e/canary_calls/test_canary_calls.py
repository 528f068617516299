"""The canary on a clean world, and on one whose partner stopped masking: the digits of the test card are heard, and Secure is gone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import httpx2
import pytest

from callseal.lab.agent_desk import DeskError
from callseal.lab.story import DIALLED, PaidCall
from callseal.lab.world import AGENT_LOGIN
from tests.support.stage import Stage

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def clean(open_stage: Callable[..., Stage]) -> Stage:
    return without_phones(open_stage())


@pytest.fixture(scope="module")
def leaking(open_stage: Callable[..., Stage]) -> Stage:
    """The fence of the example stops events; tones are the partner's to mask, and it does not: the line is called secured."""
    return without_phones(open_stage(partner={"mask": False}))


def callseal(stage: Stage, *arguments: str) -> subprocess.CompletedProcess[str]:
    workspace = stage.world.workspace
    return subprocess.run(
        [sys.executable, "-m", "callseal.cli.main", *arguments],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
        env={**os.environ, "CALLSEAL_PASSWORD": workspace.secret(f"agent-{AGENT_LOGIN}")},
    )


def without_phones(stage: Stage) -> Stage:
    """The canary brings its own phones to the same addresses."""
    for phone in (stage.customer, stage.agent):
        phone.stop()
    return stage


def canary(stage: Stage, *arguments: str) -> subprocess.CompletedProcess[str]:
    root = stage.world.workspace.root
    phones = [
        part
        for name in ("customer", "agent")
        for part in (f"--{name}", str(root / f"phone-{name}" / f"{name}.toml"))
    ]
    return callseal(
        stage,
        "canary",
        str(stage.world.workspace.deployment),
        "--once",
        *("--login", AGENT_LOGIN, "--number", DIALLED, *phones, *arguments),
    )


def metrics(stage: Stage) -> dict[str, float]:
    text = httpx2.get(f"{stage.world.desk_url}/metrics", timeout=5).text
    return {
        name: float(value)
        for name, _, value in (line.rpartition(" ") for line in text.splitlines() if line[:1] != "#")
    }


def test_a_clean_path_stays_open(clean: Stage) -> None:
    done = canary(clean)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("CLEAN  no digit reached the agent's side; secured in ")
    now = metrics(clean)
    assert now['callseal_canary_calls_total{verdict="clean"}'] == 1
    assert now["callseal_canary_last_timestamp_seconds"] > 0
    assert 0 < now["callseal_canary_secure_seconds"] < 3
    assert now["callseal_canary_digits_heard"] == 0
    assert callseal(clean, "payments", "show", str(clean.world.workspace.deployment)).returncode == 0


def test_a_deaf_observer_is_no_evidence_and_switches_nothing(clean: Stage) -> None:
    """The ear listens where no packet of the agent's arrives."""
    subprocess.run(["ip", "link", "add", "deaf0", "type", "veth", "peer", "name", "deaf1"], check=True)
    try:
        subprocess.run(["ip", "link", "set", "deaf0", "up"], check=True)
        done = canary(clean, "--interface", "deaf0")
    finally:
        subprocess.run(["ip", "link", "delete", "deaf0"], check=True)
    assert done.returncode == 4, done.stdout + done.stderr
    assert done.stdout.startswith("DEAF  ")
    now = metrics(clean)
    assert now['callseal_canary_calls_total{verdict="deaf"}'] == 1
    assert now['callseal_payments_off{reason="canary_failed"}'] == 0


def test_a_digit_heard_takes_secure_away_until_a_person_gives_it_back(leaking: Stage) -> None:
    done = canary(leaking, "--press", "inband")
    assert done.returncode == 3, done.stdout + done.stderr
    assert done.stdout.startswith("DIGITS  ")
    assert "4242" not in done.stdout
    now = metrics(leaking)
    assert now['callseal_payments_off{reason="canary_failed"}'] == 1
    assert now["callseal_canary_digits_heard"] > 0

    with leaking.world.customer() as customer, leaking.world.agent() as agent:
        call = PaidCall(leaking.world, customer, agent, leaking.desk)
        shown = call.dial()
        assert shown["payments"] == {"allowed": False, "reason": "canary_failed"}
        assert shown["allowed"] == []
        with pytest.raises(DeskError, match="heard card digits"):
            call.desk.press(call.reference, "secure")

        file = str(leaking.world.workspace.deployment)
        assert callseal(leaking, "payments", "show", file).returncode == 1
        done = callseal(leaking, "payments", "on", file, "--by", "ada")
        assert (done.returncode, done.stdout) == (0, "payments are on\n"), done.stderr
        assert call.desk.call(call.reference)["allowed"] == ["secure"]
        assert metrics(leaking)['callseal_payments_off{reason="canary_failed"}'] == 0
        call.hang_up()
