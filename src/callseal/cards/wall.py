"""What makes a card value refuse to leave: the base class of every type in this package.

A card number escapes through the places nobody thinks of: an f-string in a log line, `repr` in a traceback, `pickle`
in a queue, `vars()` in a debugger's dump, `json.dumps(default=str)`. Each of them raises here. The one way out is
`reveal()`, a word that can be found with grep; the sandbox calls it in one place, on the way to the PSP.
"""

from __future__ import annotations

import hmac
from typing import NoReturn, SupportsIndex


class CardDataRefusedError(TypeError):
    """Somebody tried to print, format, store or copy card data. The message names the type, never the value."""


class CardData:
    """Digits in a buffer that can be wiped. Equality is constant-time; there is no hash, order, length or iteration."""

    __hash__ = None  # type: ignore[assignment]
    __slots__ = ("__buffer",)

    def __init__(self, digits: str) -> None:
        """Raises `ValueError` (without the value) when `digits` holds anything but ASCII digits."""
        if not (digits.isascii() and digits.isdigit()):
            raise ValueError(f"{type(self).__name__} is made of digits")
        self.__buffer = bytearray(digits, "ascii")

    def reveal(self) -> str:
        """The digits. Raises `ValueError` once wiped. Every call of this method is a place an auditor looks at."""
        if not self.__buffer:
            raise ValueError(f"{type(self).__name__} was wiped")
        return self.__buffer.decode("ascii")

    def wipe(self) -> None:
        """Overwrite the digits with zeros and forget them (PCI DSS 3.3.1). Safe to call twice."""
        for at in range(len(self.__buffer)):
            self.__buffer[at] = 0
        self.__buffer.clear()

    @property
    def wiped(self) -> bool:
        return not self.__buffer

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self) or not isinstance(other, CardData):
            return NotImplemented
        return hmac.compare_digest(self.__buffer, other.__buffer)

    def _refusal(self, how: str) -> CardDataRefusedError:
        return CardDataRefusedError(f"{type(self).__name__} refuses {how}")

    def __repr__(self) -> str:
        raise self._refusal("repr")

    def __str__(self) -> str:
        raise self._refusal("str")

    def __format__(self, spec: str) -> str:
        raise self._refusal("format")

    def __bytes__(self) -> bytes:
        raise self._refusal("bytes")

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise self._refusal("pickle and copy")

    def __getstate__(self) -> NoReturn:
        raise self._refusal("pickle and copy")

    def __dir__(self) -> list[str]:
        return ["reveal", "wipe", "wiped"]
