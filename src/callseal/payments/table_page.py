"""Draws `docs/reference/session-table.md` from the table: `python -m callseal.payments.table_page > docs/reference/session-table.md`."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator

from callseal.payments.limits import Limits
from callseal.payments.names import CONCLUSIONS, PRESSES, Event, State
from callseal.payments.notices import NOTICES
from callseal.payments.session_table import DEADLINES, ROWS, TABLE, Step

HEAD = """# The payment session, state by state

Drawn from `src/callseal/payments/session_table.py` (a test holds it so); the reasons are in the essay at its top and in
[the explanation](../explanation/payment-session.md). Events in **bold** are presses of the agent; a press without a row is refused
(409 `wrong_state`, or 410 `call_ended`). Events in *italics* are the engine's own conclusions. The others are facts; a fact that a state does not list
is recorded and moves nothing.
"""


def page() -> str:
    """The whole page, as text."""
    return "\n".join([HEAD, *_diagram(), *_states(), *_notices()])


def _name(event: Event) -> str:
    if event in PRESSES:
        return f"**{event}**"
    return f"*{event}*" if event in CONCLUSIONS else str(event)


def _diagram() -> Iterator[str]:
    edges: dict[tuple[State, State], list[str]] = defaultdict(list)
    for row in ROWS:
        for state in row.states:
            if row.step.to not in (None, state, State.ENDED):
                edges[state, State(str(row.step.to))].append(str(row.event))
    yield "```mermaid"
    yield "stateDiagram-v2"
    yield "    [*] --> offered"
    for (start, end), events in edges.items():
        shown = events[0] if len(events) == 1 else f"{events[0]} and {len(events) - 1} more"
        yield f"    {start} --> {end}: {shown}"
    yield "```"
    yield "Every state also goes to `ended` on `call_ended` and `partner_ended`.\n"


def _states() -> Iterator[str]:
    limits = Limits()
    for state in State:
        yield f"## {state}\n"
        deadline = DEADLINES.get(state)
        if deadline:
            reason = f": {deadline.reason}" if deadline.reason else ""
            yield f"Deadline {getattr(limits, deadline.limit) / 1000:g} s (`{deadline.limit}`){reason}.\n"
        yield "| event | next state | asks for | notice |"
        yield "|---|---|---|---|"
        for event in Event:
            step = TABLE.get((state, event))
            if step is not None and step != Step():
                yield f"| {_name(event)} | {step.to or '-'} | {', '.join(step.do) or '-'} | {step.notice or '-'} |"
        yield ""


def _notices() -> Iterator[str]:
    yield "## Notices\n"
    yield "| code | kind | text | advice |"
    yield "|---|---|---|---|"
    for code, notice in NOTICES.items():
        yield f"| {code} | {notice.kind} | {notice.text} | {notice.advice} |"
    yield ""


if __name__ == "__main__":
    sys.stdout.write(page())
