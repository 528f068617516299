"""Cuts card numbers and other secrets out of text. Pure: text in, text out.

What is a card here: a group of 12 to 19 digits that begins like a card of some scheme, has a length of that scheme and
passes the Luhn check (ISO/IEC 7812-1), however it is written: in one piece, with blanks or hyphens, URL-encoded, digit by
digit, or at the head of a longer run of digits (the keys a customer pressed, one after the other).

What is not: a telephone number with `+` (E.164, at most 15 digits), a time in unix milliseconds (no scheme begins with
1), a UUID, a call reference or hash in hexadecimal, a SIP branch, an ISO date, an IP address. Both directions are
property-tested. In doubt a number is cut: a hole in a log is better than a card in it, so an all-digit identifier that
happens to be a possible card number is lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from urllib.parse import unquote

CARD = "[card removed]"
SECRET = "[removed]"  # noqa: S105 -- what stands in the place of one
SHORTEST, LONGEST = 12, 19
LONGEST_GROUP = 8
"""Digits of a group of a card written in groups; times and session ids, which stand beside each other too, have more."""

# (first digits from, to, lengths). Ranges as the schemes publish them; wider where they disagree.
_SCHEMES: tuple[tuple[str, str, frozenset[int]], ...] = (
    ("2200", "2204", frozenset({16, 17, 18, 19})),  # Mir
    ("2221", "2720", frozenset({16})),  # Mastercard
    ("300", "305", frozenset(range(14, 20))),  # Diners Club
    ("3095", "3095", frozenset(range(14, 20))),
    ("34", "34", frozenset({15})),  # American Express
    ("3528", "3589", frozenset({16, 17, 18, 19})),  # JCB
    ("36", "36", frozenset(range(14, 20))),
    ("37", "37", frozenset({15})),
    ("38", "39", frozenset(range(14, 20))),
    ("4", "4", frozenset({13, 16, 19})),  # Visa
    ("50", "50", frozenset(range(12, 20))),  # Maestro
    ("51", "55", frozenset({16})),
    ("56", "58", frozenset(range(12, 20))),
    ("60", "61", frozenset(range(12, 20))),  # Discover, RuPay, Maestro
    ("62", "62", frozenset({16, 17, 18, 19})),  # UnionPay
    ("63", "64", frozenset(range(12, 20))),
    ("65", "69", frozenset(range(12, 20))),
    ("81", "82", frozenset({16, 17, 18, 19})),  # RuPay, UnionPay
    ("9792", "9792", frozenset({16})),  # Troy
)
_BY_FIRST_DIGIT = {
    first: tuple(one for one in _SCHEMES if one[0][0] <= first <= one[1][0]) for first in "0123456789"
}
_COMMON = frozenset({15, 16})
"""Lengths that are also looked for in the middle of a longer run; the others would hit numbers that are none."""

# What people and programs put between the groups of a number. A `+` only directly between two digits (form encoding).
_SEPARATOR = r"(?:(?:[ \t_\u00a0\u2007\u2009\u202f\-\u2010-\u2015]|%20|%09|%2[Dd]|%C2%A0|&nbsp;|\\u00a0|\\t){1,2}|\+|%2[Bb])"
_HEXADECIMAL = (
    r"(?<![0-9A-Za-z])(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"  # UUID
    r"|(?=[0-9]*[a-f])(?:[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32}))(?![0-9A-Za-z])"  # reference, hash
)
_PROTECTED = (
    rf"{_HEXADECIMAL}"
    r"|z9hG4bK[0-9A-Za-z.]{1,120}"  # branch, RFC 3261 section 8.1.1.7; see `_run`
    r"|(?<![0-9.\-])(?:19|20)[0-9]{2}-[01][0-9]-[0-3][0-9](?:[T ][0-2][0-9]:[0-5][0-9](?::[0-5][0-9])?)?(?![0-9])"
    r"|(?<![0-9.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![0-9.])"
)
_RUN = re.compile(
    # An escape must not lend its own digits to the number after it, and a number before a reference must not take the
    # reference's front: what is left of it would be read as a number, too.
    rf"(?P<keep>{_PROTECTED})|(?:%20|%2[BbDd]|%3[Dd]|\\u[0-9a-fA-F]{{4}})*"
    rf"(?P<run>\d(?:{_SEPARATOR}?(?!{_HEXADECIMAL})\d){{{SHORTEST - 1},}})"
)
_REFERENCE = re.compile(r"(?=[0-9]*[a-f])[0-9a-f]{32}")
"""Alone it is what `_PROTECTED` would keep; most log lines have one."""
_QUOTED = re.compile(r'"(?:(?=[0-9]*[a-f])[0-9a-f]{32}|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)"', re.ASCII)
"""A reference or a time as a log line has them, whole between its quotes: no card reaches into one (`_PROTECTED`), past it or over it."""
_DIGIT = re.compile(r"\d")
_DOTTED = re.compile(r"(?<![\d.])\d{4}(?:\.\d{4}){3}(?![\d.])")
_SINGLES = re.compile(rf"(?<![0-9A-Za-z])\d(?:[^0-9A-Za-z]{{1,4}}\d(?![0-9A-Za-z])){{{SHORTEST - 1},}}")
_GROUP = re.compile(rf"\d+|{_SEPARATOR}")
_BRANCH = "z9hG4bK"
_LONG_NUMBER = re.compile(r"\d{13}")
_TIME = re.compile(r"(?:1[5-9]|20)\d{14}")  # unix microseconds; nanoseconds cannot be told from pressed keys

_CREDENTIALS = (
    (re.compile(r"(?i)\b(bearer|basic)(\s+|%20|\+)[A-Za-z0-9._~+/=%-]{6,}"), rf"\1 {SECRET}"),
    (re.compile(r"(?i)\b([a-z-]{0,40}token\s{0,4}:\s{0,4})[^\s,;\"'\\]+"), rf"\1{SECRET}"),
    (re.compile(r"(?i)\b(whsec_)[A-Za-z0-9+/=_-]+"), SECRET),
    (re.compile(r"(?i)\b(inline:)[A-Za-z0-9+/=]{20,}"), rf"\1{SECRET}"),  # SDES key, RFC 4568
    (re.compile(r"(?i)\b(signal\s*=\s*)[0-9A-D*#]{1,2}"), rf"\1{SECRET}"),  # application/dtmf-relay
)
_HINTS = ("bearer", "bas", "token", "whsec_", "nline:", "gnal")
"""One of them stands, in lower case, in whatever a pattern of `_CREDENTIALS` finds; without an `i`, which has several small forms."""
_TELLING = """
pan cardnumber cvv cvv2 cvc cvc2 cid securitycode expiry expirydate track1 track2 digit digits dtmf signal
token sessiontoken paymenttoken xpaymenttoken password passphrase secret apikey authorization cookie setcookie
webhooksecret edgesecret privatekey
"""
_HIDDEN_KEYS = frozenset(_TELLING.split())
"""Keys whose value is never logged, written without capitals and signs."""


def scrub(text: str) -> str:
    """`text` without card numbers, bearer credentials, SDES keys and DTMF signals."""
    if _REFERENCE.fullmatch(text):
        return text
    folded = text.casefold()
    if any(hint in folded for hint in _HINTS):
        for pattern, instead in _CREDENTIALS:
            text = pattern.sub(instead, text)
    if len(_DIGIT.findall(text)) < SHORTEST or len(_DIGIT.findall(_QUOTED.sub("", text))) < SHORTEST:
        return text
    return _without_cards(text)


def _without_cards(text: str) -> str:
    text = _DOTTED.sub(lambda found: CARD if is_card(found[0].replace(".", "")) else found[0], text)
    text = _SINGLES.sub(_singles, text)
    return _RUN.sub(_run, text)


def scrub_value(value: object, key: str = "") -> object:
    """A log value of any type without secrets: what stands under a telling `key` goes whole, the rest is scrubbed."""
    if value is None or isinstance(value, bool):
        return value
    if _tells(key):
        return SECRET
    if isinstance(value, int | float):
        return value if scrub(str(value)) == str(value) else CARD
    if isinstance(value, Mapping):
        return {scrub(str(name)): scrub_value(inner, str(name)) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [scrub_value(inner) for inner in value]
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return scrub(str(value))


@lru_cache(maxsize=1024)
def _tells(key: str) -> bool:
    return re.sub(r"[^a-z0-9]", "", key.lower()) in _HIDDEN_KEYS


def party(number: str) -> str:
    """Who called, or was called, as it may be kept and shown: `CARD` where a card number stands in the place of a telephone number.

    More careful than `scrub`, because people are called back by it. E.164 has at most 15 digits, and no country has numbers of
    14 or 15 digits behind 3: only what is longer than that, or looks like Diners or Amex, can be a card.
    """
    digits = _plain("".join(filter(str.isdigit, unquote(number))))
    if len(digits) > 15:
        return CARD if is_card(digits) or any(_inside(digits)) else number
    return CARD if len(digits) >= 14 and digits[0] == "3" and is_card(digits) else number


def is_card(digits: str) -> bool:
    """Scheme, length and Luhn check fit. `digits` are digits only."""
    return _scheme_fits(digits) and _luhn(digits)


def _scheme_fits(digits: str) -> bool:
    near = _BY_FIRST_DIGIT.get(digits[:1], ())
    return any(len(digits) in lengths and low <= digits[: len(low)] <= high for low, high, lengths in near)


def _luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(map(int, reversed(digits))):
        total += digit if place % 2 == 0 else digit * 2 - 9 * (digit > 4)
    return total % 10 == 0


def _plain(digits: str) -> str:
    """Other scripts' digits (full width, Arabic) as ASCII."""
    return "".join(str(int(digit)) for digit in digits)


