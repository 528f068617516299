"""Media moves to the partner and home again: both orders, every refusal, every hang-up."""

from __future__ import annotations

import time

import pytest

from callseal.wire.sdp import SessionDescription
from tests.integration.sandbox.rig import AGENT_VOICE, CUSTOMER_VOICE, MEDIA, LiveCall, Rig
from tests.integration.sandbox.voice import target_of

pytestmark = pytest.mark.integration

ORDERS = {"agent-first": ("agent", "customer"), "customer-first": ("customer", "agent")}
CARD = {"fields": ["card_number", "expiry", "security_code"]}


def talking(call: LiveCall) -> bool:
    return call.agent_voice.hears(CUSTOMER_VOICE) and call.customer_voice.hears(AGENT_VOICE)


@pytest.mark.parametrize("order", list(ORDERS))
def test_there_and_back_twice(rig: Rig, order: str) -> None:
    rig.switch(reinvite_order=order)
    first, second = ORDERS[order]
    call = rig.call()
    versions = [SessionDescription.parse(call.offer.body).version]
    for _ in range(2):
        assert call.post("secure").status_code == 202
        moved = [call.accept_reinvite(first), call.accept_reinvite(second)]
        call.wait("session.secured")
        assert call.state() == "secured"
        assert [target_of(request.body)[0] for request in moved] == [MEDIA, MEDIA]
        assert talking(call)
        home = call.release(order=(first, second))
        bodies = {first: home[0].body, second: home[1].body}
        assert target_of(bodies["agent"]) == target_of(call.customer_voice.sdp())
        assert target_of(bodies["customer"]) == target_of(call.agent_voice.sdp())
        assert call.state() == "home"
        assert talking(call)
        agents = [moved, home][0] if first == "agent" else moved[::-1]
        versions += [SessionDescription.parse(agents[0].body).version]
        versions += [SessionDescription.parse(bodies["agent"]).version]
    assert versions == sorted(set(versions)), "one session, each change a greater version (RFC 3264, 8)"
    call.hang_up()


@pytest.mark.parametrize(("status", "reason"), [(488, "refused"), (603, "refused")])
def test_the_first_leg_refuses(rig: Rig, status: int, reason: str) -> None:
    call = rig.call()
    call.post("secure")
    call.refuse_reinvite("agent", status)
    assert call.wait("session.secure_failed")["reason"] == reason
    assert call.state() == "home"
    assert talking(call)
    assert call.customer.peer.untaken("INVITE") == []
    call.secure()  # a second attempt is free to work
    call.release()
    call.hang_up()


def test_the_second_leg_refuses_and_the_first_goes_home(rig: Rig) -> None:
    call = rig.call()
    call.post("secure")
    call.accept_reinvite("agent")
    call.refuse_reinvite("customer", 488)
    home = call.accept_reinvite("agent")
    assert target_of(home.body) == target_of(call.customer_voice.sdp())
    assert call.wait("session.secure_failed")["reason"] == "refused"
    assert call.state() == "home"
    assert talking(call)
    call.hang_up()


def test_glare_is_waited_out(rig: Rig) -> None:
    call = rig.call()
    call.post("secure")
    started = time.monotonic()
    call.refuse_reinvite("agent", 491)
    call.accept_reinvite("agent")
    # RFC 3261, 14.1: the partner chose this leg's Call-ID, so it waits 2.1 to 4.0 s; on the other leg 0 to 2 s.
    assert 2.0 < time.monotonic() - started < 5.0
    call.refuse_reinvite("customer", 491)
    started = time.monotonic()
    call.accept_reinvite("customer")
    assert time.monotonic() - started < 3.0
    call.wait("session.secured")
    call.release()
    call.hang_up()


def test_a_session_refresh_does_not_undo_it(rig: Rig) -> None:
    call = rig.call()
    call.secure()
    for side in ("agent", "customer"):
        dialog, voice = call.dialog(side), call.voice(side)
        cseq = dialog.request("INVITE", sdp=voice.sdp(9))
        answer = dialog.answered(cseq)
        assert answer.status == 200
        assert target_of(answer.body) == voice.target
        dialog.ack(cseq)
    assert call.state() == "secured"
    assert call.customer.peer.untaken("INVITE") == []
    assert talking(call)
    call.release()
    assert talking(call)
    call.hang_up()


