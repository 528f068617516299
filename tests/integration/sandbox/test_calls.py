"""The partner as a B2BUA: what one leg says the other hears, and nothing is lost on the way."""

from __future__ import annotations

import re
import socket

import pytest

from tests.integration.sandbox.rig import AGENT_VOICE, CUSTOMER_VOICE, EDGE, PARTNER, TO, Rig
from tests.support.sip_peer import Dialog, Message, SipPeer, uri_of

pytestmark = pytest.mark.integration

OUT = "1.k1.cmY9YWI7ZD1vdXQ7bj0rNDQ7dD1hY21lO2U9MTtybj1lO3JnPWw7Y2k9eA." + "0" * 32  # rf=ab;d=out;...;ci=x
IN = (
    "1.k1.cmY9YWI7ZD1pbjtuPSs0NDt0PWFjbWU7ZT0xO3JuPWU7cmc9bDtjaT1kPW91dA." + "0" * 32
)  # rf=ab;d=in;...;ci=d=out


def second_invite(rig: Rig, first: Dialog, cseq: int) -> Message:
    return rig.peer.expect(
        lambda m: m.is_request and m.method == "INVITE" and m.cseq != cseq and "tag=" not in m.get("To"),
        "the second leg's INVITE",
    )


def test_the_second_invite(rig: Rig) -> None:
    identity = (
        'P-Asserted-Identity: "Ada Lovelace" <sip:+447700900123@carrier.example>',
        "Privacy: id",
        "Diversion: <sip:+442079460999@carrier.example>;reason=unconditional",
        "History-Info: <sip:+442079460999@carrier.example>;index=1",
        "Identity: eyJhbGciOiJFUzI1NiJ9..x;info=<https://cert.example/a.pem>;alg=ES256;ppt=shaken",
        f"X-Route-Cookie: {IN}",
        "X-Not-For-You: secret",
    )
    call = rig.call(headers=identity)
    offer = call.offer
    assert offer.uri == TO
    assert offer.call_id != call.customer.call_id
    assert offer.get("From").startswith(call.customer.local.partition(";tag=")[0])
    assert offer.get("Max-Forwards") == "59"
    assert offer.get("X-Route-Cookie") == IN
    assert offer.get("X-Not-For-You") == ""
    for line in identity[:5]:
        name, _, value = line.partition(": ")
        assert offer.get(name) == value
    assert re.fullmatch(r"[A-Za-z0-9_-]{43,}", call.token)
    assert offer.body == call.customer_voice.sdp()
    assert call.agent_voice.hears(CUSTOMER_VOICE)
    assert call.customer_voice.hears(AGENT_VOICE)
    call.hang_up()
    assert call.wait("session.ended")["by"] == "customer"
    assert rig.get("/v1/session", token=call.token).status_code == 404


def test_the_cookie_tells_whose_leg_it_is(rig: Rig) -> None:
    call = rig.call(headers=(f"X-Route-Cookie: {OUT}",), caller="agent")
    call.hang_up("agent")
    assert call.wait("session.ended")["by"] == "agent"


def test_each_call_has_its_own_token(rig: Rig) -> None:
    first, second = rig.call(), rig.call()
    assert first.token != second.token
    first.hang_up()
    assert second.state() == "home"
    second.hang_up("agent")


def test_early_media_and_its_answer(rig: Rig) -> None:
    customer, agent = rig.voices()
    first = Dialog.new(rig.peer, TO)
    cseq = first.request("INVITE", sdp=customer.sdp())
    second = Dialog.of(rig.peer, second_invite(rig, first, cseq))
    assert second.invite is not None
    second.reply(second.invite, 183, sdp=agent.sdp())
    assert first.provisional(183).body == agent.sdp()
    second.reply(second.invite, 200, sdp=agent.sdp())
    assert first.answered(cseq).body == agent.sdp()
    first.ack(cseq)
    second.incoming("ACK")
    bye = first.request("BYE")
    second.reply(second.incoming("BYE"), 200)
    assert first.answered(bye, "BYE").status == 200


@pytest.mark.parametrize("status", [404, 486, 603])
def test_a_refusal_comes_back(rig: Rig, status: int) -> None:
    customer, _ = rig.voices()
    first = Dialog.new(rig.peer, TO)
    cseq = first.request("INVITE", sdp=customer.sdp())
    second = Dialog.of(rig.peer, second_invite(rig, first, cseq))
    assert second.invite is not None
    second.reply(second.invite, status)
    second.incoming("ACK")
    assert first.answered(cseq).status == status


