"""Digits stay out of everything a phone writes, with its own log as loud as it can be set."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from callseal.phones.commands import Method
from tests.integration.phones.conftest import AGENT, CUSTOMER, MakePhone

pytestmark = pytest.mark.integration

DIGITS = "4242424242424242"
HALF = DIGITS[:8]  # fewer would be found in somebody's timestamp now and then


def test_no_digit_in_any_file_or_event(make_phone: MakePhone, tmp_path: Path) -> None:
    customer = make_phone("customer", CUSTOMER, log_file=str(tmp_path / "customer.log"), log_level=3)
    agent = make_phone("agent", AGENT, auto_answer=True, log_file=str(tmp_path / "agent.log"), log_level=3)
    customer.call(f"sip:agent@{AGENT}")
    customer.wait("answered")
    methods: tuple[Method, ...] = ("rfc4733", "info", "inband")
    for method in methods:
        customer.press(DIGITS, method, duration_ms=40, gap_ms=40)
    agent.wait("dtmf", method="info", count=16)
    customer.hangup()
    agent.wait("ended")
    customer.stop()
    agent.stop()

    written = {path.name: path.read_text(errors="replace") for path in tmp_path.iterdir()}
    assert {"customer.log", "agent.log", "customer.err", "agent.err"} <= set(written)
    assert "pjsua version" in written["agent.log"]  # the logs are real
    for name, content in written.items():
        assert "Signal=" not in content, name
        assert HALF not in content, name
        # PJSIP's own words when it says digits, one by one.
        if not name.endswith(".toml"):
            assert "DTMF" not in content, name
            assert "digit" not in content.lower(), name
    assert HALF not in str(customer.events) + str(agent.events)


def test_core_files_are_off(make_phone: MakePhone) -> None:
    agent = make_phone("agent", AGENT)
    assert resource.prlimit(agent.pid, resource.RLIMIT_CORE) == (0, 0)


def test_digits_are_not_on_the_command_line_or_in_the_environment(make_phone: MakePhone) -> None:
    agent = make_phone("agent", AGENT, auto_answer=True)
    customer = make_phone("customer", CUSTOMER)
    customer.call(f"sip:agent@{AGENT}")
    customer.wait("answered")
    customer.press(HALF)
    agent.wait("dtmf", count=8)
    for phone in (customer, agent):
        process = Path(f"/proc/{phone.pid}")
        assert HALF.encode() not in (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
