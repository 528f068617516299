"""Searches everything that was written for canary card numbers.

    python -m callseal.audit.canary_scan DIR

After a call that was paid with a test card, no file of any process may hold its number: not in a log, a database, a
capture or a core. `callseal.audit.forms` lists the forms in which it is looked for.

Findings say file, form, byte offset and which canary (by its place in the list), never the digits.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from callseal.audit.forms import Searcher

TEST_CARDS: tuple[str, ...] = (
    "4242424242424242",
    "4111111111111111",
    "4000000000000002",
    "4000000000009995",
    "4012888888881881",
    "5555555555554444",
    "5105105105105100",
    "2223003122003222",
    "378282246310005",
    "371449635398431",
    "6011111111111117",
    "30569309025904",
    "36227206271667",
    "3530111333300000",
    "6200000000000005",
)
"""Public test numbers of payment providers; none of them is anybody's."""

LARGEST = 256 << 20
"""Files beyond this many bytes are named as unread, not skipped in silence."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A canary in a file. `offset` counts bytes (of the unpacked file, if it is gzip); -1 where there is no one place."""

    file: Path
    form: str
    offset: int
    canary: int

    def __str__(self) -> str:
        place = f" at byte {self.offset}" if self.offset >= 0 else ""
        what = "a security code" if self.canary < 0 else f"canary {self.canary}"
        return f"{self.file}: {what}, {self.form}{place}"


@dataclass(frozen=True, slots=True)
class Scan:
    """What a scan found, how much it read, and what it could not read: an unread file is not a clean one."""

    findings: tuple[Finding, ...]
    files: int
    unread: tuple[Path, ...]

    @property
    def clean(self) -> bool:
        return not self.findings and not self.unread and self.files > 0


def scan(folder: Path, *, canaries: Sequence[str] = TEST_CARDS, exclude: Iterable[Path] = ()) -> Scan:
    """Searches `folder` (or one file) and everything below; `exclude` are folders that may hold digits, such as the
    customer's own phone. Symbolic links are not followed.
    """
    left_out = {path.resolve() for path in exclude}
    searcher = Searcher(canaries)
    findings: list[Finding] = []
    unread: list[Path] = []
    files = 0
    for file in _files(folder, left_out):
        try:
            found = searcher.search(_content(file))
        except (OSError, EOFError, zlib.error, ValueError):
            unread.append(file)
            continue
        files += 1
        findings += [Finding(file, one.form, one.offset, one.canary) for one in found]
    return Scan(tuple(findings), files, tuple(unread))


def _files(folder: Path, left_out: set[Path]) -> Iterator[Path]:
    if folder.is_file() and not folder.is_symlink():
        yield folder
        return
    for path in sorted(folder.iterdir()):
        if path.resolve() in left_out or path.is_symlink():
            continue
        if path.is_dir():
            yield from _files(path, left_out)
        elif path.is_file():  # sockets and pipes hold nothing
            yield path


def _content(file: Path) -> bytes:
    if file.stat().st_size > LARGEST:
        raise ValueError("too large")
    data = file.read_bytes()
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


# -- command line --------------------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None, say: Callable[[str], object] = print) -> int:
    """Status 0: clean; 1: something was found; 2: something could not be read, or there was nothing to read."""
    parser = argparse.ArgumentParser(
        prog="python -m callseal.audit.canary_scan", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument(
        "--exclude", type=Path, action="append", default=[], metavar="DIR", help="may hold digits"
    )
    parser.add_argument("--canaries", type=Path, metavar="FILE", help="card numbers to look for, one a line")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    wanted = parser.parse_args(arguments)
    if not wanted.folder.exists():
        say(f"{wanted.folder}: no such file or directory")
        return 2
    canaries = TEST_CARDS
    if wanted.canaries is not None:
        canaries = tuple(
            re.sub(r"\D", "", line) for line in wanted.canaries.read_text(encoding="ascii").split("\n")
        )
        canaries = tuple(canary for canary in canaries if len(canary) >= 12)
    found = scan(
        wanted.folder, canaries=canaries, exclude=[*wanted.exclude, *filter(None, [wanted.canaries])]
    )
    if wanted.json:
        say(json.dumps(_as_dict(found), indent=2))
    else:
        for finding in found.findings:
            say(str(finding))
        for path in found.unread:
            say(f"{path}: could not be read")
        say(f"{found.files} files, {len(canaries)} canaries, {len(found.findings)} found")
    if found.findings:
        return 1
    return 0 if found.clean else 2


def _as_dict(found: Scan) -> dict[str, object]:
    return {
        "clean": found.clean,
        "files": found.files,
        "unread": [str(path) for path in found.unread],
        "findings": [
            {"file": str(one.file), "form": one.form, "offset": one.offset, "canary": one.canary}
            for one in found.findings
        ],
    }


if __name__ == "__main__":
    sys.exit(main())
