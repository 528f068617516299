"""What the documents point at is there: files, headings, tests, verbs, modules and make targets."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest

from callseal.cli.verbs import VERBS

pytestmark = pytest.mark.unit

TOP = Path(__file__).parents[3]
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "tests/**/*.md", "bench/**/*.md")
    for path in TOP.glob(pattern)
    if "node_modules" not in path.parts
)
NAMES = [str(page.relative_to(TOP)) for page in PAGES]
_FENCE = re.compile(r"(?ms)^\s*```.*?^\s*```\s*$")
_LINK = re.compile(r"\]\(([^()\s]+(?:\([^()\s]*\))?[^()\s]*)\)|<img[^>]*\ssrc=\"([^\"]+)\"")
_CODE = re.compile(r"`([^`\n]+)`")


def prose(page: Path) -> str:
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


@cache
def anchors(page: Path) -> frozenset[str]:
    """Fragments of its headings, as GitHub makes them; a heading that is there again gets -1, -2, ..."""
    found: dict[str, int] = {}
    for title in re.findall(r"(?m)^#{1,6}\s+(.+?)\s*#*$", prose(page)):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title)
        slug = re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")
        count = found.get(slug, 0)
        found[slug] = count + 1
        if count:
            found[f"{slug}-{count}"] = 1
    return frozenset(found)


def broken(page: Path) -> Iterator[str]:
    for match in _LINK.finditer(prose(page)):
        target = match[1] or match[2]
        if re.match(r"[a-z]+:", target):
            continue
        name, _, fragment = unquote(target).partition("#")
        path = (page.parent / name).resolve() if name else page
        if not path.exists() or (fragment and path.suffix == ".md" and fragment not in anchors(path)):
            yield target


@pytest.mark.parametrize("name", NAMES)
def test_every_link_leads_somewhere(name: str) -> None:
    assert list(broken(TOP / name)) == []


def test_a_link_that_leads_nowhere_is_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        '# One: two\n[a](page.md#one-two) [b](#one-two) [c](none.md) [d](page.md#three) <img src="x.png">\n',
        encoding="utf-8",
    )
    assert list(broken(page)) == ["none.md", "page.md#three", "x.png"]


def commands() -> Iterator[tuple[str, str]]:
    """(page, command line), of fences and of code in the text."""
    for name, page in zip(NAMES, PAGES, strict=True):
        text = page.read_text(encoding="utf-8")
        for fence in _FENCE.findall(text):
            yield from ((name, line.split("  #")[0].strip()) for line in fence.splitlines())
        yield from ((name, code) for code in _CODE.findall(_FENCE.sub("", text)))


COMMANDS = [one for one in commands() if not one[0].startswith(("CHANGELOG", "docs/adr"))]


def targets() -> frozenset[str]:
    return frozenset(re.findall(r"(?m)^([a-z-]+):", (TOP / "Makefile").read_text(encoding="utf-8")))


def test_what_is_made_can_be_made() -> None:
    asked = {
        (page, target)
        for page, line in COMMANDS
        for target in re.findall(r"(?:^|sudo |&& )make ([a-z-]+)", line)
    }
    assert len(asked) > 20, "the documents' commands are found"
    assert sorted(one for one in asked if one[1] not in targets()) == []


def test_verbs_of_callseal_are_there() -> None:
    known = {verb.name for verb in VERBS}
    asked = {
        (page, verb)
        for page, line in COMMANDS
        for verb in re.findall(r"(?:^|; |&& |/bin/)callseal ([a-z]+)", line)
    }
    assert len(asked) > 30
    assert sorted(one for one in asked if one[1] not in known) == []


def test_modules_and_tests_that_are_run_are_there() -> None:
    missing = []
    asked = 0
    for page, line in COMMANDS:
        for module in re.findall(r"python -m ((?:callseal|tests|bench)\.[\w.]+)", line):
            asked += 1
            if importlib.util.find_spec(module) is None:
                missing.append((page, module))
        for path in re.findall(
            r"(?<![\w/.])((?:tests|infra|examples|router|bench|src|docs)/[\w./*{},-]+)", line
        ):
            asked += 1
            plain = path.rstrip(".,")
            if not re.search(r"[*{]|\.\.\.", plain) and not (TOP / plain).exists():
                missing.append((page, path))
    assert asked > 60
    assert missing == []
