"""Whole audits of made-up calls: every way a digit can get to the agent's side, and every reason why silence proves nothing."""

from __future__ import annotations

from typing import Any

import pytest

from callseal.wire.srtp import SUITES, Crypto
from tests.support.call_capture import (
    AGENT_RTP,
    EDGE_TO_AGENT,
    ENDS_AT,
    HOME_AT,
    SECURED_AT,
    Talk,
    murmur,
    secured_call,
    tones,
)
from tests.unit.audit.judging import verdict

pytestmark = pytest.mark.unit

CRYPTO = Crypto(1, SUITES["AES_CM_128_HMAC_SHA1_80"], bytes(range(16)), bytes(range(14)))
CODECS = ("PCMU", "PCMA", "G722", "OPUS")


@pytest.mark.parametrize("routes", [True, False], ids=["record-route", "inferred"])
def test_a_clean_call(routes: bool) -> None:
    said = verdict(secured_call(routes=routes))
    result = said["result"]
    assert (result["verdict"], result["reasons"]) == ("clean", [])
    assert (result["digits_to_agent"], result["digits_from_customer"]) == (0, 4)
    assert said["self_test"]["passed"]
    assert [one["kind"] for one in said["windows"]["list"]] == [
        "open",
        "securing",
        "secured",
        "restoring",
        "open",
    ]
    edges = [one["begin_ms"] for one in said["windows"]["list"]] + [said["windows"]["list"][-1]["end_ms"]]
    assert edges == pytest.approx([0, SECURED_AT * 1000, 2080, HOME_AT * 1000, 6080, ENDS_AT * 1000], abs=30)
    assert {(one["from"], one["to"]) for one in said["streams"]} == {
        ("edge", "agent"),
        ("customer", "edge"),
        ("agent", "edge"),
    }


LEAKS: list[tuple[str, dict[str, Any], str, int]] = [
    ("event", {"leak_events": "42"}, "event", 2),
    ("never negotiated", {"leak_events": "42", "leak_kind": 118}, "event", 2),
    ("under the audio's type", {"leak_events": "4", "leak_kind": 0}, "event", 1),
    ("tone", {"leak": tones("42#")}, "tone", 3),
    ("faint tone", {"leak": tones("42", dbm0=-48)}, "tone", 2),
    ("short tone", {"leak": tones("42", milliseconds=40, gap=0.05)}, "tone", 2),
    ("both", {"leak": tones("4"), "leak_events": "4"}, "event", 1),
]


@pytest.mark.parametrize(("leak", "way", "count"), [row[1:] for row in LEAKS], ids=[row[0] for row in LEAKS])
def test_every_leak_is_found_and_named(leak: dict[str, Any], way: str, count: int) -> None:
    said = verdict(secured_call(**leak))
    assert said["result"]["verdict"] == "digits"
    secured = [
        one
        for stream in said["streams"]
        if stream["judged"]
        for one in stream["windows"]
        if one["window"] == 2
    ]
    assert sum(one["digits"][way] for one in secured) == count


@pytest.mark.parametrize("codec", CODECS)
def test_tones_in_every_codec(codec: str) -> None:
    assert verdict(secured_call(codec=codec))["result"]["verdict"] == "clean"
    said = verdict(secured_call(codec=codec, leak=tones("19", dbm0=-40)))
    assert (said["result"]["verdict"], said["result"]["digits_to_agent"]) == ("digits", 2)
    assert said["self_test"]["codecs"][0]["codec"] == codec


def test_a_digit_in_sip() -> None:
    said = verdict(secured_call(leak_info="73"))
    assert (said["result"]["verdict"], said["result"]["digits_to_agent"]) == ("digits", 2)
    assert [(one["to"], one["info_digits"]) for one in said["messages"]] == [("agent", 2)]


def test_a_fragment_is_measured_and_is_no_digit() -> None:
    said = verdict(secured_call(leak=tones("5", milliseconds=18, dbm0=-20)))
    result = said["result"]
    assert result["verdict"] == "clean"
    assert 8 <= result["longest_fragment_ms"] <= 30
    assert abs(result["loudest_tone_dbm0_x10"] + 200) < 15


def test_digits_while_the_line_is_open_are_nobodys_business() -> None:
    call = secured_call()
    Talk(call, EDGE_TO_AGENT, AGENT_RTP, ssrc=70).press(0.6, "123")
    Talk(call, EDGE_TO_AGENT, AGENT_RTP, ssrc=71).press(HOME_AT + 0.5, "45")
    assert verdict(call)["result"]["verdict"] == "clean"


def test_a_stray_stream_to_another_port_of_the_agent_counts() -> None:
    call = secured_call()
    stray = Talk(call, EDGE_TO_AGENT, (AGENT_RTP[0], 40000), ssrc=70)
    stray.press(stray.say(2.5, murmur(0.5)), "1")
    assert verdict(call)["result"]["digits_to_agent"] == 1


@pytest.mark.parametrize("moment", ["securing", "restoring"])
def test_between_the_two_re_invites_counts(moment: str) -> None:
    call = secured_call()
    other = Talk(call, EDGE_TO_AGENT, AGENT_RTP, ssrc=70)
    other.press((SECURED_AT if moment == "securing" else HOME_AT) + 0.03, "8", milliseconds=40)
    said = verdict(call)
    assert said["result"]["verdict"] == "digits"
    number = next(n for n, one in enumerate(said["windows"]["list"]) if one["kind"] == moment)
    assert (
        sum(
            w["digits"]["event"]
            for s in said["streams"]
            for w in s["windows"]
            if w["window"] == number and s["judged"]
        )
        == 1
    )
