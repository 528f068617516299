"""The knee: the highest rate that was held, and what held means."""

from __future__ import annotations

import pytest

from bench.handoff import arguments
from bench.handoff_step import LATE_S, Step, knee

pytestmark = pytest.mark.unit

STEADY = [0.03, 0.04, 0.05] * 30
QUEUE = [0.03 + 0.01 * number for number in range(90)]


def test_a_steady_delay_is_held_and_a_queue_is_not() -> None:
    assert Step(5, STEADY).held
    assert not Step(5, QUEUE).held
    assert not Step(5, STEADY, failures=["TimeoutError"]).held
    assert not Step(5).held


def test_what_falls_behind_beside_the_card_is_not_held() -> None:
    """The card may be quick because something else waits: the platform is told later and later, or calls end later and later."""
    assert Step(5, STEADY, ready=STEADY, ends=STEADY).held
    assert not Step(5, STEADY, ready=QUEUE, ends=STEADY).held
    assert not Step(5, STEADY, ready=STEADY, ends=QUEUE).held


def test_a_generator_that_falls_behind_holds_no_rate() -> None:
    assert Step(5, STEADY, late=LATE_S).held
    assert not Step(5, STEADY, late=LATE_S * 2).held


def test_a_few_calls_are_no_trend() -> None:
    assert Step(5, QUEUE[:10]).held


def test_a_long_tail_is_held_but_shows_in_p99() -> None:
    """Whether a rate is held and whether it is fast enough are two questions."""
    step = Step(5, [0.03] * 88 + [0.9, 0.9])
    assert step.held
    assert step.p99 == 0.9


def test_the_knee_is_the_last_one_before_the_first_that_was_not_held() -> None:
    steps = [Step(1, STEADY), Step(2, STEADY), Step(4, QUEUE), Step(8, STEADY)]
    best = knee(steps)
    assert best is not None
    assert best.rate == 2
    assert knee([Step(1, QUEUE)]) is None
    assert knee([]) is None


@pytest.mark.parametrize("argv", [["--rates", "2,1"], ["--rates", "0,1"]])
def test_nonsense_is_refused(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        arguments(argv)
    assert "--rates must rise" in capsys.readouterr().err
