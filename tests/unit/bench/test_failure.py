"""What the failure bench says about what it found."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any

import pytest

from bench.failure_calls import Card
from bench.failure_cases import CASES, Found, judge
from bench.failure_page import page
from bench.voice import Voice

pytestmark = pytest.mark.unit

GOOD = Found(
    "rtpengine of an edge",
    calls=2,
    gaps=[0.5, 2.5],
    secured_gap=2.0,
    card_open=[1.5],
    card_secured=1.4,
    secured_again=2.1,
    secured_state="secured",
    tried=9,
    answered=9,
    hung_up=2,
    keys_pressed=7,
)


def judged(**changes: Any) -> list[str]:
    found = Found(**{**asdict(GOOD), **changes})
    judge(CASES[0], found)
    return found.faults


def test_what_must_survive() -> None:
    assert judged() == []
    assert judged(deaf_after=1) == ["1 legs of open calls heard nothing at the end"]
    assert judged(card_open=[]) == ["the card said nothing of 1 calls"]
    assert judged(card_secured=None) == ["the card said nothing of the secured call"]
    assert judged(keys_leaked=3) == ["3 packets with a key of the secured call reached the agent's leg"]
    assert judged(hung_up=1) == ["1 calls could not be hung up"]
    assert judged(secured_state="media_at_partner") == ["the secured call is media_at_partner"]


def test_a_planned_drain_loses_nothing() -> None:
    planned = next(case for case in CASES if case.planned)
    found = Found(**{**asdict(GOOD), "lost": 1})
    judge(planned, found)
    assert found.faults == ["1 new calls were lost", "the drain did not come to its end"]
    judge(planned, done := Found(**{**asdict(GOOD), "drained": 14.0}))
    assert done.faults == []


def test_keys_are_pressed_as_rfc_4733_says_and_counted_where_they_come() -> None:
    async def story() -> None:
        near, far = Voice("127.0.0.1"), Voice("127.0.0.1")
        far.listen(lambda _timestamp, _at: None)
        near.target, near.every = far.endpoint, 5
        for _ in range(10):
            near.speak()
        near.press(4)
        await asyncio.sleep(0.05)
        assert far.keys_heard == 4, "one that begins, three that end"
        near.close()
        far.close()

    asyncio.run(story())


def test_the_page_has_a_row_for_each_case() -> None:
    around = {
        "date": "2026-11-25",
        "calls": 2,
        "rate": 1.0,
        "kamailio": "6.1",
        "rtpengine": "26.0",
        "cpus": 2,
    }
    text = page(
        {**around, "load_at_start": [1.0], "load_at_end": [2.0], "niceness": 15, "cases": [asdict(GOOD)]}
    )
    assert (
        "| rtpengine of an edge | 0.50 / 2.50 | 2.00 | 0 | 1.50 / 1.50 | secured, again after 2.1 | 7 / 0 | 9 / 0 / 0 | 2 of 2 |"
        in text
    )


def test_the_card_remembers_when_it_said_what_first() -> None:
    async def story() -> None:
        card = Card("http://desk.test", "alice", "x")
        event = b'id: 1\ndata: {"reference": "r", "state": "ready", "notice": {"code": "node_lost"}}'
        card._take(event, 1.0)
        card._take(event, 2.0)
        assert card.said == {("r", "node_lost"): 1.0, ("r", "state:ready"): 1.0}
        assert card.states == {"r": ("ready", 2.0)}

    asyncio.run(story())
