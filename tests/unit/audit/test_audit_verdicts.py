"""What a verdict holds and what it must not."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from callseal.audit import windows
from callseal.audit.captures import Named
from callseal.audit.command import Options, as_text, audit, sealed
from callseal.audit.report import page
from tests.support.call_capture import Capture, Talk, secured_call, tones
from tests.unit.audit.judging import verdict

pytestmark = pytest.mark.unit


def test_it_is_bound_to_call_capture_and_configuration() -> None:
    one, other = verdict(secured_call()), verdict(secured_call(keys="123"))
    assert one["call"]["call_ids"] == ["customer-leg@x", "agent-leg@x"]
    assert one["capture"]["files"][0]["sha256"] != other["capture"]["files"][0]["sha256"]
    assert one["configuration"]["sha256"] == other["configuration"]["sha256"]
    assert verdict(secured_call(), keys=True)["configuration"]["sha256"] != one["configuration"]["sha256"]
    hashed = verdict(secured_call(), deployment=b"schema = 1")["configuration"]
    assert len(hashed["deployment_sha256"]) == 64


def test_it_has_no_fractions_and_says_the_same_twice() -> None:
    def no_floats(value: Any) -> bool:
        if isinstance(value, dict):
            return all(no_floats(one) for one in value.values())
        if isinstance(value, list):
            return all(no_floats(one) for one in value)
        return not isinstance(value, float)

    first = verdict(secured_call(leak=tones("5", milliseconds=20)))
    assert no_floats(first)
    assert first == verdict(secured_call(leak=tones("5", milliseconds=20)))


def test_neither_verdict_nor_text_nor_page_holds_the_digits() -> None:
    typed = "8675309"
    found = audit(
        [
            Named(
                "call.pcap", io.BytesIO(bytes(secured_call(keys=typed, leak_events=typed, leak=tones(typed))))
            )
        ],
        Options(),
        made_at=1,
    )
    rows = sealed(found)
    texts = [
        json.dumps(rows),
        "\n".join(as_text(rows[0])),
        page([one.case for one in found], rows),
        repr(found),
    ]
    for text in texts:
        assert typed not in text
        assert " ".join(typed) not in text
        assert ", ".join(repr(one) for one in typed) not in text
    assert rows[0]["result"]["digits_to_agent"] == 13  # the last tone comes after the line is home


def test_the_page_needs_nothing_from_outside() -> None:
    found = audit([Named("<b>.pcap", io.BytesIO(bytes(secured_call(leak_events="1"))))], Options(), made_at=1)
    text = page([one.case for one in found], sealed(found))
    assert "<b>.pcap" not in text
    for word in ("http://", "https://", "<script", "src=", "url(", "@import", "<link"):
        assert word not in text
    assert "prefers-color-scheme: dark" in text
    assert "1 digit reached the agent&#x27;s side" in text
    assert text.count('class="event"') >= 2


def test_windows_that_somebody_names() -> None:
    found = windows.given([(2.0, 3.0), (2.5, 4.0), (9.0, 20.0), (-5.0, -1.0)], 0.0, 10.0)
    assert [(one.kind, one.begin, one.end, one.complete) for one in found.windows] == [
        ("open", 0.0, 2.0, True),
        ("secured", 2.0, 3.0, True),
        ("secured", 3.0, 4.0, True),
        ("open", 4.0, 9.0, True),
        ("secured", 9.0, 10.0, False),
    ]


def test_one_window_is_not_windows() -> None:
    said = verdict(secured_call(agent_only=True), stretches=((2.0, 6.0),), relative=True)
    assert any("1 guarded window, 4.0 s" in one for one in as_text(said))
    assert any("3 guarded windows, " in one for one in as_text(verdict(secured_call())))


def test_events_alone_cannot_test_the_observer() -> None:
    capture = Capture()
    Talk(capture, ("192.0.2.2", 4000), ("192.0.2.1", 4000)).press(0, "1", gap=0)
    said = verdict(capture)
    assert any(one.startswith("the observer was not tested") for one in said["result"]["reasons"])
    told = as_text(said)
    assert any("self-test not possible" in one for one in told)
    assert any("--window or --record" in one for one in told)
