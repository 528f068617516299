"""Refresh: both legs again with what they have, because the edge has lost the media behind an address. No state changes."""

from __future__ import annotations

import pytest

from tests.integration.sandbox.rig import AGENT_VOICE, CUSTOMER_VOICE, MEDIA, LiveCall, Rig
from tests.integration.sandbox.voice import Voice, target_of

pytestmark = pytest.mark.integration


def moves_house(rig: Rig, call: LiveCall) -> None:
    """Both far ends get new addresses, as when the edge anchors them on another node."""
    call.customer_voice, call.agent_voice = (
        rig._voices.enter_context(Voice(*old))
        for old in ((_host(call.customer_voice), CUSTOMER_VOICE), (_host(call.agent_voice), AGENT_VOICE))
    )


def _host(voice: Voice) -> str:
    return target_of(voice.sdp())[0]


def talking(call: LiveCall) -> bool:
    return call.agent_voice.hears(CUSTOMER_VOICE) and call.customer_voice.hears(AGENT_VOICE)


def test_at_home_each_leg_learns_the_others_new_address(rig: Rig) -> None:
    call = rig.call()
    moves_house(rig, call)
    assert call.post("refresh").status_code == 202
    call.accept_reinvite("agent")
    to_customer = call.accept_reinvite("customer")
    assert target_of(to_customer.body) == target_of(call.agent_voice.sdp())
    to_agent = call.accept_reinvite("agent")
    assert target_of(to_agent.body) == target_of(call.customer_voice.sdp())
    assert call.state() == "home"
    assert talking(call)
    call.hang_up()


def test_while_secured_the_bridge_learns_them_and_home_still_works(rig: Rig) -> None:
    call = rig.call()
    call.secure()
    moves_house(rig, call)
    assert call.post("refresh").status_code == 202
    moved = [call.accept_reinvite("agent"), call.accept_reinvite("customer")]
    assert [target_of(request.body)[0] for request in moved] == [MEDIA, MEDIA], "still at the partner"
    assert call.state() == "secured"
    assert talking(call)
    came = rig.desk.types(call.session).count("session.released")
    assert call.post("release").status_code == 202
    call.accept_reinvite("agent")
    call.accept_reinvite("customer")
    call.accept_reinvite("agent")  # its first offer held the customer's old address
    assert call.wait("session.released", came + 1)["legs"] == "home"
    assert talking(call)
    call.hang_up()


def test_a_release_waits_for_the_refresh_before_it(rig: Rig) -> None:
    call = rig.call()
    call.secure()
    call.post("refresh")
    first = call.agent.incoming("INVITE")
    assert call.post("release").status_code == 202
    call.agent.reply(first, 200, sdp=call.agent_voice.sdp())
    call.agent.incoming("ACK")
    call.accept_reinvite("customer")
    home = [call.accept_reinvite("agent"), call.accept_reinvite("customer")]
    assert MEDIA not in [target_of(request.body)[0] for request in home]
    assert call.wait("session.released")["legs"] == "home"
    call.hang_up()


def test_not_while_something_moves(rig: Rig) -> None:
    call = rig.call()
    call.post("secure")
    first = call.agent.incoming("INVITE")
    refused = call.post("refresh")
    assert (refused.status_code, refused.json()["state"]) == (409, "securing")
    call.agent.reply(first, 200, sdp=call.agent_voice.sdp())
    call.agent.incoming("ACK")
    call.accept_reinvite("customer")
    call.wait("session.secured")
    call.release()
    call.hang_up()
