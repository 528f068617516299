"""Messages that say one thing to the router and another to the next hop: odd names, routes, tokens, digits in disguise."""

from __future__ import annotations

import pytest

from tests.integration.router.rig import Rig
from tests.integration.router.smuggling import (
    edited,
    without_length,
)
from tests.integration.router.story import NUMBER, TOKEN, Leg, inbound, second_headers, second_leg
from tests.support.sip_peer import Dialog

pytestmark = pytest.mark.integration


@pytest.mark.compat
@pytest.mark.parametrize("call_id", ["a b", "a label=partner ICE=force", "a\tb", "ä@b", "a" * 201])
def test_call_id_that_would_be_more_than_a_name(rig: Rig, call_id: str) -> None:
    """It goes into rtpengine's flags, where a blank begins the next one."""
    dialog = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}", call_id=call_id)
    assert dialog.answered(dialog.request("INVITE", sdp=rig.customer_media.sdp())).status == 400
    assert rig.partner.untaken("INVITE") == []


@pytest.mark.compat
def test_digits_in_disguise_are_dropped(rig: Rig) -> None:
    story = inbound(rig)
    before = rig.count("digits_dropped")
    cases = [
        ("INFO", "text/plain", "Signal=5\r\nDuration=160\r\n", ()),
        ("INFO", "application/vnd.nortelnetworks.digits", "p=Digit-Collection\r\ny=Digits\r\nd=5\r\n", ()),
        ("INFO", "application/x-broadworks", "5", ()),
        ("INFO", "application/octet-stream", "5", ("Info-Package: infoDtmf",)),
        ("INFO", "application/media_control+xml; x=dtmf", "Signal=5", ("Info-Package: dtmf",)),
        ("NOTIFY", "text/plain", "5", ("Event: telephone-event;rate=1000",)),
        ("NOTIFY", "message/sipfrag", "5", ("Event: kpml",)),
        ("MESSAGE", "text/plain", "the number is 5", ()),
        ("FOO", "text/plain", "5", ()),
    ]
    for method, content_type, body, headers in cases:
        cseq = story.partner_agent.request(method, body=body, content_type=content_type, headers=headers)
        assert story.partner_agent.answered(cseq, method).status == 200, (method, content_type)
        assert story.platform.peer.untaken(method) == []
    assert rig.count("digits_dropped") == before + len(cases)
    with edited(rig.partner, without_length):
        cseq = story.partner_agent.request("INFO", body="Signal=5\r\n", content_type="application/dtmf-relay")
    assert story.partner_agent.answered(cseq, "INFO").status == 200
    # Progress of a transfer passes, and what cannot be answered here passes without its body.
    story.partner_agent.request(
        "NOTIFY",
        body="SIP/2.0 200 OK\r\n",
        content_type="message/sipfrag;version=2.0",
        headers=("Event: refer",),
    )
    assert story.platform.incoming("NOTIFY").body == "SIP/2.0 200 OK\r\n"
    for method in ("UPDATE", "BYE"):
        story.partner_agent.request(method, body="Signal=5\r\n", content_type="application/dtmf-relay")
        assert story.platform.incoming(method).body == ""


@pytest.mark.parametrize("leg", ["customer", "agent"])
def test_name_as_next_hop_is_looked_up_and_checked(rig: Rig, leg: Leg) -> None:
    """`127.81.10` is no IP address to SIP, but a name to the resolver: 127.81.0.10."""
    story = inbound(rig)
    near, far = story.near(leg), story.far(leg)
    last = far.peer.address.rpartition(".")[2]
    before = rig.count("dialog_refused")
    for target in ("sip:victim@127.81.99", "sip:victim@127.81.99:5061", "sip:victim@name.invalid"):
        near.target = target
        assert near.answered(near.request("INFO"), "INFO").status == 403, target
    assert rig.count("dialog_refused") == before + 3
    for port in ("", ":5060"):
        near.target = f"sip:peer@127.81.{last}{port}"
        cseq = near.request("INFO")
        far.reply(far.incoming("INFO"), 200)
        assert near.answered(cseq, "INFO").status == 200


