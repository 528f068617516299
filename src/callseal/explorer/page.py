"""Draws `docs/reference/states.md`: `callseal explore > docs/reference/states.md`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from callseal.explorer.desk import Desk
from callseal.explorer.desk_moves import LONGEST_LANE
from callseal.explorer.invariants import INVARIANTS, at_rest, back_to_normal_by_time, heard, is_open
from callseal.explorer.ladder import ladder
from callseal.explorer.mutants import MUTANTS
from callseal.explorer.partner import LONGEST_QUEUE
from callseal.explorer.router import Rules
from callseal.explorer.search import Explored, explore
from callseal.explorer.stranded import stranded
from callseal.explorer.world import World
from callseal.payments.names import State
from callseal.sandbox.session.table import State as Partner

FAULTS = 1
"""How many faults the page's own run allows; `make soak` goes further."""

HEAD = """# Every state of a secured call

Drawn by `callseal explore` from the model in `src/callseal/explorer` (a test holds it so). The desk in it is the real `payments.engine` with its
[table](session-table.md) and what the real dispatcher makes of answers; the partner is the sandbox's real state table with the steps of its mover
written out (`tests/unit/explorer/test_partner_mover.py` answers both alike and compares what they send); an expiring hold asks the edge agent's real `expiry_rule`. The edge's rules (what an offer, its answer, its refusal do to place, hold and fence)
are small functions in `explorer/router.py`; `tests/integration/router/test_explorer.py` does walks of theirs
on the real router and listens after each step.

The worst deployment is taken: one anchor, a partner that masks nothing, and a customer who presses a key in every state.

A **fault** is anything that does not go as it should: a message lost, given twice, overtaken, late, or a channel that is slow for as long as it likes; a
request refused, unanswered or carried out after it was given up; a re-INVITE refused (488, 491), unanswered, not undone; desk, router or node dead; a partner that
leaves or lies. Without one, what is on its way arrives before people and clocks do anything more. A clock tick is 5 s: no timer
of the desk that guards a hold is longer, and a hold lives two.

Not in the model: the states of a charge (they move no media), fields and prompts, two customers on a forked call, a re-INVITE of carrier or
platform, and more faults in one call than the number below. **The one exception of the invariants**: between the two looks of an expiring hold (a few
milliseconds) a leg may move; the edge agent then stops it again ([edge agent](../explanation/edge-agent.md)).

**What is bounded**: __QUEUE__ reports of the edge wait for the desk, and __QUEUE__ webhooks; one more is lost, the newest. __LANE__ commands wait for the edge
agent and __LANE__ for the partner (no run comes near). One request at a time is late, one question about the media is open. Of the numbers that
reports carry it matters only whether they are of this attempt, of an earlier one, or missing; of a hold's age, how many of its two ticks have passed. The legs may
glare (491) and the clock may tick without end. With longer queues and one fault everything holds, too (`make soak`).

With two faults in one call all of it holds, too, by hand: [last run](soak.md#callseal-explore---faults-2-every-state-with-two-faults-in-one-call).
""".replace("__QUEUE__", str(LONGEST_QUEUE)).replace("__LANE__", str(LONGEST_LANE))


def _state(state: State) -> Callable[[World, Desk], bool]:
    return lambda world, desk: desk.sessions[world.desk].state is state and world.desk_up


ENDINGS: dict[str, Callable[[World, Desk], bool]] = {
    "the line is secure": _state(State.SECURED),
    "the way home": _state(State.RESTORING),
    "the media stays at the partner, loudly": _state(State.MEDIA_AT_PARTNER),
    "the partner is stuck with a leg": lambda world, _: world.partner is Partner.STUCK,
    "the node died and the customer is held until the desk knows": lambda world, desk: (
        world.held and world.customer.at == "home" and _state(State.READY)(world, desk) and world.faults > 0
    ),
    "the partner lies: nothing has moved, so nothing is secured": lambda world, _: world.lied,
    "the desk is dead and the hold has run out, both legs home": lambda world, desk: (
        not world.desk_up and back_to_normal_by_time(world) and heard(world) and is_open(world, desk)
    ),
    "the call is over": _state(State.ENDED),
}


def run(most_faults: int = FAULTS) -> Explored:
    return explore(Rules(), most_faults=most_faults, endings=ENDINGS)


def page(found: Explored) -> str:
    """The whole page, as text."""
    return "\n".join(
        [HEAD, *_numbers(found), *_invariants(found), *_stranded(found), *_endings(found), *_mutants()]
    )


def _numbers(found: Explored) -> Iterator[str]:
    yield "## What was explored\n"
    yield "| faults in one call | states | transitions | longest shortest way | sessions of the desk | rows of its table |"
    yield "|---|---|---|---|---|---|"
    yield (
        f"| up to {found.most_faults} | {found.states} | {found.transitions} | {found.depth} steps "
        f"| {len(found.desk.sessions)} | {len(found.desk.rows)} |\n"
    )


def _invariants(found: Explored) -> Iterator[str]:
    yield "## What holds in every one of them\n"
    yield "| invariant | means | holds |"
    yield "|---|---|---|"
    for name, invariant in INVARIANTS.items():
        yield f"| {name} | {_means(invariant)} | {'**no**' if name in found.broken else 'yes'} |"
    yield ""
    for name, world in found.broken.items():
        yield f"### Broken: {name}\n"
        yield from _drawn(found, world)


def _stranded(found: Explored) -> Iterator[str]:
    lost = stranded(found)
    yield "## No call is stranded\n"
    yield "From every state, time and the messages on their way can bring the call to rest, without a press, a hang-up or another fault"
    yield f"(`explorer/stranded.py`). To rest means: {_means(at_rest)}\n"
    yield f"States from which they cannot: {len(lost) or 'none'}.\n"
    if lost:
        yield from _drawn(found, lost[0])


def _means(rule: Callable[[World, Desk], bool]) -> str:
    return (rule.__doc__ or "").strip()


def _endings(found: Explored) -> Iterator[str]:
    yield "## The shortest way to what is interesting\n"
    yield "`!` marks a fault.\n"
    for name in ENDINGS:
        if name in found.first:
            yield f"### {name[0].upper()}{name[1:]}\n"
            yield from _drawn(found, found.first[name])


def _mutants() -> Iterator[str]:
    yield "## What the explorer finds when a rule is missing\n"
    for mutant in MUTANTS:
        if mutant.faults > FAULTS:
            yield f"### {mutant.name}: {mutant.what}\n"
            yield f"Needs {mutant.faults} faults in one call: `make soak`.\n"
            continue
        found = explore(mutant.rules, most_faults=FAULTS, stop_at_first=True)
        yield f"### {mutant.name}: {mutant.what}\n"
        for name, world in found.broken.items():
            yield f"Broken: {name}.\n"
            yield from _drawn(found, world)


def _drawn(found: Explored, world: World) -> Iterator[str]:
    yield "```"
    yield from ladder(found.way(world), found.desk)
    yield "```\n"
