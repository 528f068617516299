"""SRTP's roll-over counter when a call is anchored anew on another edge's node: the counter is in no packet (RFC 3711 section 3.3.1), and the
new node knows nothing of the old one's. A new key begins at 0 on both sides; a key that is kept goes on where it was.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from callseal.lab.rootfs import Rootfs
from tests.integration.router.conftest import TWO
from tests.integration.router.hearing import (
    fence_stands,
    heard_at_home,
    heard_while_secured,
    secured_and_heard,
)
from tests.integration.router.node_pair import NodePair
from tests.integration.router.rig import AGENT, BLOCK, CUSTOMER
from tests.integration.router.story import Story, inbound
from tests.integration.router.test_node_loss import lift_hold, refresh_home
from tests.support.rtp_socket import FRAME_S
from tests.support.srtp_talker import SecureTalker

pytestmark = [pytest.mark.integration, pytest.mark.compat]

SRTP = {"partner.media_profile": '"srtp"', "platform.media_profile": '"srtp"'}
WRAPS_EVERY = 10_000
"""Sequence numbers a packet: 65,536 are gone in seven, and two that are lost on the way (30,000) are no riddle for the receiver."""
NEAR_THE_END = 65_530


@pytest.fixture(scope="module")
def both(suite: str, keeper: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodePair]:
    keeper.close()  # one rig at a time has this block of addresses
    with NodePair(Rootfs.build(suite), tmp_path_factory.mktemp("two-edges-srtp"), TWO | SRTP) as rig:
        yield rig


@pytest.fixture
def rig(both: NodePair) -> Iterator[NodePair]:
    both.talk_to(BLOCK.kamailio)
    both.fresh()
    both.sink_2.forget()
    yield both
    both.whole_again()


def last(rig: NodePair, turns: int) -> None:
    """The call lasts until the agent's sequence numbers have wrapped so often; the customer's do the same."""
    agent = rig.agent_media
    assert isinstance(agent, SecureTalker)
    wanted = agent.sent_turns + turns
    for talker in (rig.customer_media, agent):
        talker.step = WRAPS_EVERY
    deadline = time.monotonic() + 5
    while agent.sent_turns < wanted and time.monotonic() < deadline:
        time.sleep(0.002)
    for talker in (rig.customer_media, agent):
        talker.step = 1
    assert agent.sent_turns == wanted
    time.sleep(0.1)


def end_of_node_1(rig: NodePair) -> None:
    rig.rtpengine.kill()


def test_a_call_that_began_just_before_a_wrap_is_understood_on_the_other_node(rig: NodePair) -> None:
    """More than 65,536 packets: the kept key is at 1 on the platform's side, and the node that begins finds that by itself."""
    for talker in (rig.customer_media, rig.agent_media):
        talker.begin_at = NEAR_THE_END
    story = inbound(rig)
    story.everybody_talks()
    heard_at_home(story)
    assert turns_of(rig) == 1, "the first wrap came after a few packets"
    end_of_node_1(rig)
    refresh_home(story)
    lift_hold(rig, story)
    heard_at_home(story)
    last(rig, 1)
    heard_at_home(story)
    for talker in (rig.partner_customer_media, rig.partner_agent_media):
        talker.begin_at = NEAR_THE_END
    secured_and_heard(story)
    story.restore()
    lift_hold(rig, story)
    heard_at_home(story)
    story.hang_up()


def test_secured_and_long_with_new_keys_it_is_understood_whatever_the_counter_was(rig: NodePair) -> None:
    story = inbound(rig)
    story.everybody_talks()
    last(rig, 2)
    story.secure()
    last(rig, 1)
    heard_while_secured(story)
    end_of_node_1(rig)
    rig.agent_media.bring_new_keys()  # type: ignore[attr-defined]
    story.to_partner("agent")
    story.to_partner("customer")
    heard_while_secured(story)
    fence_stands(story)
    story.hang_up()


def test_a_key_kept_for_more_than_two_wraps_is_not_understood_until_a_new_one_comes(rig: NodePair) -> None:
    """The limit, and what cures it (docs/how-to/srtp.md). It is the platform's stream alone: to it there is always a new key."""
    story = inbound(rig)
    story.everybody_talks()
    last(rig, 2)
    end_of_node_1(rig)
    refresh_home(story)
    lift_hold(rig, story)
    assert rig.agent_media.wait_voice(CUSTOMER) >= 15
    assert rig.customer_media.wait_voice(AGENT, timeout_s=1) == 0, "then the how-to says too much"
    platform_takes_a_new_key(story)
    heard_at_home(story)
    story.hang_up()


def platform_takes_a_new_key(story: Story) -> None:
    """Its own re-INVITE (a session timer, for one), which the partner answers with what it had."""
    agent = story.rig.agent_media
    assert isinstance(agent, SecureTalker)
    agent.bring_new_keys()
    cseq = story.platform.request("INVITE", sdp=agent.sdp(story.next_version()))
    there = story.partner_agent.incoming("INVITE")
    story.partner_agent.reply(there, 200, sdp=story.home["agent"])
    answer = story.platform.answered(cseq)
    story.platform.ack(cseq)
    assert answer.status == 200, answer.start
    agent.send_to(answer.body)


@pytest.mark.soak
@pytest.mark.timeout(400)
def test_every_packet_of_a_long_call_ten_times_as_fast(rig: NodePair) -> None:
    """66,000 packets each way at 500 a second, none left out: 22 minutes of speech in little more than two. (Not faster:
    rtpengine takes at most 50 packets from a socket at once, and what a busy machine sends in bunches is lost.)"""
    story = inbound(rig)
    story.everybody_talks()
    heard_at_home(story)
    for talker in (rig.customer_media, rig.agent_media):
        talker.pace_s = 0.002
    deadline = time.monotonic() + 600
    while turns_of(rig) < 1:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    for talker in (rig.customer_media, rig.agent_media):
        talker.pace_s = FRAME_S
    time.sleep(1)
    heard_at_home(story)
    assert rig.agent_media.turns(CUSTOMER) == 1  # type: ignore[attr-defined]
    end_of_node_1(rig)
    refresh_home(story)
    lift_hold(rig, story)
    heard_at_home(story)
    story.secure()
    heard_while_secured(story)
    story.hang_up()


def turns_of(rig: NodePair) -> int:
    agent = rig.agent_media
    assert isinstance(agent, SecureTalker)
    return agent.sent_turns
