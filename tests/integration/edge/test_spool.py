"""The hand-off against a desk that is slow, wrong or away, and an agent that is killed."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from tests.integration.edge.agent_process import AgentProcess
from tests.integration.edge.fake_desk import FakeDesk
from tests.integration.edge.rig import AGENT, PARTNER, SECRET, TOKEN, new_reference, poll
from tests.support.kamailio_forms import handoff_form, leg_form

pytestmark = pytest.mark.integration


def handoff(agent: AgentProcess, reference: str) -> int:
    return agent.notice("handoff", handoff_form(reference, TOKEN))


def leg(agent: AgentProcess, reference: str, kind: str, **changes: str) -> int:
    return agent.notice("leg", leg_form(reference, kind, **changes))


def test_500_twice_then_204_is_one_effect(agent: AgentProcess, desk: FakeDesk) -> None:
    reference = new_reference()
    desk.script[reference] = [500, 500, 204]
    assert handoff(agent, reference) == 204
    assert leg(agent, reference, "refused", code="488") == 204
    poll(lambda: len(desk.accepted) == 2, 5, "hand-off and event accepted")
    assert [(request["key"] == reference, request["status"]) for request in desk.requests] == [
        (True, 500),
        (True, 500),
        (True, 204),
        (False, 204),
    ], "the event must wait for the hand-off, and every repeat carry the same key"
    assert {request["authorisation"] for request in desk.requests} == {f"Bearer {SECRET}"}
    assert desk.accepted[0]["body"]["token"] == TOKEN
    poll(lambda: agent.rows() == 0, 2, "spool empty")
    time.sleep(0.3)  # deliveries within 0.2 s are forgotten together
    assert TOKEN.encode() not in agent.files()


def test_survives_kill_9_while_the_desk_is_down(agent: AgentProcess, desk: FakeDesk) -> None:
    desk.stop()
    references = [new_reference() for _ in range(5)]
    for reference in references:
        assert handoff(agent, reference) == 204
        assert leg(agent, reference, "undone") == 204
    agent.kill_hard()  # the 204 above is the promise
    assert agent.rows() == 10
    assert TOKEN.encode() in agent.files(), "the check below must be able to see it"
    agent.daemon.restart()
    time.sleep(0.3)
    assert agent.rows() == 10
    desk.start()
    poll(lambda: len(desk.accepted) >= 10, 10, "all ten delivered")
    poll(lambda: agent.rows() == 0, 2, "spool empty")
    time.sleep(0.3)  # deliveries within 0.2 s are forgotten together
    for reference in references:
        mine = [request["path"] for request in desk.accepted if request["body"]["reference"] == reference]
        assert mine == ["/v1/edge/handoffs", "/v1/edge/events"]
    assert TOKEN.encode() not in agent.files()


def test_killed_between_delivery_and_deletion_repeats_with_the_same_key(
    agent: AgentProcess, desk: FakeDesk
) -> None:
    """At least once: whatever the moment of the kill, nothing is lost and a repeat is recognisable."""
    references = [new_reference() for _ in range(40)]
    for number, reference in enumerate(references):
        assert handoff(agent, reference) == 204
        if number % 10 == 9:
            agent.kill_hard()
            agent.daemon.restart()
    poll(
        lambda: {request["key"] for request in desk.accepted} == set(references),
        10,
        "every hand-off delivered",
    )
    bodies: dict[str, dict[str, object]] = {}
    for request in desk.accepted:
        assert bodies.setdefault(request["key"], request["body"]) == request["body"]


def test_a_call_that_ends_undelivered_loses_its_token(agent: AgentProcess, desk: FakeDesk) -> None:
    desk.stop()
    reference = new_reference()
    assert handoff(agent, reference) == 204
    assert leg(agent, reference, "ended", where="") == 204
    assert TOKEN.encode() not in agent.files()
    desk.start()
    poll(lambda: len(desk.accepted) == 2, 20, "the record of the call is still delivered")
    assert (desk.accepted[0]["body"]["token"], desk.accepted[0]["body"]["reason"]) == ("", "no_token")
    assert desk.accepted[1]["body"]["kind"] == "call_ended"


def test_an_agent_that_was_killed_in_between_still_knows_who_has_lost_a_fork(
    agent: AgentProcess, desk: FakeDesk
) -> None:
    reference, winner, loser = new_reference(), "a" * 32, "b" * 32
    assert handoff(agent, reference) == 204
    assert leg(agent, reference, "lost", leg="agent", call_id="a", tag=loser) == 204
    agent.kill_hard()
    agent.daemon.restart()
    for tag in (loser, winner):
        assert leg(agent, reference, "ended", leg="agent", call_id="a", where="", tag=tag) == 204
    poll(lambda: len({request["key"] for request in desk.accepted}) == 3, 10, "all delivered")
    told = {request["key"]: request["body"] for request in desk.accepted}.values()
    assert [(body.get("kind"), body.get("tag")) for body in told] == [
        (None, None),
        ("fork_lost", loser),
        ("call_ended", winner),
    ]


def test_strangers_are_refused(agent: AgentProcess, desk: FakeDesk) -> None:
    fields = {"reference": new_reference(), "leg": "customer", "call_id": "c", "kind": "undone"}
    assert agent.notice("leg", fields, source=PARTNER) == 403
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind((PARTNER, 0))
        sender.sendto(f"ack {fields['reference']} customer 7".encode(), (AGENT, 8023))
    poll(lambda: 'refused_total{reason="datagram"} 1.0' in agent.metrics(), 2, "datagram counted")
    assert 'refused_total{reason="inlet_source"} 1.0' in agent.metrics()
    assert agent.rows() == 0
    assert desk.requests == []


def test_ends_cleanly_and_keeps_what_waits(agent: AgentProcess, desk: FakeDesk, tmp_path: Path) -> None:
    desk.stop()
    handoff(agent, new_reference())
    code, seconds = agent.terminate()
    assert code == 0
    assert seconds < 3
    assert agent.rows() == 1
    log = agent.daemon.log_text()
    assert log.count('"ready"') == 1
    assert "Traceback" not in log
    assert TOKEN not in log