def test_a_cancel_reaches_the_other_side(rig: Rig) -> None:
    customer, _ = rig.voices()
    first = Dialog.new(rig.peer, TO)
    branch = "z9hG4bKcancelled"
    cseq = first.request("INVITE", sdp=customer.sdp(), branch=branch)
    second = Dialog.of(rig.peer, second_invite(rig, first, cseq))
    assert second.invite is not None
    second.reply(second.invite, 180)
    first.provisional(180)
    first.request("CANCEL", cseq=cseq, branch=branch)
    assert first.answered(cseq).status == 487
    cancel = second.incoming("CANCEL")
    second.reply(cancel, 200)
    second.reply(second.invite, 487)
    second.incoming("ACK")


def test_a_late_offer(rig: Rig) -> None:
    customer, agent = rig.voices()
    first = Dialog.new(rig.peer, TO)
    cseq = first.request("INVITE")
    invite = second_invite(rig, first, cseq)
    assert invite.body == ""
    second = Dialog.of(rig.peer, invite)
    second.reply(invite, 200, sdp=agent.sdp())
    assert first.answered(cseq).body == agent.sdp()
    first.ack(cseq, sdp=customer.sdp())
    assert second.incoming("ACK").body == customer.sdp()
    second.request("BYE")
    first.reply(first.incoming("BYE"), 200)


@pytest.mark.parametrize("side", ["customer", "agent"])
def test_hold_and_resume_from_either_side(rig: Rig, side: str) -> None:
    call = rig.call()
    here, there = call.dialog(side), call.dialog("agent" if side == "customer" else "customer")
    voice, far = call.voice(side), call.voice("agent" if side == "customer" else "customer")
    for version, direction, answer in ((2, "sendonly", "recvonly"), (3, "sendrecv", "sendrecv")):
        cseq = here.request("INVITE", sdp=voice.sdp(version, direction))
        relayed = there.incoming("INVITE")
        assert relayed.body == voice.sdp(version, direction)
        there.reply(relayed, 200, sdp=far.sdp(version, answer))
        there.incoming("ACK")
        assert here.answered(cseq).body == far.sdp(version, answer)
        here.ack(cseq)
    call.hang_up(side)


def test_a_refused_reinvite_comes_back_and_the_next_one_passes(rig: Rig) -> None:
    call = rig.call()
    cseq = call.customer.request("INVITE", sdp=call.customer_voice.sdp(2, "sendonly"))
    relayed = call.agent.incoming("INVITE")
    call.agent.reply(relayed, 488)
    call.agent.incoming("ACK")
    assert call.customer.answered(cseq).status == 488
    call.customer.ack(cseq)
    cseq = call.customer.request("INVITE", sdp=call.customer_voice.sdp(3, "inactive"))
    relayed = call.agent.incoming("INVITE")
    assert "a=inactive" in relayed.body
    call.agent.reply(relayed, 200, sdp=call.agent_voice.sdp(3, "inactive"))
    assert call.customer.answered(cseq).status == 200
    call.customer.ack(cseq)
    call.agent.incoming("ACK")
    call.hang_up("agent")


def test_two_reinvites_meet(rig: Rig) -> None:
    call = rig.call()
    cseq = call.customer.request("INVITE", sdp=call.customer_voice.sdp(2, "sendonly"))
    relayed = call.agent.incoming("INVITE")
    crossing = call.agent.request("INVITE", sdp=call.agent_voice.sdp(2, "sendonly"))
    assert call.agent.answered(crossing).status == 491
    call.agent.ack(crossing)
    call.agent.reply(relayed, 200, sdp=call.agent_voice.sdp(2))
    assert call.customer.answered(cseq).status == 200
    call.customer.ack(cseq)
    call.agent.incoming("ACK")
    call.hang_up()


def test_info_passes_at_home(rig: Rig) -> None:
    call = rig.call()
    cseq = call.customer.request(
        "INFO", body="Signal=5\r\nDuration=160\r\n", content_type="application/dtmf-relay"
    )
    assert call.customer.answered(cseq, "INFO").status == 200
    relayed = call.agent.incoming("INFO")
    assert relayed.get("Content-Type") == "application/dtmf-relay"
    assert relayed.body == "Signal=5\r\nDuration=160\r\n"
    call.agent.reply(relayed, 200)
    call.hang_up()


