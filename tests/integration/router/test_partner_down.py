"""The partner is down: the number's policy decides. Emergency calls and numbers without payments never asked it anyway."""

from __future__ import annotations

import time

import pytest

from tests.integration.router.conftest import MakeRig
from tests.integration.router.rig import AGENT, CUSTOMER, Rig
from tests.integration.router.story import NUMBER, place
from tests.support.sip_peer import Dialog, Message

pytestmark = pytest.mark.integration

REJECTED = "+442079461000"
"""A number of the example deployment with `partner_down = "reject"`."""


def dial_in(rig: Rig, number: str = NUMBER) -> tuple[Dialog, int]:
    carrier = Dialog.new(rig.carrier, f"sip:{number}@{rig.kamailio.sip[0]}")
    return carrier, carrier.request("INVITE", sdp=rig.customer_media.sdp())


def dial_out(rig: Rig, number: str, user: str = NUMBER) -> tuple[Dialog, int]:
    platform = Dialog.new(rig.platform, f"sip:{number}@{rig.kamailio.sip[0]}", user=user)
    return platform, platform.request("INVITE", sdp=rig.agent_media.sdp())


def connect_in(rig: Rig, carrier: Dialog, cseq: int) -> tuple[Dialog, Message]:
    """The platform answers the bypassed call; both talk, then the platform hangs up."""
    invite = rig.platform.expect_request("INVITE", timeout_s=5)
    platform = Dialog.of(rig.platform, invite)
    platform.reply(invite, 200, sdp=rig.agent_media.sdp())
    answer = carrier.answered(cseq)
    carrier.ack(cseq)
    platform.incoming("ACK")
    rig.customer_media.send_to(answer.body)
    rig.agent_media.send_to(invite.body)
    assert rig.agent_media.wait_voice(CUSTOMER) >= 15
    assert rig.customer_media.wait_voice(AGENT) >= 15
    bye = platform.request("BYE")
    carrier.reply(carrier.incoming("BYE"), 200)
    assert platform.answered(bye, "BYE").status == 200
    return platform, invite


def connect_out(rig: Rig, platform: Dialog, cseq: int) -> Message:
    invite = rig.carrier.expect_request("INVITE", timeout_s=5)
    carrier = Dialog.of(rig.carrier, invite)
    carrier.reply(invite, 200, sdp=rig.customer_media.sdp())
    answer = platform.answered(cseq)
    platform.ack(cseq)
    carrier.incoming("ACK")
    rig.customer_media.send_to(invite.body)
    rig.agent_media.send_to(answer.body)
    assert rig.agent_media.wait_voice(CUSTOMER) >= 15
    assert rig.customer_media.wait_voice(AGENT) >= 15
    bye = carrier.request("BYE")
    platform.reply(platform.incoming("BYE"), 200)
    assert carrier.answered(bye, "BYE").status == 200
    return invite


def raise_partner(rig: Rig) -> None:
    """Probing has found the partner again."""
    rig.rpc("dispatcher.set_state", "ap", 1, f"sip:{rig.partner.address}:5060")


@pytest.mark.compat
@pytest.mark.parametrize("sign", ["silence", "503"])
def test_bypass(rig: Rig, sign: str) -> None:
    carrier, cseq = dial_in(rig)
    leg1 = rig.partner.expect_request("INVITE")
    started = time.monotonic()
    if sign == "503":
        rig.partner.reply(leg1, 503, tag="x")
    platform, invite = connect_in(rig, carrier, cseq)
    assert time.monotonic() - started < 5
    handoff = rig.sink.handoffs[0]
    assert (handoff["token"], handoff["reason"], handoff["agent_call_id"]) == ("", "partner_down", "")
    assert handoff["customer_call_id"] == carrier.call_id
    assert invite.get("X-Call-Reference") == handoff["reference"]
    assert len(invite.all("Record-Route")) == 1
    assert ";d=bi;" in invite.get("Record-Route")
    assert invite.get("X-Route-Cookie") == ""
    assert rig.sink.wait_leg("customer", "ended")["reference"] == handoff["reference"]
    assert not rig.anchored(platform.call_id, "customer")
    raise_partner(rig)


@pytest.mark.compat
def test_bypass_at_once_while_the_partner_is_known_to_be_down(rig: Rig) -> None:
    rig.rpc("dispatcher.set_state", "ip", 1, f"sip:{rig.partner.address}:5060")
    carrier, cseq = dial_in(rig)
    started = time.monotonic()
    rig.platform.expect_request("INVITE")
    assert time.monotonic() - started < 0.5
    assert rig.partner.untaken("INVITE") == []
    rig.platform.reply(rig.platform.heard[-1], 486, tag="x")
    assert carrier.answered(cseq).status == 486
    platform, cseq = dial_out(rig, "+447700900555")
    invite = connect_out(rig, platform, cseq)
    assert ";d=bo;" in invite.get("Record-Route")
    assert invite.get("X-Call-Reference") == ""
    assert [h["reason"] for h in rig.sink.handoffs] == ["partner_down", "partner_down"]
    raise_partner(rig)


