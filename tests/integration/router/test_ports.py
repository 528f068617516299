"""rtpengine has no port left: a new call is told at once, one that is up stays as it was, and both go well when ports are free again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.integration.router.conftest import TWO, MakeRig
from tests.integration.router.rig import AGENT, CUSTOMER, Rig
from tests.integration.router.story import Story, inbound
from tests.integration.router.test_partner_down import dial_in

pytestmark = [pytest.mark.integration, pytest.mark.compat]

ALL, EIGHT = "--port-max=39999", "--port-max=30007"


@contextmanager
def eight_ports(rig: Rig) -> Iterator[None]:
    """As many as two anchors take: RTP and RTCP, on both sides."""
    started = rig.rtpengine.argv
    rig.rtpengine.stop()
    rig.rtpengine.argv = [EIGHT if word == ALL else word for word in started]
    rig.restart_rtpengine()
    try:
        assert free(rig) == 8
        yield
    finally:
        rig.rtpengine.stop()
        rig.rtpengine.argv = started
        rig.restart_rtpengine()


def free(rig: Rig) -> int:
    (interface,) = rig.ask_rtpengine("statistics")["statistics"]["interfaces"]
    return int(interface["ports"]["free"])


def turned_away(rig: Rig) -> None:
    """A new call: 503, so that whoever dials tries the next edge, and nothing of it goes on."""
    began = time.monotonic()
    carrier, cseq = dial_in(rig)
    assert carrier.answered(cseq).status == 503
    assert time.monotonic() - began < 1
    assert rig.partner.untaken("INVITE") == rig.platform.untaken("INVITE") == []


def both_talk(rig: Rig, story: Story) -> None:
    story.everybody_talks()
    assert rig.agent_media.wait_voice(CUSTOMER) >= 15
    assert rig.customer_media.wait_voice(AGENT) >= 15


@pytest.mark.parametrize("anchors", [TWO, {"anchors": '"one"'}], ids=["two", "one"])
def test_no_port_for_a_new_call(make_rig: MakeRig, anchors: dict[str, str]) -> None:
    rig = make_rig(settings=anchors)
    failed = rig.count("media_failed")
    with eight_ports(rig):
        story = inbound(rig)
        if anchors != TWO:
            story.secure()
        assert free(rig) == 0
        turned_away(rig)
        assert rig.count("media_failed") == failed + 1
        if anchors == TWO:
            story.secure()  # it has its ports
        story.restore()
        story.release_hold()
        both_talk(rig, story)
        story.hang_up()
        assert free(rig) == 8
        rig.sink.forget()
        inbound(rig).hang_up()


def test_no_port_to_secure_a_call_that_is_up(make_rig: MakeRig) -> None:
    """With one anchor that takes a second one: the partner is refused before anything has moved, and may try again later."""
    rig = make_rig(settings={"anchors": '"one"'})
    with eight_ports(rig):
        story = inbound(rig)
        other, cseq = dial_in(rig)
        first = rig.partner.expect_request("INVITE")
        rig.partner.reply(first, 180, tag="x")
        assert free(rig) == 0
        asked = story.offer("agent", rig.partner_agent_media.sdp())
        assert story.near("agent").answered(asked).status == 500
        assert not [kind for kind in rig.sink.kinds() if "partner" in kind], "nobody is told that it is there"
        story.release_hold()
        both_talk(rig, story)
        rig.partner.reply(first, 486, tag="x")
        assert other.answered(cseq).status == 486
        assert free(rig) == 4
        story.secure()
        story.restore()
        story.release_hold()
        both_talk(rig, story)
        story.hang_up()
        assert free(rig) == 8
