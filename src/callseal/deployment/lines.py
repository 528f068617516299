"""Where each key of a TOML document stands.

`tomllib` gives values without positions, and a fault without a line is a riddle. This index walks a document that
`tomllib` has *already accepted* and notes the line of every table, key and array element, so it needs to know where
things begin and end (TOML 1.0, https://toml.io/en/v1.0.0) and never what they mean.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator

Path = tuple[str | int, ...]
"""The way to a value: `("carriers", 0, "signalling", 1)`."""

_BARE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
_SPACE = frozenset(" \t")
_BLANK = frozenset(" \t\r\n")


class LineIndex:
    """Line numbers (from 1) of every path in `text`, which must be valid TOML."""

    def __init__(self, text: str) -> None:
        self._lines: dict[Path, int] = {}
        _Walk(text, self._lines).document()

    def line(self, path: Path) -> int:
        """Line of `path`; of its nearest parent that is written down when `path` itself is not."""
        for length in range(len(path), 0, -1):
            found = self._lines.get(path[:length])
            if found is not None:
                return found
        return 1

    def __contains__(self, path: object) -> bool:
        return path in self._lines

    def __iter__(self) -> Iterator[Path]:
        return iter(self._lines)


class _Walk:
    """One pass over the text; `_at` is the position, `_line` the line it is on."""

    def __init__(self, text: str, lines: dict[Path, int]) -> None:
        self._text = text
        self._lines = lines
        self._at = 0
        self._line = 1
        self._arrays: dict[Path, int] = {}  # arrays of tables: path -> index of the last element

    def document(self) -> None:
        table: Path = ()
        while self._skip_blank():
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)

    # -- structure ---------------------------------------------------------------------------------------------

    def _header(self) -> Path:
        """`[table]` or `[[array of tables]]`; returns the path that the keys below it belong to."""
        line = self._line
        many = self._text.startswith("[[", self._at)
        self._advance(2 if many else 1)
        keys = self._keys()
        self._advance(2 if many else 1)
        path: Path = ()
        for number, key in enumerate(keys):
            path = (*path, key)
            last = number == len(keys) - 1
            if last and many:
                self._note(path, line)
                self._arrays[path] = self._arrays.get(path, -1) + 1
            if path in self._arrays:
                path = (*path, self._arrays[path])
            self._note(path, line)
        # A header says where the table is even when a sub-table was written before it.
        self._lines[path] = line
        return path

    def _pair(self, table: Path) -> None:
        line = self._line
        path = table
        for key in self._keys():
            path = (*path, key)
            self._note(path, line)
        self._advance(1)  # =
        self._skip_space()
        self._value(path)

    def _value(self, path: Path) -> None:
        first = self._text[self._at]
        if first in "\"'":
            self._string()
        elif first == "[":
            self._array(path)
        elif first == "{":
            self._inline_table(path)
        else:  # numbers, booleans, dates: up to what cannot be part of one
            while self._at < len(self._text) and self._text[self._at] not in ",]}#\n":
                self._advance(1)

    def _array(self, path: Path) -> None:
        self._advance(1)
        index = 0
        while self._skip_blank(extra=","):
            if self._text[self._at] == "]":
                self._advance(1)
                return
            self._note((*path, index), self._line)
            self._value((*path, index))
            index += 1

    def _inline_table(self, path: Path) -> None:
        self._advance(1)
        while self._skip_blank(extra=","):
            if self._text[self._at] == "}":
                self._advance(1)
                return
            self._pair(path)

    # -- tokens ------------------------------------------------------------------------------------------------

    def _keys(self) -> list[str]:
        """A dotted key; stops on what follows it (`=` or `]`)."""
        keys = []
        while True:
            self._skip_space()
            start = self._at
            if self._text[start] in "\"'":
                self._string()
                keys.append(str(tomllib.loads("k=" + self._text[start : self._at])["k"]))
            else:
                while self._text[self._at] in _BARE:
                    self._advance(1)
                keys.append(self._text[start : self._at])
            self._skip_space()
            if self._text[self._at] != ".":
                return keys
            self._advance(1)

    def _string(self) -> None:
        quote = self._text[self._at]
        triple = self._text.startswith(quote * 3, self._at)
        self._advance(3 if triple else 1)
        while True:
            if self._text[self._at] == "\\" and quote == '"':
                self._advance(2)
            elif triple and self._text.startswith(quote * 3, self._at):
                # Up to two quotes may stand directly before the closing three.
                while self._text.startswith(quote * 4, self._at):
                    self._advance(1)
                self._advance(3)
                return
            elif not triple and self._text[self._at] == quote:
                self._advance(1)
                return
            else:
                self._advance(1)

    def _skip_space(self) -> None:
        while self._at < len(self._text) and self._text[self._at] in _SPACE:
            self._at += 1

    def _skip_blank(self, extra: str = "") -> bool:
        """Past white space, newlines, comments and `extra`; False at the end of the document."""
        while self._at < len(self._text):
            here = self._text[self._at]
            if here == "#":
                end = self._text.find("\n", self._at)
                self._at = len(self._text) if end < 0 else end
            elif here in _BLANK or here in extra:
                self._advance(1)
            else:
                return True
        return False

    def _advance(self, count: int) -> None:
        self._line += self._text.count("\n", self._at, self._at + count)
        self._at += count

    def _note(self, path: Path, line: int) -> None:
        self._lines.setdefault(path, line)
