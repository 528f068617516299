"""rtpengine or Kamailio of one edge dies with a call up; the other edge's carries on. Two edges, both tested rows."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from callseal.lab import second_edge
from callseal.lab.rootfs import Rootfs
from tests.integration.router.node_pair import NodePair
from tests.integration.router.rig import AGENT, BLOCK, CUSTOMER, PARTNER_AGENT, PARTNER_CUSTOMER
from tests.integration.router.story import NUMBER, Leg, Story, inbound, only_the_partner_gets_keys, place
from tests.support.sip_peer import Dialog, Message, SipPeer

pytestmark = [pytest.mark.integration, pytest.mark.compat]

NODE_1, NODE_2 = BLOCK.edge_media, second_edge.media(BLOCK)


@pytest.fixture(scope="module")
def both(suite: str, keeper: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodePair]:
    keeper.close()  # one rig at a time has this block of addresses
    with NodePair(Rootfs.build(suite), tmp_path_factory.mktemp("two-edges")) as rig:
        yield rig


@pytest.fixture
def rig(both: NodePair) -> Iterator[NodePair]:
    """Both edges alive, and the peers talk to the first."""
    both.talk_to(BLOCK.kamailio)
    both.fresh()
    both.sink_2.forget()
    yield both
    both.whole_again()


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """A check that "bounded" means something."""
    begun = time.monotonic()
    yield
    assert time.monotonic() - begun < seconds


@contextmanager
def keys_pressed(rig: NodePair) -> Iterator[None]:
    """The customer presses one key after the other."""
    over = threading.Event()

    def press() -> None:
        while not over.wait(0.2):
            rig.customer_media.press(6)

    thread = threading.Thread(target=press)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def refresh_home(story: Story) -> None:
    """The partner re-INVITEs both legs with what each has of the other, and the first once more when that has changed."""
    story.home["customer"] = story.move("agent", story.home["agent"])
    story.home["agent"] = story.move("customer", story.home["customer"])
    story.home["customer"] = story.move("agent", story.home["agent"])


def lift_hold(rig: NodePair, story: Story) -> None:
    for command in ("unblock DTMF", "unblock media"):
        reply = rig.ask_rtpengine(
            command,
            node=NODE_2,
            **{"call-id": f"{story.carrier.call_id}.customer", "label": "carrier", "flags": ["directional"]},
        )
        assert reply["result"] == "ok", reply


def anchors(rig: NodePair, story: Story, node: str) -> tuple[bool, bool]:
    return (
        rig.anchored(story.carrier.call_id, "customer", node=node),
        rig.anchored(story.platform.call_id, "agent", node=node),
    )


def agent_at_home(rig: NodePair) -> bool:
    """Whether an agent leg at home has an anchor: with two."""
    return rig.deployment.platform.anchors == "two"


def test_a_node_that_was_only_asleep_shows_an_old_place(rig: NodePair) -> None:
    """It sleeps while the call is secured on the other node, and says "home" when it wakes up: the way home is held all the same."""
    story = inbound(rig)
    story.everybody_talks()
    assert rig.customer_media.wait_voice(AGENT) >= 15
    os.killpg(rig.rtpengine.pid, signal.SIGSTOP)
    try:
        story.secure()
        assert anchors(rig, story, NODE_2) == (True, True)
        assert rig.partner_customer_media.wait_voice(CUSTOMER) >= 15
    finally:
        os.killpg(rig.rtpengine.pid, signal.SIGCONT)
    rig.rpc("rtpengine.enable", "all", 1)
    rig.rpc("pv.shvSet", "quiet", "str", ".")
    assert anchors(rig, story, NODE_1) == (True, agent_at_home(rig)), "it has not forgotten"
    before = len([leg for leg in rig.sink.legs if leg["kind"] == "held"])
    story.to_home("customer")
    rig.sink.wait(lambda sink: len([leg for leg in sink.legs if leg["kind"] == "held"]) == before + 1, "held")


def test_open_call_is_anchored_anew_on_the_other_edges_node(rig: NodePair) -> None:
    before = rig.count("anchored_anew")
    story = inbound(rig)
    story.everybody_talks()
    assert rig.customer_media.wait_voice(AGENT) >= 15
    rig.rtpengine.kill()
    with within(3):
        refresh_home(story)
    assert place(story.at_carrier)[0] == place(story.at_platform)[0] == NODE_2
    assert rig.customer_media.wait_voice(AGENT) >= 15
    # Nobody can know that this call was not secured: the customer is held until the desk (here: we) says so.
    assert rig.agent_media.wait_voice(CUSTOMER, packets=15, timeout_s=1) == 0
    assert [leg["node"] for leg in rig.sink.legs if leg["kind"] == "held"] == ["2"]
    lift_hold(rig, story)
    assert rig.agent_media.wait_voice(CUSTOMER) >= 15

    # Record-Route still names node 1: later requests find the call without anybody having remembered anything.
    with within(2):
        cseq = story.platform.request("INVITE", sdp=rig.agent_media.sdp(40))
        there = story.partner_agent.incoming("INVITE")
        story.partner_agent.reply(there, 200, sdp=story.home["agent"])
        answer = story.platform.answered(cseq)
        story.platform.ack(cseq)
        assert answer.status == 200, answer.start
        assert place(answer.body)[0] == NODE_2
    assert rig.agent_media.wait_voice(CUSTOMER) >= 15
    assert rig.count("anchored_anew") == before + 2
    story.hang_up()
    assert anchors(rig, story, NODE_2) == (False, False)


def test_secured_call_is_fenced_and_secured_anew(rig: NodePair) -> None:
    story = inbound(rig)
    story.everybody_talks()
    story.secure()
    rig.rtpengine.kill()
    story.to_partner("agent")
    story.to_partner("customer")
    assert place(story.at_carrier)[0] == place(story.at_platform)[0] == NODE_2
    assert rig.partner_customer_media.wait_voice(CUSTOMER) >= 15
    assert rig.agent_media.wait_voice(PARTNER_AGENT) >= 15
    only_the_partner_gets_keys(rig)
    story.hang_up()


@pytest.mark.parametrize("first", ["agent", "customer"])
def test_secured_call_comes_home_held(rig: NodePair, first: Leg) -> None:
    """Digits and audio all the way through: none of it reaches the agent before the desk lifts the hold."""
    story = inbound(rig)
    story.everybody_talks()
    story.secure()
    rig.agent_media.clear()
    rig.rtpengine.kill()
    with keys_pressed(rig):
        second: Leg = "customer" if first == "agent" else "agent"
        answer = story.to_home(first)
        story.home[second] = answer
        answer = story.to_home(second)
        story.home[first] = answer
        story.to_home(first)
        time.sleep(0.5)
    assert rig.agent_media.events() == 0
    assert rig.agent_media.voices(CUSTOMER) == 0
    assert rig.customer_media.wait_voice(AGENT) >= 15
    lift_hold(rig, story)
    assert rig.agent_media.wait_voice(CUSTOMER) >= 15
    story.hang_up()


def test_refresh_of_the_carrier_while_secured_goes_to_the_partner(rig: NodePair) -> None:
    """A session timer fires before anybody else has noticed that the node is dead."""
    story = inbound(rig)
    story.everybody_talks()
    story.secure()
    rig.rtpengine.kill()
    cseq = story.carrier.request("INVITE", sdp=rig.customer_media.sdp(40))
    there = story.partner_customer.incoming("INVITE")
    story.partner_customer.reply(there, 200, sdp=rig.partner_customer_media.sdp(41))
    answer = story.carrier.answered(cseq)
    story.carrier.ack(cseq)
    assert answer.status == 200, answer.start
    rig.customer_media.target = place(answer.body)
    rig.partner_customer_media.target = place(there.body)
    assert rig.partner_customer_media.wait_voice(CUSTOMER) >= 15
    assert rig.customer_media.wait_voice(PARTNER_CUSTOMER) >= 15
    story.hang_up()


def test_a_refused_refresh_of_a_lost_call_leaves_no_anchor(rig: NodePair) -> None:
    """It would have one side only, and say nothing of where the partner's was."""
    story = inbound(rig)
    story.everybody_talks()
    story.secure()
    rig.rtpengine.kill()
    for leg in ("customer", "agent"):
        far, near = story.far(leg), story.near(leg)
        cseq = far.request("INVITE", sdp=story.far_media(leg).sdp(40))
        near.reply(near.incoming("INVITE"), 491)
        assert far.answered(cseq).status == 491
        far.ack(cseq)
    assert anchors(rig, story, NODE_2) == (False, False)


