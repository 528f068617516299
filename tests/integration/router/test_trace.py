"""HEP tracing: every message is seen, and no digit, key, token, cookie or signature in any of them."""

from __future__ import annotations

import base64
import hashlib
import re
import time

import pytest

from callseal.edge.tracing import Tracer
from callseal.wire.hep import HepPacket
from tests.integration.router.conftest import MakeRig
from tests.integration.router.rig import Rig
from tests.integration.router.story import TOKEN, inbound

pytestmark = [pytest.mark.integration, pytest.mark.compat]

ON = {"fence": '"events"\nhep = "127.81.0.90:9060"'}
KEY = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
CANARY = "4242424242424242"
FORMS = (
    CANARY,
    CANARY[::-1],
    base64.b64encode(CANARY.encode()).decode(),
    CANARY.encode().hex(),
    " ".join(CANARY),
    "Signal=",
    KEY,
    KEY[:12],
    TOKEN,
    TOKEN[4:],
    base64.b64encode(TOKEN.encode()).decode().rstrip("="),
    "crypto",
    "inline",
    "sg=",
    "X-Route-Cookie",
)


def _packets(rig: Rig) -> tuple[list[HepPacket], int]:
    """What the edge agent would send, and how many copies it would drop."""
    sent: list[bytes] = []
    dropped: list[int] = []
    tracer = Tracer(
        agent=1,
        token_header="X-Payment-Token",
        reference_header="X-Call-Reference",
        now_us=lambda: 1,
        send=sent.append,
        refused=lambda: dropped.append(1),
    )
    time.sleep(0.2)
    for datagram in rig.sink.traces:
        tracer.take(datagram)
    return [HepPacket.decode(one) for one in sent], len(dropped)


def test_a_call_is_traced_without_its_secrets(make_rig: MakeRig) -> None:
    rig = make_rig(ON)
    crypto = f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20|1:32\r\nk=clear:{KEY}\r\n"
    story = inbound(
        rig,
        sdp=rig.customer_media.sdp() + crypto,
        carrier_headers=(
            f"Subject: {CANARY}",
            f"X-Digits: {CANARY}",
            "Supported: timer",
            f"P-Note: a\r\n {CANARY}",
        ),
    )
    for body, kind in (
        (f"Signal={CANARY}\r\nDuration=160\r\n", "application/dtmf-relay"),
        (CANARY, "application/dtmf"),
        (f"v=0\r\ni={CANARY}\r\n", "text/plain"),
    ):
        story.carrier.request("INFO", body=body, content_type=kind)
        story.partner_customer.reply(story.partner_customer.incoming("INFO"), 200)
    story.secure()
    story.hang_up()
    packets, dropped = _packets(rig)
    assert dropped == 0
    texts = [packet.payload.decode() for packet in packets]
    starts = [text.partition("\r\n")[0] for text in texts]
    for method in ("INVITE", "ACK", "INFO", "BYE"):
        assert sum(start.startswith(f"{method} ") for start in starts) >= 4, method
    assert sum(start.startswith("SIP/2.0 200 ") for start in starts) >= 10, "received and passed on"
    for datagram in rig.sink.traces:
        for form in FORMS:
            assert form.lower() not in datagram.decode().lower(), form
    infos = [text for text in texts if text.startswith("INFO")]
    assert infos
    assert all(text.endswith("Content-Length: 0\r\n\r\n") for text in infos)
    offers = [text for text in texts if text.startswith("INVITE") and "m=audio" in text]
    assert all(
        len(text.partition("\r\n\r\n")[2]) == int(re.findall(r"Content-Length: (\d+)", text)[0])
        for text in offers
    )
    name = hashlib.sha256(TOKEN.encode()).hexdigest()[:32]
    assert any(f"X-Payment-Token: session={name}" in text for text in texts), "the token by its public name"
    assert story.reference in {packet.correlation for packet in packets}
    assert {str(packet.source[0]) for packet in packets} >= {
        rig.carrier.address,
        rig.partner.address,
        rig.kamailio.sip[0],
    }


def test_without_a_collector_nothing_is_copied(rig: Rig) -> None:
    story = inbound(rig)
    story.hang_up()
    time.sleep(0.2)
    assert rig.sink.traces == []


def test_the_second_look_holds_when_the_first_fails(make_rig: MakeRig) -> None:
    """With the router's list of SDP lines broken, the agent drops what carries a key."""
    rig = make_rig(ON, edits=(('"^([votmcb]=|a=(rtpmap', '"^([votmcbk]=|a=(crypto|rtpmap'),))
    crypto = f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20|1:32\r\n"
    story = inbound(rig, sdp=rig.customer_media.sdp() + crypto)
    story.hang_up()
    assert any(KEY.encode() in datagram for datagram in rig.sink.traces), "the break shows"
    packets, dropped = _packets(rig)
    assert dropped > 0
    assert not any(KEY in packet.payload.decode() for packet in packets)
