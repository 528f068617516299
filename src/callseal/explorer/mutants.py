"""Broken models. Each takes one rule away, and the explorer must find the way to the digit that the agent then hears."""

from __future__ import annotations

from dataclasses import dataclass, replace

from callseal.explorer.router import Rules


@dataclass(frozen=True, slots=True)
class Mutant:
    name: str
    what: str
    rules: Rules
    faults: int = 1
    """As many as the way to the digit needs."""


_GOOD = Rules()
MUTANTS: tuple[Mutant, ...] = (
    Mutant("no-fence", "the agent leg goes to the partner without a fence", replace(_GOOD, fence=False)),
    Mutant(
        "fence-dropped-early",
        "the fence goes with the offer of the way home instead of its 2xx",
        replace(_GOOD, fence_until_answer=False),
    ),
    Mutant(
        "home-without-hold",
        "the customer leg comes home without a hold before its offer",
        replace(_GOOD, hold_before_home=False),
    ),
    Mutant(
        "hold-lifted-early",
        "the hold goes with the offer of the way to the partner instead of its 2xx",
        replace(_GOOD, unhold_at_answer=False),
    ),
    Mutant(
        "release-before-restored",
        "the router lifts the hold when the customer leg is home, without the desk",
        replace(_GOOD, hold_until_desk=False),
    ),
    Mutant(
        "hold-ends-blindly",
        "a hold whose time is out is lifted without looking where the legs are",
        replace(_GOOD, expiry_looks=False),
        faults=2,
    ),
    Mutant(
        "late-unhold-believed",
        "an unhold that was sent before the last hold, and comes after it, is carried out",
        replace(_GOOD, unhold_in_order=False),
    ),
    Mutant(
        "late-partner-unheld",
        "the agent leg goes to the partner, late, while the customer is at home and the hold has run out",
        replace(_GOOD, hold_before_agent=False),
        faults=2,
    ),
    Mutant(
        "old-reports-count",
        "reports of an earlier attempt are evidence in the next one",
        replace(_GOOD, reports_numbered=False),
        faults=2,
    ),
)
