"""IPv6 on one side of the edge: SIP and media of a whole call, every way between the families."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from callseal.lab.rootfs import BASELINE, COMPATIBILITY, Rootfs
from tests.integration.router.conftest import TWO, Keeper
from tests.integration.router.hearing import heard_at_home, home_again, secured_and_heard
from tests.integration.router.rig import BLOCK
from tests.integration.router.six import EDGE, EDGE_MEDIA, STRANGER, SixRig
from tests.integration.router.story import Story, inbound, outbound, place
from tests.support.sip_peer import Dialog

pytestmark = pytest.mark.integration

LAYOUTS = {
    "the carrier": (BASELINE, ("carrier",)),
    "the partner": (BASELINE, ("partner",)),
    "the carrier, older suite": (COMPATIBILITY, ("carrier",)),
}


def _has_ipv6() -> bool:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            return False
    return True


if not _has_ipv6():
    pytest.skip("this kernel has no IPv6 (::1 is not there)", allow_module_level=True)


@pytest.fixture(scope="module", params=list(LAYOUTS.values()), ids=list(LAYOUTS))
def built(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, keeper: Keeper
) -> Iterator[SixRig]:
    keeper.close()
    suite, faces = request.param
    with SixRig(Rootfs.build(suite), tmp_path_factory.mktemp("six"), faces, settings=TWO) as rig:
        yield rig


@pytest.fixture
def rig(built: SixRig) -> SixRig:
    built.fresh()
    return built


def one_family(story: Story) -> None:
    """What each peer was shown is of its own family: Record-Route nearest to it, Contact, Via, media."""
    for peer in story.rig.peers:
        six = ":" in peer.address
        ours, media = (f"[{EDGE}]", EDGE_MEDIA) if six else (BLOCK.kamailio, BLOCK.edge_media)
        for message in peer.heard:
            if message.method == "OPTIONS":
                continue
            assert not message.is_request or f" {ours};" in message.get("Via").replace(":5060;", ";"), (
                message.text
            )
            assert not message.get("Contact") or f"<sip:{ours}:5060;h=" in message.get("Contact"), (
                message.text
            )
            if message.body.startswith("v="):
                assert place(message.body)[0] == media, message.text


def test_a_secured_call_between_the_families(rig: SixRig) -> None:
    story = inbound(rig)
    assert story.leg1_invite is not None
    assert story.leg2_invite is not None
    crossing = story.leg1_invite.all("Record-Route")
    assert [EDGE in uri for uri in crossing].count(True) == 1, crossing
    assert len(crossing) == 2, "each side has an address that it can reach (RFC 5658)"
    assert all(";r2=on" in uri and ";sg=" in uri for uri in crossing), "both of them are signed"
    nearest = story.leg1_invite.all("Record-Route")[0]
    assert (EDGE in nearest) == (":" in rig.partner.address)
    story.everybody_talks()
    heard_at_home(story)
    secured_and_heard(story)
    home_again(story)
    # The far sides speak: a refresh each, which crosses back.
    for far, near, far_media, near_media in (
        (story.carrier, story.partner_customer, rig.customer_media, story.home["customer"]),
        (story.platform, story.partner_agent, rig.agent_media, story.home["agent"]),
    ):
        cseq = far.request("INVITE", sdp=far_media.sdp(50))
        near.reply(near.incoming("INVITE"), 200, sdp=near_media)
        assert far.answered(cseq).status == 200
        far.ack(cseq)
        near.incoming("ACK")
    heard_at_home(story)
    one_family(story)
    story.hang_up()
    assert not rig.anchored(story.carrier.call_id, "customer")


def test_a_refused_move_is_undone_in_its_own_family(rig: SixRig) -> None:
    story = inbound(rig)
    story.everybody_talks()
    heard_at_home(story)
    for leg in ("customer", "agent"):
        cseq = story.offer(leg, story.partner_media(leg).sdp(story.next_version()))
        far = story.far(leg)
        far.reply(far.incoming("INVITE"), 488)
        assert story.near(leg).answered(cseq).status == 488
    rig.sink.wait(lambda sink: [leg["kind"] for leg in sink.legs].count("undone") == 2, "both are undone")
    heard_at_home(story)
    story.hang_up()


def test_what_a_kamailio_before_had_begun_is_ended_in_its_own_family(rig: SixRig) -> None:
    """An ACK for who answers a lost re-INVITE, a 487 for who gives it up (test_orphans.py)."""
    story, branch = inbound(rig), "z9hG4bKsix9"
    near, far = story.partner_customer, story.carrier
    cseq = near.request("INVITE", sdp=rig.partner_customer_media.sdp(story.next_version()), branch=branch)
    asked = far.incoming("INVITE")
    rig.kamailio.kill()
    rig.kamailio.restart()
    far.reply(asked, 200, sdp=rig.customer_media.sdp(story.next_version()))
    ack = far.incoming("ACK")
    assert ack.cseq == asked.cseq
    assert (f"[{EDGE}]" in ack.get("Via")) is (":" in rig.carrier.address)
    near.request("CANCEL", cseq=cseq, branch=branch)
    assert near.answered(cseq).status == 487
    story.everybody_talks()
    secured_and_heard(story)
    home_again(story)
    story.hang_up()


def test_outbound(rig: SixRig) -> None:
    story = outbound(rig)
    story.everybody_talks()
    heard_at_home(story)
    one_family(story)


def test_past_the_partner_the_media_is_of_the_platforms_family(rig: SixRig) -> None:
    """What was offered to the partner would not do: the anchor is made anew."""
    carrier = Dialog.new(rig.carrier, f"sip:+442079460000@{rig.kamailio.sip[0]}")
    first = carrier.request("INVITE", sdp=rig.customer_media.sdp())
    rig.partner.reply(rig.partner.expect_request("INVITE"), 503, tag="down")
    invite = rig.platform.expect_request("INVITE")
    platform = Dialog.of(rig.platform, invite)
    platform.reply(invite, 200, sdp=rig.agent_media.sdp())
    answer = carrier.answered(first)
    carrier.ack(first)
    platform.incoming("ACK")
    rig.customer_media.send_to(answer.body)
    rig.agent_media.send_to(invite.body)
    assert rig.agent_media.wait_voice(rig.customer_media.voice) >= 15
    assert rig.customer_media.wait_voice(rig.agent_media.voice) >= 15
    for peer, message in ((rig.platform, invite), (rig.carrier, answer)):
        ours = f"[{EDGE}]" if ":" in peer.address else BLOCK.kamailio
        assert f"<sip:{ours}:5060;h=" in message.get("Contact")
    cseq = carrier.request("BYE")
    platform.reply(platform.incoming("BYE"), 200)
    assert carrier.answered(cseq, "BYE").status == 200


def test_a_stranger_on_ipv6_hears_nothing(rig: SixRig) -> None:
    before = rig.count("strangers")
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as stranger:
        stranger.bind((STRANGER, 0))
        stranger.settimeout(0.5)
        stranger.sendto(
            f"OPTIONS sip:[{EDGE}] SIP/2.0\r\nVia: SIP/2.0/UDP [{STRANGER}];branch=z9hG4bK-six\r\nFrom: <sip:s@s.example>;tag=1\r\n"
            f"To: <sip:e@e.example>\r\nCall-ID: six\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 9\r\nContent-Length: 0\r\n\r\n".encode(),
            (EDGE, 5060),
        )
        with pytest.raises(TimeoutError):
            stranger.recv(4096)
    assert rig.count("strangers") == before + 1
