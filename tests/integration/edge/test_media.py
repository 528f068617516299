"""Hold and evidence on a real rtpengine, both tested versions, with RTP that is counted where it arrives."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.edge.agent_process import AgentProcess
from tests.integration.edge.fake_desk import FakeDesk
from tests.integration.edge.rig import (
    CARRIER,
    PARTNER,
    PCMU,
    PLATFORM,
    TELEPHONE_EVENT,
    Endpoint,
    Leg,
    Ng,
    new_reference,
    poll,
)

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def desk() -> Iterator[FakeDesk]:
    server = FakeDesk().start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentProcess]:
    """One for the module: every test has a reference of its own."""
    process = AgentProcess(tmp_path_factory.mktemp("agent") / "edge")
    with process.daemon:
        yield process


@dataclass
class Story:
    """A call in its normal state: two anchors, carrier <-> customer leg <-> agent leg <-> platform, both talking."""

    reference: str
    call_id: str
    carrier: Endpoint
    platform: Endpoint
    partner_customer: Endpoint
    partner_agent: Endpoint
    customer: Leg
    agent: Leg

    def home(self) -> tuple[tuple[str, int], tuple[str, int]]:
        """Where the partner points each leg in the normal state: at the other leg's anchor."""
        return self.agent.partner_port, self.customer.partner_port

    def secure(self) -> None:
        """Both legs to the partner, agent leg fenced; the partner talks on both."""
        self.agent.move(self.partner_agent.at, fence=True)
        self.customer.move(self.partner_customer.at)
        self.partner_customer.talk_to(self.customer.partner_port)
        self.partner_agent.talk_to(self.agent.partner_port)

    def clear(self) -> None:
        for endpoint in (self.carrier, self.platform, self.partner_customer, self.partner_agent):
            endpoint.clear()


@pytest.fixture
def story(ng: Ng, endpoint: Callable[[str, int], Endpoint]) -> Iterator[Story]:
    carrier, platform = endpoint(CARRIER, 20000), endpoint(PLATFORM, 20000)
    reference = new_reference()
    call_id = f"{reference[:8]}@{CARRIER}"
    # The partner's first answer names a port that nobody has; the moves below point each leg at the other.
    customer = Leg(ng, call_id, "customer", carrier, (PARTNER, 39_998))
    agent = Leg(ng, f"b2b-{call_id}", "agent", platform, customer.partner_port)
    customer.move(agent.partner_port)
    told = Story(
        reference=reference,
        call_id=call_id,
        carrier=carrier,
        platform=platform,
        partner_customer=endpoint(PARTNER, 30000),
        partner_agent=endpoint(PARTNER, 30002),
        customer=customer,
        agent=agent,
    )
    carrier.talk_to(customer.outside_port)
    platform.talk_to(agent.outside_port)
    poll(
        lambda: platform.received[PCMU] > 5 and carrier.received[PCMU] > 5, 3, "the normal call carries audio"
    )
    yield told
    for leg in (customer, agent):
        ng("delete", call_id=leg.name, delete_delay=0)


def names(story: Story) -> dict[str, object]:
    return {"reference": story.reference, "call_id": story.call_id, "node": "edge-1"}


def both(story: Story) -> dict[str, object]:
    return {
        "reference": story.reference,
        "customer_call_id": story.call_id,
        "agent_call_id": story.agent.call_id,
        "node": "edge-1",
    }


def tell(agent: AgentProcess, story: Story, leg: str, kind: str, cseq: int, where: str) -> None:
    call_id = story.call_id if leg == "customer" else story.agent.call_id
    fields: dict[str, object] = {
        "reference": story.reference,
        "leg": leg,
        "call_id": call_id,
        "node": "edge-1",
    }
    more: dict[str, object] = {
        "cseq": cseq,
        "kind": kind,
        "where": where,
        "code": 200 if kind == "answered" else "",
    }
    assert agent.notice("leg", fields | more) == 204


def counted(receiver: Endpoint, seconds: float = 0.4) -> dict[int, int]:
    """Packets by payload type that arrive from now on."""
    time.sleep(0.06)  # what is on its way
    receiver.clear()
    time.sleep(seconds)
    return dict(receiver.received)


