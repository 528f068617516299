"""Messages that say one thing to the router and another to the next hop: hidden SDP, odd names, digits in disguise."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.integration.router.conftest import MakeRig
from tests.integration.router.rig import AGENT, CUSTOMER, Rig
from tests.integration.router.story import NUMBER, TOKEN, Leg, inbound, place, second_headers, second_leg
from tests.support.rtp_talker import sdp
from tests.support.sip_peer import Dialog, SipPeer

pytestmark = pytest.mark.integration

VICTIM = "127.81.0.66"
Edit = Callable[[str], str]


@contextmanager
def edited(peer: SipPeer, edit: Edit) -> Iterator[None]:
    """What `peer` sends inside is changed on its way to the socket."""
    send = peer.send
    peer.send = lambda message: send(edit(message))  # type: ignore[method-assign]
    try:
        yield
    finally:
        del peer.send


def replacing(old: str, new: str) -> Edit:
    def edit(message: str) -> str:
        assert old in message
        return message.replace(old, new, 1)

    return edit


def without_length(message: str) -> str:
    head, blank, body = message.partition("\r\n\r\n")
    return (
        "\r\n".join(line for line in head.split("\r\n") if not line.startswith("Content-Length"))
        + blank
        + body
    )


def length_zero(message: str) -> str:
    head, blank, body = message.partition("\r\n\r\n")
    return head.partition("Content-Length")[0] + "Content-Length: 0" + blank + body


def part(content_type: str, body: str, boundary: str = "b") -> str:
    return f"--{boundary}\r\n{content_type}\r\n\r\n{body}\r\n"


SDP_TYPE = "Content-Type: application/sdp"


def multipart(*parts: str, boundary: str = "b") -> str:
    return "".join(parts) + f"--{boundary}--\r\n"


def as_sdp(message_sdp: str) -> tuple[str, str]:
    return "application/sdp", message_sdp


def two_parts(message_sdp: str) -> tuple[str, str]:
    good = message_sdp.replace(VICTIM, "127.81.0.21")
    return "multipart/alternative;boundary=b", multipart(part(SDP_TYPE, good), part(SDP_TYPE, message_sdp))


def nested(message_sdp: str) -> tuple[str, str]:
    inner = multipart(part(SDP_TYPE, message_sdp, "c"), boundary="c")
    return "multipart/mixed;boundary=b", multipart(
        part("Content-Type: multipart/mixed;boundary=c", inner.replace("--b", "--c"))
    )


def no_blank(message_sdp: str) -> tuple[str, str]:
    return "multipart/mixed;boundary=b", multipart(part(SDP_TYPE.replace(" ", ""), message_sdp))


def parameter(message_sdp: str) -> tuple[str, str]:
    return "multipart/mixed;boundary=b", multipart(part(SDP_TYPE + ";x=y", message_sdp))


HIDDEN = [
    pytest.param(as_sdp, without_length, id="no length"),
    pytest.param(as_sdp, length_zero, id="length 0"),
    pytest.param(as_sdp, replacing(SDP_TYPE, f"Content-Type: text/plain\r\n{SDP_TYPE}"), id="two types"),
    pytest.param(as_sdp, replacing(SDP_TYPE, "Content-Type: application / sdp"), id="blanks in the type"),
    pytest.param(as_sdp, replacing(SDP_TYPE, "c: APPLICATION/SDP;x=y"), id="compact"),
    pytest.param(two_parts, str, id="two parts"),
    pytest.param(nested, str, id="nested"),
    pytest.param(no_blank, str, id="no blank in the part"),
    pytest.param(parameter, str, id="parameter in the part"),
]


@pytest.mark.compat
@pytest.mark.parametrize(("body_of", "edit"), HIDDEN)
def test_hidden_sdp_is_refused(rig: Rig, body_of: Callable[[str], tuple[str, str]], edit: Edit) -> None:
    story = inbound(rig)
    content_type, body = body_of(sdp(VICTIM, 4000, 7))
    with edited(rig.partner, edit):
        cseq = story.partner_agent.request("INVITE", body=body, content_type=content_type)
    assert story.partner_agent.answered(cseq).status in (400, 415, 488, 500)
    assert rig.platform.untaken("INVITE") == []


@pytest.mark.compat
@pytest.mark.parametrize(("body_of", "edit"), HIDDEN)
def test_hidden_sdp_opens_no_call(rig: Rig, body_of: Callable[[str], tuple[str, str]], edit: Edit) -> None:
    """A carrier's SDP may point anywhere: what is understood is anchored, the rest is refused."""
    content_type, body = body_of(sdp(VICTIM, 4000, 7))
    carrier = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
    with edited(rig.carrier, edit):
        cseq = carrier.request("INVITE", body=body, content_type=content_type)
    deadline = time.monotonic() + 4
    while not (came := rig.partner.untaken("INVITE")) and time.monotonic() < deadline:
        if any(m.call_id == carrier.call_id and m.status >= 200 for m in rig.carrier.heard):
            assert carrier.answered(cseq).status in (400, 415, 488, 503)
            return
        time.sleep(0.01)
    assert VICTIM not in came[0].body
    rig.partner.reply(came[0], 486, tag="x")


