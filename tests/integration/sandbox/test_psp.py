"""The PSP simulator as a process: its start, its end, its log."""

import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from callseal.lab.daemon import Daemon

pytestmark = pytest.mark.integration

LISTEN = "127.89.0.33:8033"
NUMBER = "4242424242424242"
BODY = {
    "card": {"number": NUMBER, "expiry": "1230", "security_code": "987"},
    "amount": 4250,
    "currency": "GBP",
    "reference": "order-1",
}


@pytest.fixture(autouse=True)
def as_it_was() -> None:
    """The folder's rig is the partner's; this process stands alone."""


@pytest.fixture
def psp(tmp_path: Path) -> Iterator[Daemon]:
    config = tmp_path / "psp.toml"
    config.write_text(f'listen = "{LISTEN}"\nanswer_ms = 5\ntimeout_ms = 60000\n')
    argv = [sys.executable, "-m", "callseal.services.psp", "--config", str(config)]
    with Daemon("psp", argv, log=tmp_path / "psp.log") as daemon:
        yield daemon.wait_ready()


@pytest.fixture
def http() -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=f"http://{LISTEN}", timeout=5, trust_env=False) as client:
        yield client


def charge(http: httpx2.Client, key: str, timeout: float = 5) -> httpx2.Response:
    return http.post("/v1/charges", json=BODY, headers={"Idempotency-Key": key}, timeout=timeout)


def test_a_charge_and_a_log_without_card_key_or_access_lines(psp: Daemon, http: httpx2.Client) -> None:
    assert http.get("/healthz").status_code == 200
    result = charge(http, "a-key-of-this-test").json()
    assert result["status"] == "approved"
    refused = {**BODY, "card": {**BODY["card"], "number": "4000000000000010"}}  # type: ignore[dict-item]
    answer = http.post("/v1/charges", json=refused, headers={"Idempotency-Key": "another-key"})
    assert answer.status_code == 422
    psp.stop()
    assert psp.exit_code == 0
    lines = [json.loads(line) for line in psp.log_text().splitlines()]
    assert [line["event"] for line in lines].count("ready") == 1
    assert [line["psp_reference"] for line in lines if line["event"] == "charge"] == [result["psp_reference"]]
    # A time, a process id or a reference may have three digits in common with a security code.
    said = re.sub(r'"at": "[^"]*"|\[\d+\]|"psp_reference": "[^"]*"', "", psp.log_text())
    for secret in ("a-key-of-this-test", "another-key", "4242", "987", "/v1/charges"):
        assert secret not in said


def test_a_client_that_gave_up_asks_later(psp: Daemon, http: httpx2.Client) -> None:
    assert psp.alive
    http.post("/faults", json={"kind": "answer_lost"}).raise_for_status()
    with pytest.raises(httpx2.ReadTimeout):
        charge(http, "lost", timeout=0.2)
    answer = http.get("/v1/charges/lost").json()
    assert answer["status"] == "approved"
    assert charge(http, "lost").json() == answer


def test_it_ends_within_three_seconds_even_in_the_middle_of_a_silence(
    psp: Daemon, http: httpx2.Client
) -> None:
    http.post("/faults", json={"kind": "timeout"}).raise_for_status()
    answers: list[int] = []
    waiting = threading.Thread(target=lambda: answers.append(charge(http, "late", 10).status_code))
    waiting.start()
    with httpx2.Client(base_url=f"http://{LISTEN}", trust_env=False) as other:
        deadline = time.monotonic() + 5
        while other.get("/v1/charges/late").status_code == 404:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    started = time.monotonic()
    psp.stop()
    waiting.join()
    assert time.monotonic() - started < 3
    assert (psp.exit_code, answers) == (0, [200])


def test_no_core_dump(psp: Daemon) -> None:
    limits = Path(f"/proc/{psp.pid}/limits").read_text()
    core = next(line for line in limits.splitlines() if line.startswith("Max core file size"))
    assert core.split()[4:6] == ["0", "0"]


@pytest.mark.parametrize("text", ['listen = "here"\n', "listen =\n", f'listen = "{LISTEN}"\nkey = 1\n'])
def test_a_wrong_configuration_is_exit_code_2(tmp_path: Path, text: str) -> None:
    config = tmp_path / "psp.toml"
    config.write_text(text)
    argv = [sys.executable, "-m", "callseal.services.psp", "--config", str(config)]
    ended = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False)
    assert ended.returncode == 2
    assert json.loads(ended.stderr)["event"] == "bad_configuration"
