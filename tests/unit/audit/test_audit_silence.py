"""Why silence proves nothing: deaf detectors, gaps, cut captures, keys that were not allowed."""

from __future__ import annotations

import pytest

from callseal.audit import tone_scan
from tests.support.call_capture import (
    BEGIN,
    EDGE,
    EDGE_TO_AGENT,
    EDGE_TO_CUSTOMER,
    Capture,
    message,
    sdp,
    secured_call,
    tones,
)
from tests.unit.audit.judging import verdict
from tests.unit.audit.test_audit_calls import CRYPTO

pytestmark = pytest.mark.unit


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