def test_node_that_lost_the_call_is_used_again(rig: NodePair) -> None:
    """It crashed and is back: alive, and knows nothing."""
    story = inbound(rig)
    story.everybody_talks()
    rig.rtpengine.kill()
    rig.whole_again()
    refresh_home(story)
    assert place(story.at_carrier)[0] == place(story.at_platform)[0] == NODE_1
    assert rig.customer_media.wait_voice(AGENT) >= 15
    story.hang_up()


def test_bye_deletes_wherever_the_call_is(rig: NodePair) -> None:
    story = inbound(rig)
    rig.rtpengine.kill()
    refresh_home(story)
    rig.whole_again()
    assert anchors(rig, story, NODE_2) == (True, agent_at_home(rig))
    story.hang_up()
    assert anchors(rig, story, NODE_2) == (False, False)


def test_new_call_takes_the_other_node_and_none_when_none_is_left(rig: NodePair) -> None:
    rig.rtpengine.kill()
    story = inbound(rig)
    story.everybody_talks()
    assert place(story.at_carrier)[0] == place(story.at_platform)[0] == NODE_2
    assert rig.agent_media.wait_voice(CUSTOMER) >= 15
    assert rig.customer_media.wait_voice(AGENT) >= 15
    assert rig.sink.handoffs[0]["node"] == "2"
    story.hang_up()
    rig.rtpengine_2.kill()
    dialog = Dialog.new(rig.carrier, f"sip:{NUMBER}@{BLOCK.kamailio}")
    assert dialog.answered(dialog.request("INVITE", sdp=rig.customer_media.sdp())).status == 503
    assert rig.partner.untaken("INVITE") == []


