"""`callseal audit mask`: what passes, what does not, and what shows nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.call_capture import (
    AGENT_RTP,
    CUSTOMER_RTP,
    EDGE_TO_AGENT,
    EDGE_TO_CUSTOMER,
    Capture,
    Talk,
    secured_call,
    tones,
)
from tests.support.command_line import callseal

pytestmark = pytest.mark.integration

KEYS = "1234567890*#"
EXAMPLE = Path(__file__).parents[3] / "examples" / "sandbox.toml"
Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    def call(capture: Capture, fence: str = "unsafe-off") -> tuple[int, str]:
        path, deployment = tmp_path / "call.pcap", tmp_path / "callseal.toml"
        path.write_bytes(bytes(capture))
        example = EXAMPLE.read_text(encoding="utf-8")
        assert 'fence = "events"' in example
        deployment.write_text(
            example.replace('fence = "events"', f'fence = "{fence or "events"}"'), encoding="utf-8"
        )
        arguments = [str(path), *(["--deployment", str(deployment)] if fence else [])]
        done = callseal(capsys, monkeypatch, "audit", "mask", *arguments)
        return done.returncode, " ".join((done.stdout + done.stderr).split())

    return call


def tried(*, tone_keys: str = KEYS, **leak: Any) -> Capture:
    """A call in which the customer presses every key while secured, as events and as tones."""
    call = secured_call(keys=KEYS, **leak)
    sound = tones(tone_keys, milliseconds=60, gap=0.05)
    Talk(call, CUSTOMER_RTP, EDGE_TO_CUSTOMER, ssrc=80).say(2.3, sound)
    Talk(call, CUSTOMER_RTP, EDGE_TO_CUSTOMER, ssrc=81).press(2.3, "5", kind=119)
    return call


def test_a_mask_that_passes(run: Run) -> None:
    code, said = run(tried())
    assert (code, "PASSED mask_checked = true" in said) == (0, True), said
    assert "RFC 4733 12 keys pressed while secured, 12 different" in said
    assert "RFC 4733, type never agreed 1 keys" in said
    assert "in-band 12 keys pressed while secured, 12 different" in said
    assert "the agent got 0 keys, longest rest of a tone 0 ms" in said


@pytest.mark.parametrize(
    ("leak", "words"),
    [
        ({"leak_events": "4"}, "1 keys reached the agent's side"),
        ({"leak_info": "4"}, "1 keys reached the agent's side"),
        ({"leak": tones("4", milliseconds=18)}, "a rest of a tone of"),
    ],
    ids=["event", "INFO", "rest"],
)
def test_a_mask_that_leaks(run: Run, leak: dict[str, Any], words: str) -> None:
    code, said = run(tried(**leak))
    assert (code, "NOT PASSED" in said, words in said) == (3, True, True), said


def test_a_leak_outside_of_secured_is_not_the_masks(run: Run) -> None:
    call = tried()
    Talk(call, EDGE_TO_AGENT, AGENT_RTP, ssrc=70).press(0.6, "123")
    assert run(call)[0] == 0


@pytest.mark.parametrize(
    ("call", "fence", "words"),
    [
        (
            tried(tone_keys="123"),
            "unsafe-off",
            "in-band: 3 different keys were pressed while secured, all 12 are wanted",
        ),
        (tried(), "events", "the fence was events"),
        (tried(), "", "nobody says that there was no fence"),
    ],
    ids=["too few keys", "behind a fence", "fence unknown"],
)
def test_what_shows_nothing(run: Run, call: Capture, fence: str, words: str) -> None:
    code, said = run(call, fence)
    assert (code, "NOT SHOWN" in said, words in said) == (4, True, True), said
