"""What a session knows of devices that answered too late."""

from __future__ import annotations

import json

import pytest
from pydantic import TypeAdapter

from callseal.payments.names import Leg
from callseal.payments.session import MOST_LOST_FORKS, LostFork, Session
from tests.support.fresh_session import FRESH

pytestmark = pytest.mark.unit


def lost(*tags: str) -> list[str]:
    session = FRESH
    for tag in tags:
        session = session.with_lost(LostFork(Leg.AGENT, tag))
    return [fork.tag for fork in session.lost_forks]


def test_a_loser_told_again_counts_once_and_the_newest_stay() -> None:
    assert lost("a", "b", "a") == ["b", "a"]
    many = [str(number) for number in range(MOST_LOST_FORKS + 1)]
    assert lost(*many) == many[1:]


def test_a_session_of_before_has_no_losers() -> None:
    stored: TypeAdapter[Session] = TypeAdapter(Session)
    body = json.loads(stored.dump_json(FRESH))
    del body["lost_forks"]
    assert stored.validate_python(body) == FRESH
    session = FRESH.with_lost(LostFork(Leg.AGENT, "a"))
    assert stored.validate_json(stored.dump_json(session)) == session
