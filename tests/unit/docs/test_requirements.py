"""infra/requirements.txt, which edges and desk are installed from, is what uv.lock pins and the tests run with."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.unit

TOP = Path(__file__).parents[3]
_PINNED = re.compile(r"(?m)^([a-z0-9-]+)==(\S+)")
_HASH = re.compile(r"--hash=(sha256:[0-9a-f]{64})")


def locked() -> dict[str, dict[str, Any]]:
    lock = tomllib.loads((TOP / "uv.lock").read_text(encoding="utf-8"))
    return {package["name"]: package for package in lock["package"]}


def needed(packages: dict[str, dict[str, Any]]) -> set[str]:
    """What `callseal` without extras needs, and what that needs."""
    names, found = {"callseal"}, set[str]()
    while names:
        name = names.pop()
        found.add(name)
        names |= {one["name"] for one in packages[name].get("dependencies", ())} - found
    return found - {"callseal"}


def test_everything_is_there_as_it_is_locked() -> None:
    packages = locked()
    text = (TOP / "infra/requirements.txt").read_text(encoding="utf-8")
    assert dict(_PINNED.findall(text)) == {name: packages[name]["version"] for name in needed(packages)}


def test_nothing_else_would_be_installed() -> None:
    """A hash for each, and each of them locked: pip takes no other file (`--require-hashes`)."""
    packages = locked()
    known = {
        file["hash"]
        for name in needed(packages)
        for file in [*packages[name].get("wheels", ()), packages[name].get("sdist", {"hash": ""})]
    }
    text = (TOP / "infra/requirements.txt").read_text(encoding="utf-8")
    assert set(_HASH.findall(text)) <= known
    for part in re.split(r"(?m)^(?=[a-z0-9-]+==)", text)[1:]:
        assert _HASH.search(part), part.partition("\n")[0]


def test_the_how_to_installs_from_it() -> None:
    told = (TOP / "docs/how-to/deploy.md").read_text(encoding="utf-8")
    assert "pip install --require-hashes -r callseal/infra/requirements.txt" in told
    assert "pip install --no-deps ./callseal" in told
