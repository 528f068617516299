"""The Luhn check (ISO/IEC 7812-1, annex B): it finds a mistyped digit, it proves nothing else."""

from __future__ import annotations

_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def luhn_ok(digits: str) -> bool:
    """True when the last of `digits` is the right check digit. Raises `ValueError` for anything but digits."""
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError("the Luhn check is for digits")
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = ord(digit) - ord("0")
        total += _DOUBLED[value] if place % 2 else value
    return total % 10 == 0


def check_digit(payload: str) -> str:
    """The digit that makes `payload` pass."""
    return next(digit for digit in "0123456789" if luhn_ok(payload + digit))
