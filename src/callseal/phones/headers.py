"""Which headers of a received message an event may show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

# RFC 3261 section 7.3.3 (compact forms) and section 20.
_COMPACT = {
    "c": "Content-Type",
    "f": "From",
    "i": "Call-ID",
    "k": "Supported",
    "l": "Content-Length",
    "m": "Contact",
    "s": "Subject",
    "t": "To",
    "v": "Via",
}


def header_lines(message: str) -> Iterator[tuple[str, str]]:
    """(name, value) of every header line, folded lines joined (RFC 3261 section 7.3.1), compact names written out."""
    head = message.replace("\r\n", "\n").partition("\n\n")[0]
    unfolded: list[str] = []
    for line in head.split("\n")[1:]:
        if line[:1] in {" ", "\t"} and unfolded:
            unfolded[-1] += " " + line.strip()
        else:
            unfolded.append(line)
    for line in unfolded:
        name, colon, value = line.partition(":")
        if colon:
            name = name.strip()
            yield _COMPACT.get(name.lower(), name), value.strip()


def shown_headers(message: str, shown: Iterable[str]) -> dict[str, str | None]:
    """Every header's name as it was sent; the value only for names in `shown` (any case), else None.

    A test can so see that a token header arrived without the token ever being written anywhere.
    """
    allowed = {name.lower() for name in shown}
    seen: dict[str, str | None] = {}
    for name, value in header_lines(message):
        if name.lower() not in allowed:
            seen[name] = None
        elif (earlier := seen.get(name)) is not None:
            seen[name] = f"{earlier}, {value}"
        else:
            seen[name] = value
    return seen