def test_hold_stops_one_direction_and_unhold_passes_it(
    agent: AgentProcess, desk: FakeDesk, story: Story
) -> None:
    before = counted(story.platform)
    assert before[PCMU] >= 10
    assert before[TELEPHONE_EVENT] >= 1
    status, answer = agent.ask("hold", **names(story), ttl_ms=5_000)
    assert (status, answer["held"]) == (200, True)
    story.carrier.clear()
    assert counted(story.platform) == {PCMU: 0, TELEPHONE_EVENT: 0}
    assert story.carrier.received[PCMU] >= 10, "the other direction must not be touched"
    assert story.carrier.received[TELEPHONE_EVENT] >= 1
    assert agent.ask("media", **both(story))[1]["customer"]["held"] is True
    assert "callseal_edge_holds 1.0" in agent.metrics()
    assert agent.ask("unhold", **names(story)) == (200, {"held": False})
    after = counted(story.platform)
    assert after[PCMU] >= 10
    assert after[TELEPHONE_EVENT] >= 1


def test_hold_of_an_unknown_leg_is_409(agent: AgentProcess, desk: FakeDesk, ng: Ng) -> None:
    status, answer = agent.ask(
        "hold", reference=new_reference(), call_id="nobody", node="edge-1", ttl_ms=5_000
    )
    assert (status, answer) == (409, {"error": "no_such_leg"})


def test_hold_expires_after_kill_9_and_restart(agent: AgentProcess, desk: FakeDesk, story: Story) -> None:
    tell(agent, story, "agent", "offered", 1, "home")  # so that the agent knows both legs
    assert agent.ask("hold", **names(story), ttl_ms=4_500)[0] == 200
    held_until = time.monotonic() + 4.5
    agent.kill_hard()
    assert counted(story.platform) == {PCMU: 0, TELEPHONE_EVENT: 0}, "the hold must not depend on the agent"
    agent.daemon.restart()
    if time.monotonic() < held_until - 0.6:
        assert counted(story.platform) == {PCMU: 0, TELEPHONE_EVENT: 0}
    event = desk.wait_event(story.reference, "hold_expired", 8)
    assert time.monotonic() > held_until - 0.1
    assert (event["leg"], event["where"], event["evidence"]["held"]) == ("customer", "home", False)
    after = counted(story.platform)
    assert after[PCMU] >= 10
    assert after[TELEPHONE_EVENT] >= 1


def test_half_way_the_hold_is_put_off_until_the_agent_leg_is_home(
    agent: AgentProcess, desk: FakeDesk, story: Story
) -> None:
    _, agent_home = story.home()
    tell(agent, story, "agent", "offered", 1, "partner")
    story.agent.move(story.partner_agent.at, fence=True)
    assert agent.ask("hold", **names(story), ttl_ms=300)[0] == 200
    time.sleep(1)
    assert desk.events(story.reference) == []
    assert agent.ask("media", **both(story))[1]["customer"]["held"] is True
    story.agent.move(agent_home)
    event = desk.wait_event(story.reference, "hold_expired", 5)
    assert event["evidence"]["held"] is False


def test_secured_and_restored_with_evidence(agent: AgentProcess, desk: FakeDesk, story: Story) -> None:
    customer_home, agent_home = story.home()
    assert agent.ask("hold", **names(story), ttl_ms=5_000)[0] == 200

    # Securing, agent leg first. The ACK comes before the notice here and after it below.
    story.secure()
    agent.ack(story.reference, "agent", 11)
    tell(agent, story, "agent", "answered", 11, "partner")
    event = desk.wait_event(story.reference, "leg_moved")
    assert (event["leg"], event["where"], event["edge"]) == ("agent", "partner", "edge-1")
    assert event["evidence"]["status"] == 200
    assert event["evidence"]["acked"] is True
    assert event["evidence"]["fenced"] is True
    assert event["evidence"]["packets"]["partner_to_platform"] >= 1

    story.customer.ng("unblock media", call_id=story.customer.name, label="carrier", flags=["directional"])
    story.customer.ng("unblock DTMF", call_id=story.customer.name, label="carrier", flags=["directional"])
    tell(agent, story, "customer", "unheld", 21, "partner")
    tell(agent, story, "customer", "answered", 21, "partner")
    time.sleep(0.2)
    assert [event["leg"] for event in desk.events(story.reference)] == ["agent"], "not without the ACK"
    agent.ack(story.reference, "customer", 21)
    event = desk.wait_event(story.reference, "leg_moved", count=2)
    assert (event["leg"], event["where"]) == ("customer", "partner")
    assert event["evidence"]["packets"]["carrier_to_partner"] >= 1
    assert event["evidence"]["held"] is False
    assert counted(story.partner_customer)[TELEPHONE_EVENT] >= 1, "the partner gets the digits"

    # The partner sends digits towards the agent: its mask is off. The fence alone keeps them.
    at_platform = counted(story.platform)
    assert at_platform[PCMU] >= 10
    assert at_platform[TELEPHONE_EVENT] == 0
    report = agent.ask("media", **both(story))[1]
    assert (report["customer"]["where"], report["customer"]["held"]) == ("partner", False)
    assert (report["agent"]["where"], report["agent"]["fenced"], report["agent"]["anchored"]) == (
        "partner",
        True,
        True,
    )
    assert report["customer"]["packets"]["carrier_to_partner"] > 10

    # Restoring, customer leg first, held from before its offer.
    for command in ("block DTMF", "block media"):
        story.customer.ng(command, call_id=story.customer.name, label="carrier", flags=["directional"])
    tell(agent, story, "customer", "held", 22, "home")
    story.customer.move(customer_home)
    agent.ack(story.reference, "customer", 22)
    tell(agent, story, "customer", "answered", 22, "home")
    event = desk.wait_event(story.reference, "leg_moved", count=3)
    assert (event["leg"], event["where"], event["evidence"]["held"]) == ("customer", "home", True)
    story.agent.move(agent_home)
    agent.ack(story.reference, "agent", 12)
    tell(agent, story, "agent", "answered", 12, "home")
    event = desk.wait_event(story.reference, "leg_moved", count=4)
    assert (event["leg"], event["where"], event["evidence"]["fenced"]) == ("agent", "home", None)
    assert counted(story.platform) == {PCMU: 0, TELEPHONE_EVENT: 0}
    assert agent.ask("unhold", **names(story))[0] == 200
    assert counted(story.platform)[PCMU] >= 10