def test_bypass_of_a_call_that_goes_out(rig: Rig) -> None:
    platform, cseq = dial_out(rig, "+447700900555")
    rig.partner.reply(rig.partner.expect_request("INVITE"), 503, tag="x")
    connect_out(rig, platform, cseq)
    handoff = rig.sink.handoffs[0]
    assert (handoff["direction"], handoff["reason"], handoff["customer_call_id"]) == (
        "out",
        "partner_down",
        "",
    )
    raise_partner(rig)


def test_bypass_of_a_late_offer(rig: Rig) -> None:
    carrier = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
    cseq = carrier.request("INVITE")
    rig.partner.reply(rig.partner.expect_request("INVITE"), 503, tag="x")
    invite = rig.platform.expect_request("INVITE")
    platform = Dialog.of(rig.platform, invite)
    platform.reply(invite, 200, sdp=rig.agent_media.sdp())
    offer = carrier.answered(cseq)
    carrier.ack(cseq, rig.customer_media.sdp())
    rig.customer_media.target = place(offer.body)
    rig.agent_media.target = place(platform.incoming("ACK").body)
    assert rig.agent_media.wait_voice(CUSTOMER) >= 15
    assert rig.customer_media.wait_voice(AGENT) >= 15
    raise_partner(rig)


@pytest.mark.compat
def test_reject(rig: Rig) -> None:
    carrier, cseq = dial_in(rig, REJECTED)
    rig.partner.expect_request("INVITE")
    assert carrier.answered(cseq).status == 503
    assert not rig.anchored(carrier.call_id, "customer")
    assert rig.platform.untaken("INVITE") == []
    assert rig.sink.handoffs == []
    # Silence is believed: the next call does not try.
    carrier, cseq = dial_in(rig, REJECTED)
    assert carrier.answered(cseq).status == 503
    assert rig.partner.untaken("INVITE") == []
    raise_partner(rig)


def test_refusal_by_a_living_partner_is_passed_on(rig: Rig) -> None:
    carrier, cseq = dial_in(rig)
    rig.partner.reply(rig.partner.expect_request("INVITE"), 486, tag="x")
    assert carrier.answered(cseq).status == 486
    assert rig.platform.untaken("INVITE") == []


def test_probing_notices_a_dead_partner_and_its_return(make_rig: MakeRig) -> None:
    rig = make_rig(edits=(("#!define PING_INTERVAL 10", "#!define PING_INTERVAL 1"),))

    def state() -> str:
        sets = rig.rpc("dispatcher.list")["RECORDS"]
        targets = next(s["SET"] for s in sets if s["SET"]["ID"] == 1)["TARGETS"]
        return str(targets[0]["DEST"]["FLAGS"])

    def wait(wanted: str) -> None:
        deadline = time.monotonic() + 15
        while state()[0] != wanted and time.monotonic() < deadline:
            time.sleep(0.05)
        assert state()[0] == wanted

    wait("A")
    rig.partner.mute = True
    wait("I")
    rig.partner.mute = False
    wait("A")


@pytest.mark.compat
@pytest.mark.parametrize("shown", ["alice", NUMBER])
def test_emergency_call_never_touches_the_partner(rig: Rig, shown: str) -> None:
    """Whoever dials: the agent whose number takes payments, too."""
    platform, cseq = dial_out(rig, "112", user=shown)
    invite = connect_out(rig, platform, cseq)
    assert invite.uri.startswith("sip:112@")
    assert invite.get("X-Route-Cookie") == ""
    assert rig.partner.untaken("INVITE") == []
    assert rig.sink.handoffs[0]["reason"] == "payments_off"


def test_emergency_number_does_not_come_in(rig: Rig) -> None:
    carrier, cseq = dial_in(rig, "112")
    assert carrier.answered(cseq).status == 404


def test_carrier_without_payments_goes_past_the_partner(make_rig: MakeRig) -> None:
    rig = make_rig(settings={"carriers.payments": "false"})
    carrier, cseq = dial_in(rig)
    connect_in(rig, carrier, cseq)
    assert rig.partner.untaken("INVITE") == []
    assert rig.sink.handoffs[0]["reason"] == "carrier_not_trusted"
