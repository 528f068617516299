"""Has a partner's mask passed? A test call without a fence is judged: keys were pressed in every way while secured, and nothing of them arrived.

Only *secured* windows count: before and after, the edge's hold would stop the keys too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from callseal.audit.audit import Audited
from callseal.audit.case import Assigned, Case
from callseal.audit.findings import AGREED, IN_REDUNDANCY, NEVER_AGREED, Digit, Fragment
from callseal.audit.heard import Method
from callseal.audit.windows import SECURED, Window

KEYS = 12
"""0 to 9, * and #."""
EVENT, TONE, INFO = "RFC 4733", "in-band", "SIP INFO"
WAYS = {
    AGREED: EVENT,
    NEVER_AGREED: f"{EVENT}, type never agreed",
    IN_REDUNDANCY: f"{EVENT} in RFC 2198",
    "": TONE,
}
"""What a way is called, by `Digit.way`."""
WANTED = (EVENT, TONE)
"""Without these nothing is shown; the others where carriers deliver them."""


@dataclass(frozen=True, slots=True)
class Row:
    """One way to press: how many keys the customer pressed while secured, and how many different ones."""

    way: str
    pressed: int
    different: int


@dataclass(frozen=True, slots=True)
class Conformance:
    """`arrived` counts keys at the agent's side, `rest_ms` is the longest piece of a tone there; `reasons` say why it has not passed."""

    rows: tuple[Row, ...]
    arrived: int
    rest_ms: float
    reasons: tuple[str, ...]

    @property
    def leaks(self) -> bool:
        return self.arrived > 0 or self.rest_ms > 0

    @property
    def passed(self) -> bool:
        return not self.reasons


def mask_conformance(found: Sequence[Audited], *, fence: str | None) -> Conformance:
    """Judges all calls of a capture together. `fence` is the policy under which they were made, None when nobody says."""
    keys: dict[str, list[str]] = {way: [] for way in (*WAYS.values(), INFO)}
    arrived, rest, doubts = 0, 0.0, []
    for one in found:
        for digit in _digits(one.case, sender="customer"):
            keys[WAYS[digit.way]].append(digit.key)
        infos = [each for each in one.case.sip if each.window.kind == SECURED]
        keys[INFO] += ["?"] * sum(each.infos for each in infos if each.sender == "customer")
        arrived += len(_digits(one.case)) + sum(each.infos for each in infos if each.judged)
        rest = max([rest, *(each.milliseconds for each in _rests(one.case))])
        result = one.verdict["result"]
        if result["verdict"] == "no_evidence":
            doubts += [f"call {one.case.name}: {reason}" for reason in result["reasons"]]
    rows = tuple(Row(way, len(pressed), len(set(pressed))) for way, pressed in keys.items())
    reasons = [f"{arrived} keys reached the agent's side"] if arrived else []
    if rest:
        reasons.append(f"a rest of a tone of {rest:.0f} ms reached the agent's side")
    reasons += [
        f"{row.way}: {row.different} different keys were pressed while secured, all {KEYS} are wanted"
        for row in rows
        if row.way in WANTED and row.different < KEYS
    ]
    if fence is None:
        reasons.append(
            "nobody says that there was no fence: give the --deployment under which the call was made"
        )
    elif fence != "unsafe-off":
        reasons.append(f"the fence was {fence}: what it stopped cannot show what the mask stops")
    return Conformance(rows, arrived, rest, (*reasons, *doubts))


def _secured(case: Case) -> list[Window]:
    return [one for one in case.windows.windows if one.kind == SECURED]


def _digits(case: Case, sender: str = "") -> list[Digit]:
    """Keys in secured windows: those of one sender, or those that went to the agent."""
    return [
        digit
        for one in case.streams
        if (one.sender == sender if sender else one.judged)
        for digit in one.stream.digits
        if digit.method in (Method.EVENT, Method.TONE)
        and any(window.begin <= digit.at < window.end for window in _secured(case))
    ]


def _rests(case: Case) -> list[Fragment]:
    judged: list[Assigned] = case.judged
    return [
        fragment
        for one in judged
        for fragment in one.stream.fragments
        if any(window.begin <= fragment.at < window.end for window in _secured(case))
    ]
