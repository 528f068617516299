"""One anchor: the agent leg goes to the partner only when the customer is held or there already, whoever has to see to it."""

from __future__ import annotations

import pytest

from tests.integration.router.conftest import MakeRig
from tests.integration.router.rig import Rig
from tests.integration.router.story import Leg, Story, inbound, outbound

pytestmark = pytest.mark.integration


@pytest.fixture
def one(make_rig: MakeRig) -> Rig:
    return make_rig(settings={"anchors": '"one"'})


def keys_heard(story: Story) -> int:
    """Telephone-events at the agent's phone after one key of the customer's."""
    rig = story.rig
    rig.agent_media.clear()
    rig.customer_media.press()
    rig.agent_media.wait_voice(0, packets=1, timeout_s=0.4)
    return rig.agent_media.events()


def invites(story: Story) -> int:
    """How many INVITEs the platform has got."""
    heard = story.rig.platform.heard
    return sum(message.is_request and message.method == "INVITE" for message in heard)


def hold(story: Story) -> int:
    """What the edge agent does when it is asked."""
    for command in ("block DTMF", "block media"):
        name = {"call-id": f"{story.carrier.call_id}.customer", "label": "carrier", "flags": ["directional"]}
        assert story.rig.ask_rtpengine(command, **name)["result"] == "ok"
    return 204


@pytest.mark.compat
@pytest.mark.parametrize("direction", ["in", "out"])
def test_a_late_partner_finds_the_customer_held(one: Rig, direction: str) -> None:
    story = inbound(one) if direction == "in" else outbound(one)
    story.everybody_talks()
    assert keys_heard(story) > 0, "an ordinary call: the hold of the press has run out"
    heard_before, relayed = invites(story), []

    def asked(_: str) -> int:
        relayed.append(invites(story) - heard_before)
        return hold(story)

    one.sink.hold = asked
    story.to_partner("agent")
    assert one.sink.holds_asked == [story.reference]
    assert relayed == [0], "held before the offer is relayed"
    assert keys_heard(story) == 0
    story.to_partner("customer")
    story.to_home("customer")
    story.to_home("agent")
    assert one.sink.holds_asked == [story.reference], "once, for the way there"


def test_without_the_hold_the_agent_hears_the_key(make_rig: MakeRig) -> None:
    """The mutant: the same walk, and nobody is asked."""
    deaf = make_rig(settings={"anchors": '"one"'}, edits=((" && !route(CUSTOMER_HELD)", " && 0"),))
    story = inbound(deaf)
    story.everybody_talks()
    story.to_partner("agent")
    assert deaf.sink.holds_asked == []
    assert keys_heard(story) > 0


@pytest.mark.two_anchors
def test_two_anchors_need_no_hold(rig: Rig) -> None:
    """The agent leg's anchor takes packets of the partner's address only: what the customer says ends there."""
    story = inbound(rig)
    story.everybody_talks()
    assert keys_heard(story) > 0
    story.to_partner("agent")
    assert rig.sink.holds_asked == []
    assert keys_heard(story) == 0


@pytest.mark.parametrize("status", [500, 502, 503])
def test_no_hold_no_move(one: Rig, status: int) -> None:
    story = inbound(one)
    story.everybody_talks()
    one.sink.hold = lambda _: status
    before = one.count("hold_failed")
    refused(story, "agent")
    assert one.count("hold_failed") - before == 1
    assert not one.anchored(story.partner_agent.call_id, "agent")
    assert keys_heard(story) > 0, "the call goes on"


def test_no_edge_agent_no_move(one: Rig) -> None:
    story = inbound(one)
    one.sink.close()
    try:
        refused(story, "agent")
    finally:
        one.reopen_sink()


def test_a_call_that_this_edge_agent_does_not_know_goes_on(one: Rig) -> None:
    """Another edge has it."""
    story = inbound(one)
    one.sink.hold = lambda _: 404
    story.secure()
    story.restore()


def test_a_refresh_at_the_partner_asks_nobody(one: Rig) -> None:
    story = inbound(one)
    story.secure()
    one.sink.holds_asked.clear()
    story.move("agent", one.partner_agent_media.sdp(story.next_version()))
    assert one.sink.holds_asked == []


def refused(story: Story, leg: Leg) -> None:
    cseq = story.offer(leg, story.partner_media(leg).sdp(story.next_version()))
    assert story.near(leg).answered(cseq).status == 500
    story.near(leg).ack(cseq)
