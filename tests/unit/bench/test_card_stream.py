"""What the reader of the agent's stream makes of what comes."""

from __future__ import annotations

import pytest

from bench.card_stream import events

pytestmark = pytest.mark.unit

PING = b"retry: 1000\n\nevent: ping\ndata: {}\n\n"
CALL = b'id: 7\nevent: call\ndata: {"reference":"r1","state":"ready"}\n\n'


def test_an_event_has_the_time_of_its_last_part() -> None:
    come = [(1.0, PING), (2.0, CALL[:20]), (3.0, CALL[20:] + CALL[:9]), (4.0, CALL[9:])]
    assert list(events(iter(come))) == [(3.0, "r1", "ready"), (4.0, "r1", "ready")]
