"""Other people's captures: one side only, no SIP, several files, several calls, broken files."""

from __future__ import annotations

import gzip
import io
from typing import Any

import numpy as np
import pytest

from callseal.audit.captures import CaptureError, Named
from callseal.audit.command import Options, audit
from tests.support.call_capture import BEGIN, Capture, Talk, hush, message, murmur, sdp, secured_call, tones
from tests.unit.audit.judging import verdict, verdicts

pytestmark = pytest.mark.unit


def test_the_agents_side_alone() -> None:
    said = verdict(secured_call(agent_only=True))
    assert (said["windows"]["known_by"], said["result"]["verdict"]) == ("unknown", "clean")
    leaking = secured_call(agent_only=True, leak_events="1")
    assert verdict(leaking)["result"]["verdict"] == "no_evidence"
    told = verdict(leaking, stretches=((2.0, 6.0),), relative=True)
    assert (told["windows"]["known_by"], told["result"]["verdict"]) == ("given", "digits")
    assert verdict(leaking, stretches=((BEGIN + 6, BEGIN + 7),))["result"]["verdict"] == "clean"


def test_windows_from_the_calls_record() -> None:
    record = {
        "secured": [{"pressed_at": (BEGIN + 2) * 1000, "home_at": (BEGIN + 6) * 1000}, {"pressed_at": None}],
        "ended_at": None,
    }
    said = verdict(secured_call(agent_only=True, leak_events="1"), record=record)
    assert (said["windows"]["known_by"], said["result"]["verdict"]) == ("record", "digits")
    with pytest.raises(CaptureError, match="not a call's record"):
        verdict(secured_call(), record={"x": 1})


def test_no_sip_at_all() -> None:
    capture = Capture()
    Talk(capture, ("192.0.2.1", 4000), ("192.0.2.2", 4000)).say(0, murmur(3))
    said = verdict(capture)
    assert (said["call"]["name"], said["windows"]["known_by"]) == ("capture", "unknown")
    assert said["result"]["verdict"] == "clean"
    Talk(capture, ("192.0.2.2", 4000), ("192.0.2.1", 4000), ssrc=5).say(
        0, np.concatenate((murmur(1), tones("12"), hush(1)))
    )
    assert verdict(capture)["result"]["digits_to_agent"] == 2
    assert verdict(capture, agent="192.0.2.2")["result"]["digits_to_agent"] == 0
    assert verdict(capture, agent="192.0.2.1")["result"]["digits_to_agent"] == 2


def test_who_the_agent_is_may_be_said_against_the_guess() -> None:
    """One dialog of somebody else's: the guess is told with its way out, and is gone when the agent is given."""
    caller, callee = "192.0.2.1", "192.0.2.2"
    call = Capture()
    call.sip(0, caller, callee, message("INVITE", 1, "x@x"), sdp((caller, 4000)))
    call.sip(0.1, callee, caller, message("INVITE", 1, "x@x", status=200), sdp((callee, 4000)))
    Talk(call, (caller, 4000), (callee, 4000)).say(0.2, murmur(1))
    Talk(call, (callee, 4000), (caller, 4000), ssrc=2).say(0.2, murmur(1, seed=2))

    def judged(said: dict[str, Any]) -> list[tuple[str, str]]:
        return [(one["source"], one["from"]) for one in said["streams"] if one["judged"]]

    guessed = verdict(call)
    assert guessed["call"]["roles_known_by"] == "inferred"
    assert any("the caller is taken for the customer" in one and "--agent" in one for one in guessed["notes"])
    assert judged(guessed) == [(f"{caller}:4000", "customer")]
    given = verdict(call, agent=caller)
    assert given["call"]["roles_known_by"] == "given"
    assert not any("taken for" in one for one in given["notes"])
    assert judged(given) == [(f"{callee}:4000", "customer")]


def test_a_b2bua_that_always_has_the_media_has_no_secured_window() -> None:
    call = secured_call(routes=False)
    call.records = [row for row in call.records if b"re-INVITE" not in row[1]]
    moved = [
        (at, frame.replace(b"c=IN IP4 192.0.2.21", b"c=IN IP4 192.0.2.99"))
        if frame[12:16] == bytes((192, 0, 2, 130))
        else (at, frame)
        for at, frame in call.records
    ]
    said = verdict(Capture(moved))
    assert said["windows"]["known_by"] == "unknown"


def test_one_call_of_several() -> None:
    call = secured_call()
    other = secured_call(leak_events="1")
    for at, frame in other.records:
        renamed = frame.replace(b"-leg@x", b"-leg@y").replace(b"ab" * 16, b"cd" * 16)
        call.records.append((at + 20, renamed))
    both = verdicts(call)
    assert [one["result"]["verdict"] for one in both] == ["clean", "digits"]
    assert both[1]["chain"]["index"] == 2
    assert verdict(call, call="cd" * 16)["result"]["verdict"] == "digits"
    assert verdict(call, call="customer-leg@x")["result"]["verdict"] == "clean"
    with pytest.raises(CaptureError, match="not in the capture"):
        verdicts(call, call="nobody")


def test_several_files_are_one_capture() -> None:
    call = sorted(secured_call(leak_events="42").records)
    halves = [Capture(call[: len(call) // 2]), Capture(call[len(call) // 2 :])]
    for order in (halves, halves[::-1]):
        found = audit(
            [Named(str(n), io.BytesIO(bytes(half))) for n, half in enumerate(order)], Options(), made_at=1
        )
        assert found[0].verdict["result"]["digits_to_agent"] == 2
        assert len(found[0].verdict["capture"]["files"]) == 2


def test_gzip_says_the_same_and_has_its_own_hash() -> None:
    data = bytes(secured_call(leak_events="7"))
    packed, plain = verdict(gzip.compress(data)), verdict(data)
    assert packed["result"] == plain["result"]
    assert packed["capture"]["files"][0]["sha256"] != plain["capture"]["files"][0]["sha256"]


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "the file is empty"),
        (b"GIF89a", "neither pcap nor pcapng"),
        (bytes(Capture()), "neither RTP nor a call"),
        (bytes(Capture())[:10], "ends within its file header"),
        (gzip.compress(b"", mtime=0), "the file is empty"),
        (gzip.compress(bytes(secured_call()), mtime=0)[:40], "cannot be read further"),
    ],
    ids=["empty", "a picture", "no packet", "cut in its header", "gzip of nothing", "gzip cut short"],
)
def test_files_that_hold_nothing(data: bytes, what: str) -> None:
    with pytest.raises(CaptureError, match=what):
        verdicts(data)
