"""The verbs are listed without being loaded, and what the list says is what their help says."""

from __future__ import annotations

import subprocess
import sys

import pytest

from callseal.cli.verbs import VERBS, Verb

pytestmark = pytest.mark.unit

LARGE = frozenset(
    {
        "av",
        "cryptography",
        "dns",
        "fastapi",
        "httpx2",
        "numpy",
        "pydantic",
        "rich",
        "sqlite3",
        "structlog",
        "uvicorn",
    }
)
LISTED = frozenset({"cli", "observe"})
"""The parts of Callseal that a list of verbs needs."""

SCRIPT = """
import sys
from callseal.cli.main import app
try:
    app(sys.argv[1:], prog_name="callseal")
finally:
    print("LOADED", *sys.modules, flush=True)
"""


def loaded_by(*arguments: str) -> tuple[frozenset[str], frozenset[str]]:
    """(libraries, parts of Callseal) that a process has loaded at its end."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    modules = [name.split(".") for name in done.stdout.rpartition("LOADED ")[2].split()]
    return (
        frozenset(name[0] for name in modules),
        frozenset(name[1] for name in modules if name[0] == "callseal" and len(name) > 1),
    )


@pytest.mark.parametrize("arguments", [("--help",), (), ("--version",)])
def test_a_list_of_verbs_loads_none(arguments: tuple[str, ...]) -> None:
    libraries, parts = loaded_by(*arguments)
    assert not libraries & LARGE
    assert parts == LISTED


def test_neither_does_a_slip_of_the_pen() -> None:
    libraries, parts = loaded_by("chekc")
    assert libraries & LARGE == {"pydantic"}, "Typer reads the options before the verb with it"
    assert parts == LISTED


def test_verifying_loads_no_decoder_and_no_deployment() -> None:
    libraries, parts = loaded_by("audit", "verify", "/nonexistent")
    # rich tells the verdict.
    assert libraries & LARGE == {"cryptography", "pydantic", "rich"}
    assert parts == LISTED | {"audit"}


def test_asking_an_edge_loads_no_server() -> None:
    libraries, _ = loaded_by("doctor", "--help")
    assert not libraries & {"fastapi", "structlog", "uvicorn"}


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_the_list_says_what_the_help_says(verb: Verb) -> None:
    real = verb.load()
    assert real.name == verb.name
    assert " ".join(real.help.split()).startswith(verb.summary)
    listed = verb.listed()
    for width in (20, 45, 60, 95, 200):
        assert listed.get_short_help_str(width) == real.get_short_help_str(width)


def test_no_name_is_given_twice() -> None:
    assert len({verb.name for verb in VERBS}) == len(VERBS)


WHOLE_LINE = 64
"""Characters of a summary that fit beside the longest name into 80 columns."""


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_no_summary_is_cut_off_in_the_list(verb: Verb) -> None:
    assert len(verb.summary) <= WHOLE_LINE