def test_the_route_set_is_followed_also_by_the_ack_of_a_reinvite(rig: Rig) -> None:
    customer, agent = rig.voices()
    first = Dialog.new(rig.peer, TO)
    route = "<sip:sbc.example.net;transport=udp;lr;lg=c>"
    cseq = first.request("INVITE", sdp=customer.sdp(), headers=(f"Record-Route: {route}",))
    invite = second_invite(rig, first, cseq)
    second = Dialog.of(rig.peer, invite)
    elsewhere = "Record-Route: <sip:sbc.example.net;transport=udp;lr;lg=a>"
    second.reply(invite, 200, sdp=agent.sdp(), headers=(elsewhere, "Contact: <sip:agent@192.0.2.1:5060>"))
    assert first.answered(cseq).get("Record-Route") == route
    first.ack(cseq)
    ack = second.incoming("ACK")
    assert (ack.get("Route"), uri_of(ack.get("Route"))) == (elsewhere.partition(": ")[2], uri_of(elsewhere))
    cseq = first.request("INVITE", sdp=customer.sdp(2, "sendonly"), headers=(f"Route: {route}",))
    relayed = second.incoming("INVITE")
    assert relayed.get("Route") == ack.get("Route")
    second.reply(relayed, 200, sdp=agent.sdp(2))  # without Record-Route, as is usual
    assert second.incoming("ACK").get("Route") == ack.get("Route")
    first.answered(cseq)
    first.ack(cseq)
    second.request("BYE")
    bye = first.incoming("BYE")
    assert bye.get("Route") == route
    first.reply(bye, 200)


def test_options_is_answered_unless_switched_off(rig: Rig) -> None:
    probe = Dialog.new(rig.peer, f"sip:{PARTNER}")
    assert probe.answered(probe.request("OPTIONS"), "OPTIONS").status == 200
    rig.switch(answer_options=False)
    with pytest.raises(AssertionError, match="no final reply"):
        probe.answered(probe.request("OPTIONS"), "OPTIONS", timeout_s=0.5)


def test_a_request_for_no_dialog(rig: Rig) -> None:
    lost = Dialog.new(rig.peer, f"sip:{PARTNER}")
    lost.remote += ";tag=nobody"
    assert lost.answered(lost.request("BYE"), "BYE").status == 481


def test_an_extension_it_does_not_know(rig: Rig) -> None:
    customer, _ = rig.voices()
    first = Dialog.new(rig.peer, TO)
    answer = first.answered(first.request("INVITE", sdp=customer.sdp(), headers=("Require: 100rel",)))
    assert (answer.status, answer.get("Unsupported")) == (420, "100rel")


def test_strangers_and_broken_messages_meet_silence(rig: Rig) -> None:
    with SipPeer("127.83.0.99", PARTNER) as stranger:
        probe = Dialog.new(stranger, f"sip:{PARTNER}")
        with pytest.raises(AssertionError, match="no final reply"):
            probe.answered(probe.request("OPTIONS"), "OPTIONS", timeout_s=0.4)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as raw:
        raw.bind((EDGE, 0))
        raw.sendto(
            b"INFO sip:x SIP/2.0\r\nVia: broken\r\n\r\nSignal=4\r\nSignal=4111111111111111", (PARTNER, 5060)
        )
    call = rig.call()  # it is still well
    call.hang_up()
    assert "4111111111111111" not in rig.partner.log_text()
    assert "Signal=4" not in rig.partner.log_text()
    assert rig.partner.log_text().count("sip_library_fault") == 1  # that one, and nothing else in this module


def test_one_call_id_on_both_legs(rig: Rig) -> None:
    rig.switch(keep_call_id=True)
    customer, agent = rig.voices()
    first = Dialog.new(rig.peer, TO)
    cseq = first.request("INVITE", sdp=customer.sdp())
    invite = second_invite(rig, first, cseq)
    assert invite.call_id == first.call_id
    second = Dialog.of(rig.peer, invite)
    second.reply(invite, 200, sdp=agent.sdp())
    first.answered(cseq)
    first.ack(cseq)
    rig.peer.expect_request("ACK")
    first.request("BYE")
    bye = rig.peer.expect_request("BYE")
    second.reply(bye, 200)


def test_no_token(rig: Rig) -> None:
    rig.switch(token=False)
    call = rig.call()
    assert call.token == ""
    assert rig.get("/v1/session", token="").status_code == 404
    before = len(rig.desk.events)
    call.hang_up()
    assert len(rig.desk.events) == before


def test_a_partner_that_is_gone(rig: Rig) -> None:
    rig.switch(sip_silent=True)
    probe = Dialog.new(rig.peer, f"sip:{PARTNER}")
    with pytest.raises(AssertionError, match="no final reply"):
        probe.answered(probe.request("OPTIONS"), "OPTIONS", timeout_s=0.4)
