"""Three carriers on one edge, each with a policy of its own: what holds for one is not what holds for the next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from callseal.lab.rootfs import Rootfs
from tests.integration.router.conftest import Keeper
from tests.integration.router.hearing import heard_at_home, secured_and_heard
from tests.integration.router.rig import BLOCK, CUSTOMER, Rig, talker
from tests.integration.router.story import NUMBER, Story, inbound, outbound
from tests.integration.router.test_partner_down import connect_in, connect_out, dial_out
from tests.integration.router.test_srtp import SRTP, suites
from tests.support.rtp_talker import sdp as in_clear
from tests.support.sip_peer import Dialog, SipPeer

pytestmark = pytest.mark.integration

SAID = {
    "P-Asserted-Identity": "<sip:+447700900123@carrier.example>",
    "Diversion": "<sip:+441632960000@carrier.example>;reason=unconditional",
    "Identity": "eyJhbGciOiJFUzI1NiJ9..x;info=<https://cert.example/a>;alg=ES256;ppt=shaken",
}
HEADERS = tuple(f"{name}: {value}" for name, value in SAID.items())
CARRIERS = f"""
[[carriers]]
id = "carrier-b"
signalling = ["{BLOCK.host(13)}"]
media = ["{BLOCK.host(13)}"]
destinations = ["sip:{BLOCK.host(13)}:5060"]
media_profile = "srtp"
headers = ["P-Asserted-Identity"]

[[carriers]]
id = "carrier-c"
signalling = ["{BLOCK.host(14)}"]
media = ["{BLOCK.host(14)}"]
destinations = ["sip:{BLOCK.host(14)}:5060"]
headers = []
payments = false

[[numbers]]
match = "+44207946022"
tenant = "acme"
carrier = "carrier-b"

[[numbers]]
match = "+44207946033"
tenant = "acme"
carrier = "carrier-c"
"""
FROM_B, FROM_C = "+442079460221", "+442079460331"
"""Numbers that dial out over these carriers."""


@dataclass(slots=True)
class Three:
    """The rig, whose carrier is carrier-a; `taken_by` lets another one play its part."""

    rig: Rig

    @contextmanager
    def taken_by(self, carrier_id: str) -> Iterator[Rig]:
        rig = self.rig
        carrier = next(one for one in rig.deployment.carriers if one.id == carrier_id)
        address = str(carrier.signalling[0].network_address)
        before = rig.carrier, rig.customer_media
        with SipPeer(address, BLOCK.kamailio) as peer, talker(carrier, address, CUSTOMER) as media:
            rig.carrier, rig.customer_media = peer, media
            try:
                yield rig
            finally:
                rig.carrier, rig.customer_media = before


@pytest.fixture(scope="module")
def edge(suite: str, tmp_path_factory: pytest.TempPathFactory, keeper: Keeper) -> Iterator[Rig]:
    keeper.close()  # its rig holds the same addresses
    with Rig(
        Rootfs.build(suite),
        tmp_path_factory.mktemp("three"),
        settings=SRTP,
        amend=lambda text: text.replace('match = "112"', 'match = "112"\ncarrier = "carrier-a"') + CARRIERS,
    ) as rig:
        yield rig


@pytest.fixture
def three(edge: Rig) -> Three:
    edge.fresh()
    return Three(edge)


def secured(story: Story) -> None:
    story.everybody_talks()
    heard_at_home(story)
    secured_and_heard(story)
    story.hang_up()


def said_of_the_caller(story: Story) -> set[str]:
    assert story.leg1_invite is not None
    return {name for name, value in SAID.items() if story.leg1_invite.get(name) == value}


def test_each_carrier_is_secured_in_its_own_profile_and_believed_what_it_may_say(three: Three) -> None:
    rig = three.rig
    story = inbound(rig, carrier_headers=HEADERS)
    assert said_of_the_caller(story) == set(SAID)
    assert "RTP/AVP" in story.at_carrier
    secured(story)
    rig.fresh()
    with three.taken_by("carrier-b"):
        story = inbound(rig, carrier_headers=HEADERS)
        assert said_of_the_caller(story) == {"P-Asserted-Identity"}
        assert suites(story.at_carrier) == ["AES_CM_128_HMAC_SHA1_32"]
        secured(story)


def test_rtp_only_where_the_policy_says_so(three: Three) -> None:
    """Neither carrier may speak as the other does."""
    rig = three.rig
    before = rig.count("profile_refused")
    encrypted = ""
    with three.taken_by("carrier-b"):
        encrypted = rig.customer_media.sdp().replace(BLOCK.host(13), BLOCK.customer)
        carrier = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
        assert carrier.answered(carrier.request("INVITE", sdp=in_clear(BLOCK.host(13), 40000))).status == 488
    carrier = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
    assert carrier.answered(carrier.request("INVITE", sdp=encrypted)).status == 488
    assert rig.count("profile_refused") == before + 2
    assert rig.partner.untaken("INVITE") == []


def test_payments_only_where_the_policy_says_so(three: Three) -> None:
    rig = three.rig
    with three.taken_by("carrier-c"):
        carrier = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
        cseq = carrier.request("INVITE", sdp=rig.customer_media.sdp(), headers=HEADERS)
        _, invite = connect_in(rig, carrier, cseq)
        assert [invite.get(name) for name in SAID] == [""] * 3
        platform, cseq = dial_out(rig, "+447700900555", user=FROM_C)
        connect_out(rig, platform, cseq)
    assert rig.partner.untaken("INVITE") == []
    assert [one["reason"] for one in rig.sink.handoffs] == ["carrier_not_trusted"] * 2


def test_calls_go_out_over_the_carrier_of_the_number_in_its_profile(three: Three) -> None:
    rig = three.rig
    with three.taken_by("carrier-b"):
        story = outbound(rig, user=FROM_B)
        assert suites(story.at_carrier) == ["AES_CM_128_HMAC_SHA1_32"]
        secured(story)
