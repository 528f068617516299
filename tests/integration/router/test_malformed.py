"""What the fuzzer found: each passed to the next hop once, or took something with it. One line a finding."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.integration.router.rig import Rig
from tests.integration.router.story import NUMBER, inbound
from tests.support.rtp_talker import sdp
from tests.support.sip_peer import Dialog, SipPeer

pytestmark = pytest.mark.integration

Edit = Callable[[bytes], bytes]


def put(old: bytes, new: bytes) -> Edit:
    def edit(message: bytes) -> bytes:
        assert old in message
        return message.replace(old, new, 1)

    return edit


def numbered(number: bytes) -> Edit:
    return lambda message: re.sub(rb"CSeq: \d+", b"CSeq: " + number, message)


def said(peer: SipPeer, act: Callable[[], object]) -> bytes:
    """What `act` makes the peer say, instead of saying it."""
    kept: list[bytes] = []
    peer.send_bytes = kept.append  # type: ignore[method-assign,assignment]
    try:
        act()
    finally:
        del peer.send_bytes
    return kept[0]


def relength(message: bytes) -> bytes:
    head, _, body = message.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.startswith(b"Content-Length")]
    return b"\r\n".join([*lines, b"Content-Length: %d" % len(body)]) + b"\r\n\r\n" + body


REQUESTS = [
    pytest.param(put(b"Max-Forwards: 60", b"X-Nul: a\x00b\r\nMax-Forwards: 60"), id="NUL"),
    pytest.param(put(b"Max-Forwards: 60", b"X-Bell: a\x07b\r\nMax-Forwards: 60"), id="control character"),
    pytest.param(put(b"Max-Forwards: 60", b"nonsense\r\nMax-Forwards: 60"), id="no header"),
    pytest.param(lambda m: m.replace(b"\r\n", b"\n"), id="LF alone"),
    pytest.param(put(b"CSeq:", b"CSeq :"), id="blank that the core cannot read again"),
    pytest.param(put(b"CSeq: ", b"CSeq:\r\n "), id="fold that the core cannot read again"),
    pytest.param(put(b"From: <", b"From:: <"), id="two colons"),
    pytest.param(put(b"From: <", b"From: <<"), id="brackets"),
    pytest.param(put(b"Contact: ", b"Contact: <sip:a@127.81.0.66>, "), id="two Contacts in one"),
    pytest.param(put(b"Contact: ", b"Contact: <sip:a@127.81.0.66>\r\nContact: "), id="two Contacts"),
    pytest.param(put(b"Contact: <", b"Contact: "), id="bracket missing"),
    pytest.param(put(b"CSeq: 1 INVITE", b"CSeq: 1 INVITE\r\nCSeq: 1 INVITE"), id="two CSeqs"),
    pytest.param(put(b"SIP/2.0/UDP", b"SIP/2.0/UrP"), id="no transport"),
    pytest.param(put(b";branch=", b";br\xffnch="), id="bytes in Via"),
    pytest.param(put(b" SIP/2.0\r\n", b" sip/2.0\r\n"), id="version in small letters"),
    pytest.param(put(b"Content-Type: application/sdp\r\n", b""), id="body without a type"),
    pytest.param(lambda m: relength(put(b"a=sendrecv", b"a=sendrecv\x00")(m)), id="NUL in SDP"),
    pytest.param(lambda m: relength(put(b"m=audio ", b"m=audi<o ")(m)), id="no media"),
    pytest.param(lambda m: relength(put(b"RTP/AVP", b"RTP/2147483648AVP")(m)), id="no protocol"),
    pytest.param(lambda m: relength(put(b"a=ptime:20\r\n", b"a=ptime:20\r\xff")(m)), id="CR alone in SDP"),
    pytest.param(lambda m: relength(put(b"v=0\r\n", b"")(m)), id="SDP without v="),
    pytest.param(lambda m: relength(put(b"o=- 4711 1 IN ", b"o=- 4711 1 IN")(m)), id="o= that rtpengine mends badly"),
    pytest.param(lambda m: relength(m + b"m=audio 4000 RTP/AVP 0\r\n" * 60), id="sixty streams"),
]  # fmt: skip


@pytest.mark.compat
@pytest.mark.parametrize("edit", REQUESTS)
def test_malformed_invite(rig: Rig, edit: Edit) -> None:
    """Refused or dropped; nothing goes on, no anchor stays."""
    dialog = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
    good = said(rig.carrier, lambda: dialog.request("INVITE", sdp=rig.customer_media.sdp()))
    rig.carrier.send_bytes(edit(good))
    # Behind it in the queue: once this is answered the malformed one has been dealt with.
    probe = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
    for _ in range(2):
        probe.answered(probe.request("OPTIONS"), "OPTIONS")
    assert rig.partner.untaken("INVITE") == []
    assert all(
        m.status >= 400 or m.status in (0, 100) for m in rig.carrier.heard if m.call_id == dialog.call_id
    )
    assert not rig.anchored(dialog.call_id, "customer")


@pytest.mark.compat
@pytest.mark.parametrize("method", ["BYE", "INFO", "NOTIFY", "REFER"])
def test_sdp_that_is_no_offer_goes_no_farther(rig: Rig, method: str) -> None:
    """It would only show an address."""
    story = inbound(rig)
    story.carrier.request(method, sdp=rig.customer_media.sdp(7))
    request = story.partner_customer.incoming(method)
    assert request.body == ""
    story.partner_customer.reply(request, 200)


REPLIES = [
    pytest.param(put(b"Content-Length: 0", b"Content-Length: 9"), id="cut off"),
    pytest.param(put(b"SIP/2.0 200", b"sip/2.0 200"), id="version in small letters"),
    pytest.param(put(b"hidden.invalid", b"hidden.inv\xffalid"), id="bytes in Via"),
    pytest.param(put(b"Call-ID: ", b"Call-ID: other, "), id="two Call-IDs in one"),
    pytest.param(put(b"Contact: ", b"Contact: <sip:a@127.81.0.66>, "), id="two Contacts in one"),
    pytest.param(put(b"Contact: ", b"X-Nul: a\x00b\r\nContact: "), id="NUL"),
    pytest.param(numbered(b"21474836480"), id="CSeq of eleven digits"),
    pytest.param(numbered(b"2147483648"), id="CSeq of 2^31"),
    pytest.param(
        put(b"Contact: ", b"Via: SIP/2.0/UDP 127.81.0.66;branch=z9hG4bKx\r\nContact: "), id="a Via more"
    ),
]


@pytest.mark.compat
@pytest.mark.parametrize("edit", REPLIES)
def test_malformed_reply_is_dropped(rig: Rig, edit: Edit) -> None:
    """It cannot be refused; the good one that follows passes."""
    story = inbound(rig)
    cseq = story.partner_customer.request("INFO")
    request = story.carrier.incoming("INFO")
    rig.carrier.send_bytes(edit(said(rig.carrier, lambda: story.carrier.reply(request, 200))))
    story.carrier.reply(request, 202)
    assert story.partner_customer.answered(cseq, "INFO").status == 202


def test_refusal_loses_its_sdp(rig: Rig) -> None:
    """A 488 may say what would do instead, and shows an address by it."""
    story = inbound(rig)
    cseq = story.offer("customer", rig.partner_customer_media.sdp(5))
    story.carrier.reply(story.carrier.incoming("INVITE"), 488, sdp=sdp(rig.customer_media.address, 4000))
    final = story.partner_customer.answered(cseq)
    assert (final.status, final.body) == (488, "")
    story.partner_customer.ack(cseq)


@pytest.mark.compat
def test_request_uri_with_other_bytes(rig: Rig) -> None:
    story = inbound(rig)
    bad = said(rig.carrier, lambda: story.carrier.request("INFO"))
    story.carrier.peer.send_bytes(bad.replace(b"INFO sip:", b"INFO sip:\xd0", 1))
    assert story.carrier.answered(story.carrier.cseq, "INFO").status in (400, 403, 483)
    assert rig.partner.untaken("INFO") == []