@pytest.mark.compat
@pytest.mark.parametrize(
    "line",
    [f"x-payment-TOKEN: {TOKEN}", f"X-Payment-Token : {TOKEN}", f"X-Payment-Token:\r\n {TOKEN}"],
    ids=["case", "blank", "folded"],
)
def test_token_reaches_nobody_however_it_is_written(rig: Rig, line: str) -> None:
    """Twice in the partner's INVITE, and in its requests and replies, provisional, final and negative."""
    headers = (line, line)
    carrier = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
    first = carrier.request("INVITE", sdp=rig.customer_media.sdp())
    leg1 = rig.partner.expect_request("INVITE")
    partner_customer = Dialog.of(rig.partner, leg1)
    partner_agent = second_leg(rig, leg1)
    cookie = second_headers(leg1, None)
    partner_agent.request("INVITE", sdp=leg1.body, headers=(*headers, *cookie, *cookie))
    leg2 = rig.platform.expect_request("INVITE")
    platform = Dialog.of(rig.platform, leg2)
    partner_customer.reply(leg1, 180, headers=headers)
    carrier.provisional(180)
    platform.reply(leg2, 200, sdp=rig.agent_media.sdp())
    answer2 = partner_agent.answered(1)
    partner_agent.request("ACK", cseq=1, headers=headers)
    platform.incoming("ACK")
    partner_customer.reply(leg1, 200, sdp=answer2.body, headers=headers)
    carrier.answered(first)
    carrier.ack(first)
    partner_customer.incoming("ACK")
    for near, far in ((partner_agent, platform), (partner_customer, carrier)):
        near.request("INFO", headers=(*headers, *cookie))
        far.reply(far.incoming("INFO"), 200)
        cseq = far.request("UPDATE")
        near.reply(near.incoming("UPDATE"), 488, headers=(*headers, *cookie))
        far.answered(cseq, "UPDATE")
    for message in (*rig.platform.heard, *rig.carrier.heard):
        assert TOKEN not in message.text
        assert "payment-token" not in message.text.lower()
        assert "route-cookie" not in message.text.lower()


@pytest.mark.compat
def test_preloaded_route_is_not_followed(rig: Rig) -> None:
    """The first INVITE goes where the number says, not where a Route says; so does the partner's, and only with a cookie."""
    carrier = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
    carrier.routes = [f"<sip:{rig.kamailio.sip[0]};lr>", f"<sip:{rig.platform.address}:5060;lr>"]
    carrier.request("INVITE", sdp=rig.customer_media.sdp())
    leg1 = rig.partner.expect_request("INVITE")
    assert leg1.get("Route") == ""
    back = second_leg(rig, leg1)
    back.routes = [f"<sip:{rig.carrier.address}:5060;lr>"]
    back.request("INVITE", sdp=leg1.body, headers=second_headers(leg1, None))
    leg2 = rig.platform.expect_request("INVITE")
    assert leg2.get("Route") == ""
    assert rig.carrier.untaken("INVITE") == []
    rig.platform.reply(leg2, 486, tag="x")
    rig.partner.reply(leg1, 486, tag="y")


@pytest.mark.compat
def test_wire_names_no_product(rig: Rig) -> None:
    story = inbound(rig)
    story.carrier.target = "sip:x@127.81.0.99"
    story.carrier.answered(story.carrier.request("INFO"), "INFO")
    probe = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
    probe.answered(probe.request("OPTIONS"), "OPTIONS")
    probe.answered(probe.request("PUBLISH"), "PUBLISH")
    probe.request("INVITE", sdp=rig.customer_media.sdp(), headers=("Proxy-Require: x",))
    rig.partner.expect_request("INVITE")
    probe.provisional(100)
    heard = [m.text.lower() for peer in rig.peers for m in peer.heard]
    assert len(heard) > 10
    for text in heard:
        for name in (
            "kamailio",
            "rtpengine",
            "sipwise",
            "callseal",
            "your call is important",
            "terribly sorry",
        ):
            assert name not in text, text