def _singles(found: re.Match[str]) -> str:
    digits = _plain(re.sub(r"\D", "", found[0]))
    return CARD if is_card(digits) or any(_inside(digits)) else found[0]


def _run(found: re.Match[str]) -> str:
    if found["run"] is None:
        # A branch of this world has letters in it; one that hides a long number is read like any other text.
        hides = found[0].startswith(_BRANCH) and _LONG_NUMBER.search(found[0])
        return _BRANCH + _RUN.sub(_run, found[0][len(_BRANCH) :]) if hides else found[0]
    run, text, start = found["run"], found.string, found.start("run")
    pieces = [(piece.start(), piece[0]) for piece in _GROUP.finditer(run)]
    groups = [(at, _plain(piece)) for at, piece in pieces if piece[0].isdigit()]
    if text[:start].endswith(("+", "%2B", "%2b")):
        groups = _without_telephone(groups)
    cuts = list(_cards(groups))
    if not cuts:
        return found[0]
    told, position = found[0][: start - found.start()], 0
    for first, last in cuts:
        told += run[position:first] + CARD
        position = last
    return told + run[position:]


def _without_telephone(groups: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """What is left of the groups behind a `+`: an E.164 number has at most 15 digits.

    No country has numbers of 14 or 15 digits behind 3, but Diners and Amex cards do.
    """
    whole = "".join(group for _, group in groups)
    for digits, rest in ((whole, []), (groups[0][1], groups[1:])):
        if 7 <= len(digits) <= 15 and not (len(digits) >= 14 and is_card(digits)):
            return rest
    return groups


def _cards(groups: list[tuple[int, str]]) -> Iterator[tuple[int, int]]:
    """(start, end) of what is to be cut, left to right: whole groups that together are a card, or parts of one group."""
    index = 0
    while index < len(groups):
        end = _joined(groups, index)
        if end is not None:
            at, group = groups[end]
            yield groups[index][0], at + len(group)
            index = end + 1
            continue
        at, group = groups[index]
        inside = [] if _TIME.fullmatch(group) else list(_inside(group))
        if inside:
            # What stands around a card in one run of digits is expiry and security code: all of it goes.
            yield at, at + len(group)
        index += 1


def _joined(groups: list[tuple[int, str]], index: int) -> int | None:
    """The last index of the longest row of whole groups from `index` on that is a card."""
    digits, best = "", None
    for end in range(index, len(groups)):
        group = groups[end][1]
        digits += group
        if len(digits) > LONGEST or (end > index and max(len(group), len(groups[index][1])) > LONGEST_GROUP):
            break
        # 12 or 13 digits in pieces are dates, amounts and telephone numbers, not cards.
        if is_card(digits) and (end == index or len(digits) > 13):
            best = end
    return best


def _inside(digits: str) -> Iterator[int]:
    """Where a card of a common length begins within a run of digits."""
    for start in range(len(digits) - min(_COMMON) + 1):
        for length in _COMMON:
            if start + length <= len(digits) and is_card(digits[start : start + length]):
                yield start
