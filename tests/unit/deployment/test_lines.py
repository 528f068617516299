"""Lines of TOML: odd formatting by hand, and any formatting by Hypothesis."""

from __future__ import annotations

import string
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callseal.deployment.lines import LineIndex, Path

pytestmark = pytest.mark.unit

ODD = '''\
# a comment with [a.table] and key = "value"
"quoted key" . 'and literal'.bare = 1   # 2
text = """
[not.a.table]
key = "no"
five quotes: """""
raw = \'\'\'
[[neither]] \\\'\'\'
escaped = "a \\" # quote"   # comment
when = 1979-05-27 07:32:00
array = [ # first
  1,

  [2, 3], { inner = 4, more.deep = [
    5 ] },
  "six, ]"
]
inline = { a = 1, "b c" = { d = 2 }, e = [] }

[ table . sub ]
key = 1
[table]
key=2
  [[ many ]]
  id = "x"
  [many.inner]
  deep = 1
  [[many.list]]
  a = 1
  [[many.list]]
  a = 2
[[many]]
id = "y"
  [[many.list]]
  a = 3\
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("quoted key", "and literal", "bare"), 2),
        (("text",), 3),
        (("raw",), 7),
        (("escaped",), 9),
        (("when",), 10),
        (("array",), 11),
        (("array", 0), 12),
        (("array", 1), 14),
        (("array", 1, 1), 14),
        (("array", 2, "inner"), 14),
        (("array", 2, "more", "deep", 0), 15),
        (("array", 3), 16),
        (("inline", "b c", "d"), 18),
        (("inline", "e"), 18),
        (("table", "sub"), 20),
        (("table", "sub", "key"), 21),
        (("table",), 22),
        (("table", "key"), 23),
        (("many", 0), 24),
        (("many", 0, "inner", "deep"), 27),
        (("many", 0, "list", 1, "a"), 31),
        (("many", 1), 32),
        (("many", 1, "list", 0, "a"), 35),
        (("many", 1, "missing"), 32),
        (("nowhere",), 1),
    ],
)
def test_odd_formatting(path: Path, line: int) -> None:
    assert LineIndex(ODD).line(path) == line


def test_windows_line_ends() -> None:
    assert LineIndex(ODD.replace("\n", "\r\n")).line(("many", 1, "id")) == 33


def test_an_empty_document() -> None:
    assert list(LineIndex("")) == []
    assert LineIndex(" # nothing").line(("a",)) == 1


# -- any document, written in any way ------------------------------------------------------------------------------

keys = st.text(string.ascii_letters + string.digits + "-_", min_size=1, max_size=4) | st.text(max_size=4)
scalars = st.integers(-9, 9) | st.booleans() | st.text(max_size=6)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)
documents = st.dictionaries(
    keys,
    values | st.lists(st.dictionaries(keys, values, min_size=1, max_size=2), min_size=1, max_size=2),
    max_size=4,
)


class Writer:
    """Writes a document with blanks, comments, newlines and table forms drawn by Hypothesis; notes each key's line."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.text = ""
        self.lines: dict[Path, int] = {}

    def chance(self) -> bool:
        return self.draw(st.booleans())

    def add(self, text: str) -> None:
        self.text += text

    def here(self, path: Path) -> None:
        self.lines[path] = self.text.count("\n") + 1

    def blank(self) -> None:
        self.add(self.draw(st.sampled_from(["", " ", "\t ", "  "])))

    def newlines(self) -> None:
        self.add(self.draw(st.sampled_from(["", "\n", " # ] } ' \"\n", "\r\n\r\n"])))

    def string(self, text: str) -> None:
        if not set(text) & set("'\n\r") and text.isprintable() and self.chance():
            self.add(f"'{text}'")
            return
        escaped = "".join(
            char
            if char.isalnum() and char.isascii()
            else f"\\U{ord(char):08x}"
            if ord(char) > 0x7F or char < " " or char in '"\\\x7f'
            else char
            for char in text
        )
        self.add(f'"""\n{escaped}"""' if self.chance() else f'"{escaped}"')

    def key(self, key: str) -> None:
        if key and set(key) <= set(string.ascii_letters + string.digits + "-_") and self.chance():
            self.add(key)
        else:
            self.add('"' + "".join(f"\\U{ord(char):08x}" for char in key) + '"')

    def value(self, value: Any, path: Path) -> None:
        match value:
            case bool():
                self.add(str(value).lower())
            case int():
                self.add(str(value))
            case str():
                self.string(value)
            case list():
                self.add("[")
                for index, item in enumerate(value):
                    self.newlines()
                    self.blank()
                    self.here((*path, index))
                    self.value(item, (*path, index))
                    self.newlines()
                    self.add(",")
                self.newlines()
                self.add("]")
            case dict():
                self.add("{")
                for index, (key, item) in enumerate(value.items()):
                    self.add(", " if index else " ")
                    self.pair(key, item, path)
                self.add("}")

    def pair(self, key: str, value: Any, path: Path) -> None:
        self.here((*path, key))
        self.key(key)
        self.blank()
        self.add("=")
        self.blank()
        self.value(value, (*path, key))

    def body(self, table: dict[str, Any], path: Path) -> None:
        for key, value in table.items():
            self.newlines()
            self.blank()
            self.pair(key, value, path)
            self.add("\n")

    def document(self, document: dict[str, Any]) -> None:
        headed = {
            key: value
            for key, value in document.items()
            if (
                isinstance(value, dict)
                or (isinstance(value, list) and value and all(isinstance(one, dict) for one in value))
            )
            and self.chance()
        }
        self.body({key: value for key, value in document.items() if key not in headed}, ())
        for key, value in headed.items():
            many = isinstance(value, list)
            for index, table in enumerate(value if many else [value]):
                self.newlines()
                path: Path = (key, index) if many else (key,)
                self.here(path)
                self.add("[[" if many else "[")
                self.blank()
                self.key(key)
                self.add("]]\n" if many else "] # x\n")
                self.body(table, path)


@st.composite
def written(draw: st.DrawFn) -> tuple[dict[str, Any], str, dict[Path, int]]:
    document = draw(documents)
    writer = Writer(draw)
    writer.document(document)
    return document, writer.text, writer.lines


def paths(value: Any, path: Path = ()) -> Iterator[Path]:
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from paths(inner, (*path, key))


@settings(max_examples=40)
@given(written())
def test_every_key_of_any_document_is_found_on_its_line(
    case: tuple[dict[str, Any], str, dict[Path, int]],
) -> None:
    document, text, lines = case
    assert tomllib.loads(text) == document  # the writer writes what it means
    index = LineIndex(text)
    assert set(index) == set(paths(document))
    assert {path: index.line(path) for path in lines} == lines
