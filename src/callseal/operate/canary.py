"""`callseal canary`: what a synthetic paid call proves, and how its result reaches the desk.

The call is placed elsewhere and comes in by argument; here is what is made of it. Silence is evidence only if the observer works, so a
key is pressed on the open line before the window and after it, and both must be heard.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from callseal.observe.errors import Error
from callseal.operate.payments_switch import Operators, Payments, SwitchError

TRIES = 6
AGAIN_S = 5.0


class CanaryError(Error):
    """The canary cannot be run like this."""

    id = "canary_error"


class Verdict(StrEnum):
    """`deaf`: the observer did not hear what it must hear, so that silence means nothing. `failed`: the call did not get as far.
    `payments_off`: nothing to try, payments are off."""

    CLEAN = "clean"
    DIGITS = "digits"
    DEAF = "deaf"
    FAILED = "failed"
    PAYMENTS_OFF = "payments_off"


STATUS = {
    Verdict.CLEAN: 0,
    Verdict.FAILED: 1,
    Verdict.DIGITS: 3,
    Verdict.DEAF: 4,
    Verdict.PAYMENTS_OFF: 4,
}
"""Exit statuses, as `callseal audit` has them: 4 is no evidence."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What one call showed.

    `digits`: keys at the agent's side from the press of Secure until the call was home. `tested`: keys pressed on the open line that
    were heard, of two. `missed`: datagrams the ear lost or could not decode in the window. `secured_ms`: from the press until
    secured, None when it never was. `problem`: why the call did not go to its end. `off`: why payments are off.
    """

    digits: int = 0
    tested: int = 0
    missed: int = 0
    secured_ms: int | None = None
    problem: str = ""
    off: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """The verdict on one call; `reason` for people."""

    verdict: Verdict
    digits: int
    secured_ms: int | None
    reason: str


def judge(seen: Seen) -> Result:
    """A digit counts whatever else went wrong; silence counts only when nothing did."""
    if seen.digits:
        return _result(seen, Verdict.DIGITS, f"{seen.digits} digits reached the agent's side")
    if seen.off:
        return _result(seen, Verdict.PAYMENTS_OFF, f"payments are off ({seen.off}): nothing was tried")
    if seen.problem:
        return _result(seen, Verdict.FAILED, seen.problem)
    if seen.tested < 2:
        return _result(
            seen,
            Verdict.DEAF,
            f"of two keys pressed on the open line the ear heard {seen.tested}: no evidence",
        )
    if seen.missed:
        return _result(
            seen, Verdict.DEAF, f"the ear missed or could not decode {seen.missed} packets: no evidence"
        )
    return _result(seen, Verdict.CLEAN, f"no digit reached the agent's side; secured in {seen.secured_ms} ms")


def _result(seen: Seen, verdict: Verdict, reason: str) -> Result:
    return Result(verdict, seen.digits, seen.secured_ms, reason)


def deliver(result: Result, operators: Operators, *, at: int, sleep: Callable[[float], None]) -> Payments:
    """Tell the desk, which switches payments off when a digit was heard. Tried for half a minute. Raises `SwitchError`."""
    for again in range(TRIES):
        try:
            return operators.canary(str(result.verdict), result.digits, result.secured_ms, at)
        except SwitchError as error:
            if error.final or again == TRIES - 1:
                raise
            sleep(AGAIN_S)
    raise AssertionError


def run(
    call: Callable[[], Seen],
    operators: Operators,
    *,
    every_s: float | None,
    say: Callable[[str], None],
    now_ms: Callable[[], int],
    sleep: Callable[[float], None],
) -> int:
    """Place the call, judge, tell; again after `every_s` seconds, for ever, or once (None). Returns the exit status of the last."""
    while True:
        result = judge(call())
        say(f"{result.verdict.upper().replace('_', ' ')}  {result.reason}")
        status = STATUS[result.verdict]
        try:
            payments = deliver(result, operators, at=now_ms(), sleep=sleep)
        except SwitchError as error:
            say(f"THE DESK WAS NOT TOLD  {error.diagnostics()}")
            status = status or 1
        else:
            if not payments.allowed:
                say(f"PAYMENTS ARE OFF  {payments.reason}: `callseal payments on` is a person's to say")
        if every_s is None:
            return status
        sleep(every_s)