def test_a_silent_partner_is_no_evidence(agent: AgentProcess, desk: FakeDesk, story: Story) -> None:
    story.agent.move(story.partner_agent.at, fence=True)
    began = time.monotonic()
    tell(agent, story, "agent", "answered", 11, "partner")
    agent.ack(story.reference, "agent", 11)
    event = desk.wait_event(story.reference, "media_silent")
    assert time.monotonic() - began >= 1.4
    assert event["evidence"]["packets"]["partner_to_platform"] == 0
    assert event["evidence"]["fenced"] is True


def test_packets_from_elsewhere_are_no_evidence(
    agent: AgentProcess, desk: FakeDesk, story: Story, endpoint: Callable[[str, int], Endpoint]
) -> None:
    """The customer leg's anchor goes on sending to the agent leg's partner port after the agent leg has moved."""
    story.agent.move(story.partner_agent.at, fence=True)
    stranger = endpoint(PARTNER, 30_100)
    stranger.talk_to(story.agent.partner_port)
    tell(agent, story, "agent", "answered", 11, "partner")
    agent.ack(story.reference, "agent", 11)
    event = desk.wait_event(story.reference, "media_silent")
    assert event["evidence"]["packets"]["from_partner"] == 0


def test_evidence_comes_quickly(agent: AgentProcess, desk: FakeDesk, story: Story) -> None:
    story.secure()
    agent.ack(story.reference, "customer", 21)
    began = time.monotonic()
    tell(agent, story, "customer", "answered", 21, "partner")
    desk.wait_event(story.reference, "leg_moved")
    assert time.monotonic() - began < 0.5


def test_one_anchor_the_agent_leg_is_home_when_its_anchor_is_gone(
    agent: AgentProcess, tmp_path: Path, desk: FakeDesk, story: Story
) -> None:
    agent.daemon.stop()
    one = AgentProcess(tmp_path / "edge", anchors="one")
    try:
        with one.daemon:
            _come_home_with_one_anchor(one, desk, story)
    finally:
        agent.daemon.restart()
        # The fixture deletes the leg once more; give it one.
        partner = story.customer.partner_port
        story.agent = Leg(story.agent.ng, story.agent.call_id, "agent", story.platform, partner)


def _come_home_with_one_anchor(agent: AgentProcess, desk: FakeDesk, story: Story) -> None:
    story.agent.ng("delete", call_id=story.agent.name, delete_delay=0)
    story.customer.move(story.platform.at)
    tell(agent, story, "agent", "answered", 12, "home")
    agent.ack(story.reference, "agent", 12)
    event = desk.wait_event(story.reference, "leg_moved")
    assert (event["leg"], event["where"], event["evidence"]["packets"]) == ("agent", "home", {})
    tell(agent, story, "customer", "answered", 22, "home")
    agent.ack(story.reference, "customer", 22)
    event = desk.wait_event(story.reference, "leg_moved", count=2)
    assert (event["leg"], event["where"]) == ("customer", "home")
    report = agent.ask("media", **both(story))[1]
    assert (report["customer"]["where"], report["agent"]["where"]) == ("platform", "home")
