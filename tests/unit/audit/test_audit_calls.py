"""Whole audits of made-up calls: every way a digit can get to the agent's side, and every reason why silence proves nothing."""

from __future__ import annotations

import gzip
import io
import json
from typing import Any

import numpy as np
import pytest

from callseal.audit import tone_scan, windows
from callseal.audit.captures import CaptureError, Named
from callseal.audit.command import Options, as_text, audit, sealed
from callseal.audit.report import page
from callseal.wire.srtp import SUITES, Crypto
from tests.support.call_capture import (
    AGENT_RTP,
    BEGIN,
    EDGE,
    EDGE_TO_AGENT,
    EDGE_TO_CUSTOMER,
    ENDS_AT,
    HOME_AT,
    SECURED_AT,
    Capture,
    Talk,
    hush,
    message,
    murmur,
    sdp,
    secured_call,
    tones,
)

pytestmark = pytest.mark.unit

CRYPTO = Crypto(1, SUITES["AES_CM_128_HMAC_SHA1_80"], bytes(range(16)), bytes(range(14)))
CODECS = ("PCMU", "PCMA", "G722", "OPUS")


def verdicts(data: Capture | bytes, **options: Any) -> list[dict[str, Any]]:
    return sealed(
        audit([Named("call.pcap", io.BytesIO(bytes(data)))], Options(**options), made_at=1_790_000_000)
    )


def verdict(data: Capture | bytes, **options: Any) -> dict[str, Any]:
    (one,) = verdicts(data, **options)
    return one


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


# -- why silence proves nothing ------------------------------------------------------------------------------------


def test_srtp_without_leave_is_no_evidence() -> None:
    said = verdict(secured_call(crypto=CRYPTO))
    assert said["result"]["verdict"] == "no_evidence"
    assert any("encrypted" in one for one in said["result"]["reasons"])


def test_srtp_with_leave_is_opened() -> None:
    assert verdict(secured_call(crypto=CRYPTO), keys=True)["result"]["verdict"] == "clean"
    assert verdict(secured_call(crypto=CRYPTO, leak_events="1"), keys=True)["result"]["digits_to_agent"] == 1
    assert verdict(secured_call(crypto=CRYPTO, leak=tones("9")), keys=True)["result"]["digits_to_agent"] == 1


def test_a_deaf_detector_fails_its_self_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tone_scan, "MIN_SHARE", 1.1)
    monkeypatch.setattr(tone_scan, "LONG_SHARE", 1.1)
    said = verdict(secured_call(leak=tones("42")))
    assert said["result"]["verdict"] == "no_evidence"
    assert "the self-test did not pass" in said["result"]["reasons"]
    assert (said["self_test"]["codecs"][0]["tone"], said["self_test"]["codecs"][0]["event"]) == (False, True)


def test_an_observer_blind_for_events_fails_its_self_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callseal.audit.rtp_stream.events_in", lambda *_args, **_more: iter(()))
    said = verdict(secured_call(leak_events="42"))
    assert said["result"]["verdict"] == "no_evidence"
    assert not said["self_test"]["codecs"][0]["unnegotiated_event"]


def test_a_detector_that_hears_too_late_a_level_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tone_scan, "QUIETEST_RMS", 200.0)
    assert verdict(secured_call())["result"]["verdict"] == "no_evidence"


@pytest.mark.parametrize("routes", [True, False], ids=["record-route", "inferred"])
def test_a_call_that_was_offered_to_a_dead_partner_first(routes: bool) -> None:
    """The partner of a call is who took it, not who was asked first: else nothing of it would be seen as secured."""
    call = secured_call(routes=routes)
    route = f";v=1;k=1;lg=c;rn=1;d=i;rf={'ab' * 16};sg={'0' * 32}" if routes else ""
    for at in (0.005, 0.008):
        first = message("INVITE", 1, "customer-leg@x", route=route)
        call.sip(at, EDGE, "203.0.113.130", first, sdp(EDGE_TO_CUSTOMER))
    said = verdict(call)
    assert said["result"]["verdict"] == "clean"
    assert said["result"]["digits_from_customer"] == 4
    assert said["result"]["guarded_ms"] > 3000


def test_a_capture_that_ends_while_secured() -> None:
    whole = bytes(secured_call())
    cut = whole[: int(len(whole) * 0.6)]
    said = verdict(cut)
    assert said["result"]["verdict"] == "no_evidence"
    assert not said["capture"]["complete"]
    assert any("ends while the line is secured" in one for one in said["result"]["reasons"])
    assert any("cut off" in one for one in said["unseen"])
    assert said["result"]["digits_from_customer"] == 4, "what was seen is told all the same"


def test_a_capture_cut_after_the_call_is_as_good_as_whole() -> None:
    said = verdict(bytes(secured_call()) + b"\x01\x02\x03")
    assert (said["result"]["verdict"], said["capture"]["complete"]) == ("clean", False)


def test_gaps_towards_the_agent() -> None:
    """A fence leaves gaps; a lossy capture too. What the ends sent tells them apart."""

    def without(call: Capture, *ports: int) -> Capture:
        kept = [
            (at, frame)
            for number, (at, frame) in enumerate(call.records)
            if not (
                int.from_bytes(frame[20:22], "big") in ports
                and BEGIN + 3 < at < BEGIN + 5
                and number % 3 == 0
            )
        ]
        return Capture(kept)

    fenced = verdict(without(secured_call(), EDGE_TO_AGENT[1]))
    assert fenced["result"]["verdict"] == "clean"
    assert fenced["result"]["lost_to_agent"] > 20
    lossy = verdict(without(secured_call(), EDGE_TO_AGENT[1], 20000))
    assert lossy["result"]["verdict"] == "no_evidence"


def test_no_media_to_the_agent() -> None:
    call = secured_call()
    call.records = [
        row
        for row in call.records
        if row[1][22:24] != (20000).to_bytes(2, "big") or row[1][16:20] != bytes((198, 51, 100, 140))
    ]
    said = verdict(call)
    assert said["result"]["verdict"] == "no_evidence"
    assert "no media towards the agent's side is in the capture" in said["result"]["reasons"]


# -- other people's captures ---------------------------------------------------------------------------------------


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


# -- what a verdict holds ------------------------------------------------------------------------------------------


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