def test_any_edge_serves_a_call_that_another_opened(rig: NodePair) -> None:
    """Edge 1's Kamailio is gone for good: everything of the call goes on through edge 2, on the node that has the media."""
    story = inbound(rig)
    story.everybody_talks()
    rig.kamailio.kill()
    rig.talk_to(second_edge.sip(BLOCK))
    story.secure()
    assert place(story.at_carrier)[0] == NODE_1, "the media stays where it is"
    assert rig.partner_customer_media.wait_voice(CUSTOMER) >= 15
    rig.agent_media.clear()
    rig.customer_media.press(10)
    rig.partner_agent_media.press(10)
    time.sleep(0.5)
    assert rig.agent_media.events() == 0
    kinds = [(leg["leg"], leg["kind"], leg["where"]) for leg in rig.sink_2.legs]
    assert ("customer", "answered", "partner") in kinds, "edge 2's agent is told"
    story.restore()
    story.release_hold()
    assert rig.agent_media.wait_voice(CUSTOMER) >= 15
    story.hang_up()
    assert anchors(rig, story, NODE_1) == (False, False)


def test_kamailio_and_rtpengine_of_an_edge_die_together(rig: NodePair) -> None:
    story = inbound(rig)
    story.everybody_talks()
    story.secure()
    rig.agent_media.clear()
    rig.kamailio.kill()
    rig.rtpengine.kill()
    rig.talk_to(second_edge.sip(BLOCK))
    with keys_pressed(rig):
        story.to_partner("agent")
        story.to_partner("customer")
        assert place(story.at_carrier)[0] == place(story.at_platform)[0] == NODE_2
        time.sleep(0.7)
    assert rig.partner_customer_media.events() > 0
    assert rig.agent_media.events() == rig.agent_media.voices(CUSTOMER) == 0
    story.hang_up()


def test_forged_parameters_are_refused_by_the_other_edge_too(rig: NodePair) -> None:
    story = inbound(rig)
    rig.kamailio.kill()
    rig.talk_to(second_edge.sip(BLOCK))
    story.carrier.routes = [route.replace(";rn=1", ";rn=2") for route in story.carrier.routes]
    cseq = story.carrier.request("INVITE", sdp=rig.customer_media.sdp(40))
    assert story.carrier.answered(cseq).status == 481
    assert _untaken(rig.partner) == []


def _untaken(peer: SipPeer) -> list[Message]:
    return peer.untaken("INVITE")