def test_hold_while_secured_is_answered_here(rig: Rig) -> None:
    call = rig.call()
    call.secure()
    cseq = call.agent.request("INVITE", sdp=call.agent_voice.sdp(9, "sendonly"))
    answer = call.agent.answered(cseq)
    assert answer.status == 200
    assert "a=recvonly" in answer.body
    call.agent.ack(cseq)
    assert call.customer.peer.untaken("INVITE") == []
    call.release()
    call.hang_up()


def test_a_leg_that_will_not_go_home_is_stuck_until_it_will(rig: Rig) -> None:
    call = rig.call()
    call.secure()
    call.post("release")
    call.refuse_reinvite("agent", 488)
    assert call.wait("session.released") == {
        "session": call.session,
        "seq": 2,
        "by": "desk",
        "legs": "stuck",
    }
    assert call.state() == "stuck"
    assert call.post("capture", CARD).status_code == 409
    assert talking(call)  # both still here
    call.post("release")
    call.accept_reinvite("agent")
    call.accept_reinvite("customer")
    assert call.wait("session.released", 2)["legs"] == "home"
    assert talking(call)
    call.hang_up()


def test_release_while_it_is_still_moving(rig: Rig) -> None:
    call = rig.call()
    call.post("secure")
    call.accept_reinvite("agent")
    assert call.post("release").status_code == 202
    for side in ("customer", "agent", "customer"):
        call.accept_reinvite(side)
    assert call.wait("session.released")["legs"] == "home"
    assert call.state() == "home"
    call.hang_up()


def test_release_at_home_is_a_yes(rig: Rig) -> None:
    call = rig.call()
    assert call.post("release").status_code == 202
    assert call.wait("session.released")["legs"] == "home"
    call.hang_up()


@pytest.mark.parametrize("side", ["customer", "agent"])
@pytest.mark.parametrize(
    "state", ["home", "securing", "secured", "capturing", "captured", "restoring", "stuck"]
)
def test_a_hang_up_in_every_state(rig: Rig, state: str, side: str) -> None:
    call = rig.call()
    if state not in ("home", "securing"):
        call.secure()
    if state in ("capturing", "captured"):
        call.post("capture", {"fields": ["security_code"]})
        call.customer_voice.press("123")
    if state == "captured":
        call.wait("capture.completed")
    if state == "capturing":
        call.post("capture", {"fields": ["card_number"]})
    if state == "securing":
        call.post("secure")
        call.agent.incoming("INVITE")
    if state in ("restoring", "stuck"):
        call.post("release")
        if state == "stuck":
            call.refuse_reinvite("agent", 488)
        else:
            call.agent.incoming("INVITE")
    call.wait_state(state)
    other = "agent" if side == "customer" else "customer"
    cseq = call.dialog(side).request("BYE")
    assert call.dialog(side).answered(cseq, "BYE").status == 200
    call.dialog(other).reply(call.dialog(other).incoming("BYE"), 200)
    assert call.wait("session.ended")["by"] == side
    assert rig.get("/v1/session", token=call.token).status_code == 404
    assert rig.rtpengine.alive


def test_it_leaves_by_itself(rig: Rig) -> None:
    rig.switch(leave_secure_after_ms=200)
    call = rig.call()
    call.secure()
    call.accept_reinvite("agent")
    call.accept_reinvite("customer")
    released = call.wait("session.released")
    assert (released["by"], released["legs"]) == ("partner", "home")
    call.hang_up()


def test_it_refuses(rig: Rig) -> None:
    rig.switch(refuse_secure=True)
    call = rig.call()
    call.post("secure")
    assert call.wait("session.secure_failed")["reason"] == "refused"
    assert call.customer.peer.untaken("INVITE") == []
    call.hang_up()


def test_it_lies(rig: Rig) -> None:
    rig.switch(lie_secured=True)
    call = rig.call()
    call.post("secure")
    call.wait("session.secured")
    assert call.customer.peer.untaken("INVITE") == []
    assert talking(call)
    call.hang_up()


def test_it_is_slow(rig: Rig) -> None:
    rig.switch(secure_delay_ms=400)
    call = rig.call()
    started = time.monotonic()
    call.secure()
    assert time.monotonic() - started > 0.4
    call.release()
    call.hang_up()


def test_media_server_gone_means_not_secured(rig: Rig) -> None:
    call = rig.call()
    rig.rtpengine.kill()
    try:
        call.post("secure")
        assert call.wait("session.secure_failed")["reason"] == "refused"
        assert call.customer.peer.untaken("INVITE") == []
        assert talking(call)
    finally:
        rig.rtpengine.restart()
    call.hang_up()
