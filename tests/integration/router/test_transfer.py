"""REFER: passes while the call is open, and is refused while a card may be spoken or typed on it."""

from __future__ import annotations

import pytest

from tests.integration.router.conftest import MakeRig
from tests.integration.router.hearing import fence_stands, heard_while_secured
from tests.integration.router.rig import Rig
from tests.integration.router.story import Leg, Story, inbound
from tests.support.sip_peer import Dialog

pytestmark = pytest.mark.integration


def sides(story: Story) -> list[tuple[Dialog, Dialog]]:
    return [
        (story.platform, story.partner_agent),
        (story.partner_agent, story.platform),
        (story.carrier, story.partner_customer),
        (story.partner_customer, story.carrier),
    ]


REFER_TO = ("Refer-To: <sip:+442079460777@transfer.example>",)


@pytest.mark.compat
def test_refer_passes_while_open(rig: Rig) -> None:
    story = inbound(rig)
    for sender, taker in sides(story):
        cseq = sender.request("REFER", headers=REFER_TO)
        request = taker.incoming("REFER")
        assert request.get("Refer-To") == REFER_TO[0].partition(": ")[2]
        taker.reply(request, 202)
        assert sender.answered(cseq, "REFER").status == 202


@pytest.mark.compat
def test_refer_is_refused_while_media_is_at_the_partner(rig: Rig) -> None:
    story = inbound(rig)
    story.everybody_talks()
    story.secure()
    before = rig.count("transfers_refused")
    for sender, taker in sides(story):
        assert sender.answered(sender.request("REFER", headers=REFER_TO), "REFER").status == 403
        assert taker.peer.untaken("REFER") == []
    assert rig.count("transfers_refused") == before + 4
    heard_while_secured(story)
    fence_stands(story)
    story.restore()
    cseq = story.platform.request("REFER", headers=REFER_TO)
    story.partner_agent.reply(story.partner_agent.incoming("REFER"), 202)
    assert story.platform.answered(cseq, "REFER").status == 202


@pytest.mark.parametrize("leg", ["customer", "agent"])
def test_refer_with_one_anchor(make_rig: MakeRig, leg: Leg) -> None:
    rig = make_rig(settings={"anchors": '"one"'})
    story = inbound(rig)
    far, near = story.far(leg), story.near(leg)
    cseq = far.request("REFER", headers=REFER_TO)
    near.reply(near.incoming("REFER"), 202)
    assert far.answered(cseq, "REFER").status == 202
    story.secure()
    assert far.answered(far.request("REFER", headers=REFER_TO), "REFER").status == 403


def test_refer_is_refused_when_rtpengine_does_not_say(make_rig: MakeRig) -> None:
    """Closed, not open: a transfer can be tried again."""
    rig = make_rig(edits=((":2224/ng-plain", ":2225/ng-plain"),))
    story = inbound(rig)
    assert story.platform.answered(story.platform.request("REFER", headers=REFER_TO), "REFER").status == 403


def test_refer_outside_a_dialog(rig: Rig) -> None:
    dialog = Dialog.new(rig.platform, f"sip:+442079460000@{rig.kamailio.sip[0]}")
    assert dialog.answered(dialog.request("REFER", headers=REFER_TO), "REFER").status == 405
