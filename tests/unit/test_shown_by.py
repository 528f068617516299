"""Pages that name tests, commands and other pages name what is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
PAGE, CASES = REFERENCE / "shown-by.md", REFERENCE / "sip-behaviour.md"


def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def missing_tests(page: str) -> list[str]:
    """Paths of tests in `page` that lead nowhere, and tests that their file does not have."""
    wrong = []
    for path, _, name in (found.partition("::") for found in re.findall(r"\btests/[\w./]+(?:::\w+)?", page)):
        place = ROOT / path.rstrip(".")
        if not place.exists() or (name and f"def {name}(" not in text(place)):
            wrong.append(f"{path}::{name}")
    return wrong


def missing_targets(page: str) -> list[str]:
    targets = set(re.findall(r"(?m)^([a-z-]+):", text(ROOT / "Makefile")))
    return sorted(set(re.findall(r"(?:`|^ {4}|trixie )make ([a-z-]+)", page, re.MULTILINE)) - targets)


def anchors(page: Path) -> set[str]:
    """What GitHub makes of the headings."""
    headings = re.findall(r"(?m)^#+ (.*)$", text(page))
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def dead_links(page: Path) -> list[str]:
    dead = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text(page)):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link)
    return dead


def test_every_test_that_is_named_is_there() -> None:
    assert missing_tests(text(PAGE)) == []
    assert len(re.findall(r"\btests/", text(PAGE))) > 80


def one_row_only(page: str) -> list[str]:
    """Tests marked ² that run on one row."""
    wrong = []
    for path, name in re.findall(r"`(tests/[\w./]+)(?:::(\w+))?` ²", page):
        module = text(ROOT / path)
        both = re.search(r"pytestmark = .*compat|COMPATIBILITY", module) is not None
        if name:
            defined = module.index(f"def {name}(")
            module = module[module.rfind("\n\n\n", 0, defined) : defined]
        if not both and "mark.compat" not in module:
            wrong.append(f"{path}::{name}")
    return wrong


def test_what_is_said_to_run_on_both_rows_does() -> None:
    assert one_row_only(text(PAGE)) == []
    cut = "tests/integration/router/test_calls.py::test_prack_passes"
    assert one_row_only(f"`{cut}` ²") == [cut]


def test_every_target_that_is_named_is_there() -> None:
    assert missing_targets(text(PAGE)) == []


def test_every_verb_that_is_named_is_there() -> None:
    verbs = {path.stem for path in (ROOT / "src/callseal/cli").glob("*.py")}
    named = set(re.findall(r"`callseal ([a-z]+)", text(PAGE)))
    assert len(named) >= 3
    assert named <= verbs


@pytest.mark.parametrize("page", [PAGE, CASES], ids=lambda page: page.stem)
def test_every_link_leads_somewhere(page: Path) -> None:
    assert dead_links(page) == []


def test_every_part_has_one_command() -> None:
    parts = re.split(r"(?m)^## ", text(PAGE))[1:]
    for part in parts[:-2]:  # the last two say what differs and what is not claimed
        assert len(re.findall(r"(?m)^ {4}\S", part)) == 1, part.partition("\n")[0]


def not_run(part: str) -> list[str]:
    """Tests named in the table of `part` that its one command, a `pytest` with paths, does not run (*soak* is said beside them)."""
    command = re.findall(r"(?m)^ {4}(\S.*)$", part)[0]
    paths = re.findall(r"tests/[\w./]+", command)
    named = {
        path
        for row in re.findall(r"(?m)^\|.*$", part)
        if "*soak*" not in row
        for path in re.findall(r"`(tests/[\w./]+)", row)
    }
    return sorted(
        path for path in named if paths and not any(f"{path}/".startswith(f"{one}/") for one in paths)
    )


def test_the_command_of_a_part_runs_all_that_the_part_names() -> None:
    for part in re.split(r"(?m)^## ", text(PAGE))[1:-2]:
        assert not_run(part) == [], part.partition("\n")[0]


def test_cases_name_tests_of_the_router() -> None:
    folder = ROOT / "tests/integration/router"
    modules = {path.name: text(path) for path in folder.glob("test_*.py")}
    for name in re.findall(r"`(test_\w+\.py)`", text(CASES)):
        assert name in modules, name
    for name in re.findall(r"`(test_\w+)`", text(CASES)):
        assert any(f"def {name}(" in module for module in modules.values()), name


def test_what_is_not_there_is_missed() -> None:
    """The checks above can fail."""
    page = "`tests/unit/test_shown_by.py::test_nothing`, `tests/no/such`, `make tea`\n    make coffee\n"
    assert missing_tests(page) == ["tests/unit/test_shown_by.py::test_nothing", "tests/no/such::"]
    assert missing_targets(page) == ["coffee", "tea"]
    part = "\n    pytest tests/unit/edge\n\n| a | `tests/unit/edge/test_holds.py`, `tests/unit/edges` |\n| b | `tests/e2e` | *soak* |\n"
    assert not_run(part) == ["tests/unit/edges"]
