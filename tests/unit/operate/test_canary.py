"""What a canary call proves, and that its result reaches the desk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from callseal.desk.http.payments import CanaryBody
from callseal.lab.canary_call import Line
from callseal.operate.canary import AGAIN_S, TRIES, CanaryError, Seen, Verdict, judge, run
from callseal.operate.payments_switch import Operators, Payments, SwitchError

pytestmark = pytest.mark.unit

GOOD = Seen(digits=0, tested=2, missed=0, secured_ms=180)
ON, OFF = Payments(True, None, None, None), Payments(False, "canary_failed", 1, "canary")


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        (GOOD, "clean"),
        (Seen(digits=1, tested=2, secured_ms=180), "digits"),
        (Seen(digits=1, tested=0, missed=9, problem="no secured within 8 s"), "digits"),
        (Seen(tested=1, secured_ms=180), "deaf"),
        (Seen(tested=0, secured_ms=180), "deaf"),
        (Seen(tested=2, missed=1, secured_ms=180), "deaf"),
        (Seen(tested=1, problem="no secured within 8 s"), "failed"),
        (Seen(off="canary_failed"), "payments_off"),
    ],
)
def test_a_digit_counts_always_and_silence_only_when_nothing_went_wrong(seen: Seen, verdict: str) -> None:
    assert judge(seen).verdict == verdict


@dataclass
class Desk:
    """Operators of a desk that answers with what it is given, one after the other; the last for ever."""

    answers: list[Payments | SwitchError]
    told: list[tuple[str, int, int | None, int]] = field(default_factory=list)

    def canary(self, verdict: str, digits: int, secured_ms: int | None, at: int) -> Payments:
        self.told.append((verdict, digits, secured_ms, at))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, SwitchError):
            raise answer
        return answer


class _EnoughError(Exception):
    pass


@pytest.fixture
def go() -> Callable[..., tuple[int, list[str], list[float]]]:
    def once(desk: Desk, seen: Seen = GOOD) -> tuple[int, list[str], list[float]]:
        said: list[str] = []
        slept: list[float] = []
        status = run(
            lambda: seen,
            desk,  # type: ignore[arg-type]
            every_s=None,
            say=said.append,
            now_ms=lambda: 42,
            sleep=slept.append,
        )
        return status, said, slept

    return once


Go = Callable[..., tuple[int, list[str], list[float]]]


def test_the_desk_is_told(go: Go) -> None:
    desk = Desk([ON])
    assert go(desk) == (0, ["CLEAN  no digit reached the agent's side; secured in 180 ms"], [])
    assert desk.told == [("clean", 0, 180, 42)]


def test_a_switch_that_fell_is_said(go: Go) -> None:
    status, said, _ = go(Desk([OFF]), Seen(digits=2, tested=2, secured_ms=180))
    assert status == 3
    assert said[0] == "DIGITS  2 digits reached the agent's side"
    assert said[1].startswith("PAYMENTS ARE OFF  canary_failed")


def test_a_desk_that_is_away_is_asked_again(go: Go) -> None:
    desk = Desk([SwitchError("away"), SwitchError("away"), ON])
    status, _, slept = go(desk)
    assert (status, slept, len(desk.told)) == (0, [AGAIN_S, AGAIN_S], 3)


def test_a_desk_that_stays_away_is_not_a_success(go: Go) -> None:
    desk = Desk([SwitchError("away")])
    status, said, slept = go(desk)
    assert (status, len(slept), len(desk.told)) == (1, TRIES - 1, TRIES)
    assert said[-1] == "THE DESK WAS NOT TOLD  away"


def test_a_refusal_is_not_repeated(go: Go) -> None:
    desk = Desk([SwitchError("refused", final=True)])
    assert go(desk)[0] == 1
    assert len(desk.told) == 1


def test_every_so_often() -> None:
    desk, slept = Desk([ON]), []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            raise _EnoughError

    with pytest.raises(_EnoughError):
        run(
            lambda: GOOD,
            desk,  # type: ignore[arg-type]
            every_s=900,
            say=lambda _: None,
            now_ms=lambda: 42,
            sleep=sleep,
        )
    assert slept == [900, 900, 900]
    assert len(desk.told) == 3


def test_the_secret_is_not_shown() -> None:
    assert "hidden" not in repr(Operators("http://desk", "hidden"))


@pytest.mark.parametrize(
    ("agent", "says"),
    [
        ('rtp = "srtp"\nauto_answer = true', "SRTP"),
        ("", "does not answer"),
        ("unheard_of = 1", "cannot be read"),
    ],
)
def test_settings_that_would_prove_nothing_are_refused(tmp_path: Path, agent: str, says: str) -> None:
    for name, more in (("customer", ""), ("agent", agent)):
        text = f'name = "{name}"\naddress = "127.0.0.1"\n{more}\n'
        (tmp_path / f"{name}.toml").write_text(text, encoding="utf-8")
    line = Line(
        tmp_path / "customer.toml",
        tmp_path / "agent.toml",
        number="+442079460123",
        edge="127.0.0.1",
        desk="http://127.0.0.1",
        login="canary",
        password="hidden",
    )
    with pytest.raises(CanaryError, match=says):
        line.check()
    assert "hidden" not in repr(line)


def test_verdicts_are_what_the_desk_takes() -> None:
    for verdict in Verdict:
        CanaryBody(verdict=str(verdict), digits=0, secured_ms=None, at=0)  # type: ignore[arg-type]