@pytest.mark.compat
@pytest.mark.parametrize(("body_of", "edit"), HIDDEN)
def test_hidden_sdp_of_a_reply_is_removed(
    rig: Rig, body_of: Callable[[str], tuple[str, str]], edit: Edit
) -> None:
    story = inbound(rig)
    cseq = story.platform.request("INVITE", sdp=rig.agent_media.sdp(5))
    request = story.partner_agent.incoming("INVITE")
    content_type, body = body_of(sdp(VICTIM, 4000, 7))
    with edited(rig.partner, edit):
        rig.partner.reply(request, 200, tag=story.partner_agent.tag, body=body, content_type=content_type)
    assert VICTIM not in story.platform.answered(cseq).text
    story.platform.ack(cseq)


@pytest.mark.compat
def test_sdp_in_one_part_of_several_is_anchored(rig: Rig) -> None:
    """An emergency caller's location, for one, comes along with the SDP."""
    story = inbound(rig)
    story.everybody_talks()
    body = multipart(
        part(SDP_TYPE, rig.partner_agent_media.sdp(7)),
        part("Content-Type: application/pidf+xml", "<presence/>"),
    )
    cseq = story.partner_agent.request("INVITE", body=body, content_type="multipart/mixed;boundary=b")
    request = story.platform.incoming("INVITE")
    assert str(rig.deployment.edges[0].media) in request.body
    assert rig.partner_agent_media.address not in request.body
    assert "<presence/>" in request.body
    story.platform.reply(request, 200, sdp=rig.agent_media.sdp(7))
    assert story.partner_agent.answered(cseq).status == 200
    story.partner_agent.ack(cseq)


@pytest.mark.compat
def test_address_behind_many_lines_is_seen(rig: Rig) -> None:
    story = inbound(rig)
    padding = "a=x\r\n" * 700
    offer = rig.partner_agent_media.sdp(7, extra=f"{padding}m=audio 4000 RTP/AVP 0\r\nc=IN IP4 {VICTIM}\r\n")
    cseq = story.partner_agent.request("INVITE", sdp=offer)
    assert story.partner_agent.answered(cseq).status == 488
    assert rig.platform.untaken("INVITE") == []


@pytest.mark.compat
@pytest.mark.parametrize("call_id", ["a b", "a label=partner ICE=force", "a\tb", "ä@b", "a" * 201])
def test_call_id_that_would_be_more_than_a_name(rig: Rig, call_id: str) -> None:
    """It goes into rtpengine's flags, where a blank begins the next one."""
    dialog = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}", call_id=call_id)
    assert dialog.answered(dialog.request("INVITE", sdp=rig.customer_media.sdp())).status == 400
    assert rig.partner.untaken("INVITE") == []


@pytest.mark.compat
def test_sdp_that_answers_no_offer_moves_no_media(rig: Rig) -> None:
    """A 200 to OPTIONS shows what a device could do, often with port 0. (INFO here: the peer answers OPTIONS itself.)"""
    story = inbound(rig)
    story.everybody_talks()
    cseq = story.partner_customer.request("INFO")
    story.carrier.reply(story.carrier.incoming("INFO"), 200, sdp=sdp(rig.customer_media.address, 0, 9))
    assert story.partner_customer.answered(cseq, "INFO").body == ""
    assert rig.agent_media.wait_voice(CUSTOMER) >= 15
    assert rig.customer_media.wait_voice(AGENT) >= 15


def test_one_anchor_is_not_passed_by_when_rtpengine_does_not_say(make_rig: MakeRig) -> None:
    """While secured, the platform's refresh untouched would take the partner round the fence."""
    rig = make_rig(settings={"anchors": '"one"'}, edits=((":2224/ng-plain", ":2225/ng-plain"),))
    story = inbound(rig)
    story.secure()
    cseq = story.platform.request("INVITE", sdp=rig.agent_media.sdp(3))
    request = story.partner_agent.incoming("INVITE")
    assert place(request.body)[0] == str(rig.deployment.edges[0].media)
    story.partner_agent.reply(request, 488)
    assert story.platform.answered(cseq).status == 488
    story.platform.ack(cseq)
    # A refused offer of which nobody knows what was before takes no anchor away.
    cseq = story.offer("agent", rig.partner_agent_media.sdp(9))
    story.platform.reply(story.platform.incoming("INVITE"), 491)
    assert story.partner_agent.answered(cseq).status == 491
    assert rig.anchored(story.partner_agent.call_id, "agent")


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
