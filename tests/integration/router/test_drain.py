"""A draining edge: who is sent away, and who is not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.router.emergencies import emergency_goes_out
from tests.integration.router.rig import Rig
from tests.integration.router.story import NUMBER, inbound, second_headers, second_leg
from tests.support.sip_peer import Dialog, SipPeer

pytestmark = [pytest.mark.integration, pytest.mark.compat]


@pytest.fixture
def draining(rig: Rig) -> Iterator[Rig]:
    yield rig
    rig.rpc("pv.shvSet", "draining", "int", 0)


def _drain(rig: Rig) -> None:
    rig.rpc("pv.shvSet", "draining", "int", 1)


def _answer(rig: Rig, peer: SipPeer, method: str) -> tuple[int, str]:
    dialog = Dialog.new(peer, f"sip:{NUMBER}@{rig.kamailio.sip[0]}", user=NUMBER)
    final = dialog.answered(dialog.request(method), method)
    return final.status, final.get("Retry-After")


def test_new_calls_are_sent_away_from_every_side(draining: Rig) -> None:
    rig = draining
    for peer in rig.peers:
        assert _answer(rig, peer, "OPTIONS") == (200, "")
    _drain(rig)
    before = rig.count("turned_away")
    for peer in rig.peers:
        assert _answer(rig, peer, "OPTIONS") == (503, "30")
    for peer in (rig.carrier, rig.platform):
        assert _answer(rig, peer, "INVITE") == (503, "30")
    assert rig.count("turned_away") - before == 2
    assert _answer(rig, rig.partner, "INVITE")[0] == 403, "without our cookie it is no call of ours"
    rig.rpc("pv.shvSet", "draining", "int", 0)
    inbound(rig).hang_up()


def test_emergency_calls_go_out_all_the_same(draining: Rig) -> None:
    """A caller in need does not wait for a next edge, and there may be none."""
    rig = draining
    _drain(rig)
    before = rig.count("turned_away")
    emergency_goes_out(rig)
    assert (rig.count("turned_away"), rig.partner.untaken("INVITE")) == (before, [])
    inwards = Dialog.new(rig.carrier, f"sip:112@{rig.kamailio.sip[0]}", user=NUMBER)
    assert inwards.answered(inwards.request("INVITE")).status == 503, (
        "its number comes from the platform only"
    )


def test_a_call_that_was_let_in_is_completed_secured_and_ended(draining: Rig) -> None:
    rig = draining
    carrier = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
    first = carrier.request("INVITE", sdp=rig.customer_media.sdp())
    leg1 = rig.partner.expect_request("INVITE")
    rig.partner.reply(leg1, 100)  # silent for 2 s it would be down, and the call would go past it
    _drain(rig)
    partner_customer, partner_agent = Dialog.of(rig.partner, leg1), second_leg(rig, leg1)
    second = partner_agent.request("INVITE", sdp=leg1.body, headers=second_headers(leg1, "tok-1"))
    leg2 = rig.platform.expect_request("INVITE")
    platform = Dialog.of(rig.platform, leg2)
    platform.reply(leg2, 200, sdp=rig.agent_media.sdp())
    answer = partner_agent.answered(second)
    assert (answer.status, leg2.call_id) == (200, partner_agent.call_id)
    partner_customer.reply(leg1, 200, sdp=answer.body)
    assert carrier.answered(first).status == 200
    carrier.ack(first)
    partner_agent.ack(second)
    cseq = carrier.request("BYE")
    partner_customer.reply(partner_customer.incoming("BYE"), 200)
    assert carrier.answered(cseq, "BYE").status == 200


def test_a_call_is_secured_while_the_edge_drains(draining: Rig) -> None:
    story = inbound(draining)
    _drain(draining)
    story.secure()
    story.restore()
    story.hang_up()
