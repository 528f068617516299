"""Digits that stand apart in a file: one a line, in the same place of lines that are alike. Pure.

Two lines are alike when they differ only in words that have a digit. What stands in one place of all lines that are alike is a *row*:
`{"at": 17…, "digit": "4"}` line by line, whatever the keys are called, without digits of other places in between.

A key may have several lines (a packet each, or pressed and released), so a row is also read in these ways:

| way | for |
|---|---|
| every second line to every `MOST_A_KEY`-th | always the same number of lines a key |
| only the lines in which another place has a certain digit | a flag: `end 1` |
| one line for each value of another word, as long as it stays | a time stamp, sequence number or id that a key has of its own |
| each digit as often as one likes, but no less often than the number has it | none of these; numbers that change digit seven times at least |
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

MOST_A_KEY = 12
"""Lines that a key may have where nothing else tells one key from the next."""
LEAST_CHANGES = 7
"""Fewer changes of digit than that come about by chance in a row that counts something."""

_SINGLE = re.compile(rb"(?<![0-9A-Za-z_])(?<![0-9]\.)[0-9](?![0-9A-Za-z_]|\.[0-9])")
_VARYING = re.compile(rb"[A-Za-z0-9_-]*[0-9][A-Za-z0-9_-]*")
_WORKER = re.compile(rb"^ ?[0-9]{1,2}\([0-9]+\) (?=[A-Z]+: )")
"""Which of its processes writes, as Kamailio begins its lines: two that take turns would write 4242…, and no key is written so."""
_LONGEST_LINE = 4096
_MOST_WORDS = 32


@dataclass(slots=True)
class _Alike:
    """Lines that are alike: each word that varies, line by line, and the digit that stands alone in it ("" when none does)."""

    offsets: list[int]
    words: list[list[bytes]] = field(default_factory=list)
    digits: list[list[str]] = field(default_factory=list)


def rows(data: bytes, canaries: Sequence[str]) -> list[tuple[str, int]]:
    """(digits, offset of the first) of every way of reading a row that has one of `canaries` in it."""
    found: list[tuple[str, int]] = []
    for lines in _alike(data):
        words, digits = list(zip(*lines.words, strict=True)), list(zip(*lines.digits, strict=True))
        for place, column in enumerate(digits):
            row = "".join(column)
            hidden = [canary for canary in canaries if _in_order(canary, row)]
            if hidden:
                found += [
                    (reading, lines.offsets[place])
                    for reading in _readings(
                        row, column, [*digits[:place], *digits[place + 1 :]], words, hidden
                    )
                    if any(canary in reading for canary in hidden)
                ]
    return found


def _alike(data: bytes) -> Iterable[_Alike]:
    alike: dict[tuple[bytes, int], _Alike] = {}
    offset = 0
    for whole in data.split(b"\n"):
        line = _WORKER.sub(b"", whole)
        offset += len(whole) - len(line)
        if len(line) <= _LONGEST_LINE and _SINGLE.search(line):
            words = list(_VARYING.finditer(line))[:_MOST_WORDS]
            likeness = _VARYING.sub(b"#", line), len(words)
            lines = alike.setdefault(likeness, _Alike([offset + word.start() for word in words]))
            lines.words.append([word[0] for word in words])
            lines.digits.append([_digit(line, word) for word in words])
        offset += len(line) + 1
    return alike.values()


def _digit(line: bytes, word: re.Match[bytes]) -> str:
    found = _SINGLE.search(line, word.start(), word.end())
    # `search` sees no character behind its end: one that goes on there is no digit alone.
    return found[0].decode() if found and _SINGLE.match(line, found.start()) else ""


def _in_order(canary: str, row: str) -> bool:
    """Whether the digits of `canary` come in `row` in their order, whatever is between."""
    at = 0
    for digit in canary:
        at = row.find(digit, at) + 1
        if at == 0:
            return False
    return True


def _readings(
    row: str,
    column: Sequence[str],
    others: Sequence[Sequence[str]],
    words: Sequence[Sequence[bytes]],
    canaries: Sequence[str],
) -> Iterator[str]:
    """`column` is `row` line by line; `others` and `words` are the digits and words at the other places."""
    for step in range(1, MOST_A_KEY + 1):
        for begin in range(step):
            yield row[begin::step]
    for other in others:
        if len(set(other)) > 1:
            kept: defaultdict[str, list[str]] = defaultdict(list)
            for flag, digit in zip(other, column, strict=True):
                kept[flag].append(digit)
            for flagged in map("".join, kept.values()):
                # The end of an event is sent three times (RFC 4733 2.5.1.4).
                yield from (flagged, flagged[::3], flagged[1::3], flagged[2::3])
    for word in words:
        if 1 < len(set(word)) < len(word):
            told = groupby(zip(word, column, strict=True))
            yield "".join(digit for (_, digit), _ in told)
    for canary in canaries:
        runs = [(digit, len(list(same))) for digit, same in groupby(canary)]
        if len(runs) > LEAST_CHANGES and re.search(
            "".join(f"{digit}{{{count},}}" for digit, count in runs), row
        ):
            yield canary
