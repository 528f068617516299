"""The explorer: what it proves, that it can fail, and that its page is current."""

from __future__ import annotations

from pathlib import Path

import pytest

from callseal.explorer import page, partner
from callseal.explorer.ladder import ladder
from callseal.explorer.mutants import MUTANTS, Mutant
from callseal.explorer.router import Rules
from callseal.explorer.search import Explored, explore
from callseal.explorer.stranded import stranded
from callseal.payments import engine
from callseal.payments.names import Event

pytestmark = pytest.mark.unit

PAGE = Path("docs/reference/states.md")


@pytest.fixture(scope="module")
def found() -> Explored:
    return page.run()


def test_every_invariant_holds_in_every_state(found: Explored) -> None:
    assert found.complete
    assert found.states > 4000
    assert found.broken == {}


def test_no_call_is_stranded(found: Explored) -> None:
    assert stranded(found) == []


def test_a_leg_that_nobody_brings_home_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A desk that releases for ever what the partner says it has not got."""
    monkeypatch.setattr(engine, "_deadline", lambda _: Event.DEADLINE)
    broken = page.run()
    assert broken.broken == {}, "it leaks nothing"
    lost = stranded(broken)
    assert any("the router dies" in line for world in lost for line in ladder(broken.way(world), broken.desk))


def test_the_page_is_current(found: Explored) -> None:
    assert PAGE.read_text(encoding="utf-8") == page.page(found), "callseal explore > docs/reference/states.md"


@pytest.mark.parametrize(
    "mutant",
    [
        pytest.param(mutant, id=mutant.name, marks=[pytest.mark.soak] if mutant.faults > page.FAULTS else [])
        for mutant in MUTANTS
    ],
)
def test_a_missing_rule_is_found(mutant: Mutant) -> None:
    broken = explore(mutant.rules, most_faults=mutant.faults, stop_at_first=True)
    assert broken.broken, f"{mutant.name} is not caught"
    (world,) = broken.broken.values()
    lines = list(ladder(broken.way(world), broken.desk))
    assert any("HEARS A KEY" in line for line in lines), "\n".join(lines)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_two_faults_in_one_call() -> None:
    """Longer than CI allows; the last result is in docs/reference/soak.md."""
    deep = explore(Rules(), most_faults=2)
    assert deep.complete
    assert deep.broken == {}


@pytest.mark.soak
def test_longer_queues(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound of the queues hides nothing."""
    monkeypatch.setattr(partner, "LONGEST_QUEUE", 4)
    assert explore(Rules(), most_faults=1).broken == {}
