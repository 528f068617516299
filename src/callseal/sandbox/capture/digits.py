"""The digits of one field while they are keyed: a buffer that can be wiped and that prints only its length."""

from __future__ import annotations


class KeyedDigits:
    """Append, clear, count. Not a `CardData`, because it grows; the same manners otherwise."""

    __hash__ = None  # type: ignore[assignment]
    __slots__ = ("__buffer",)

    def __init__(self) -> None:
        self.__buffer = bytearray()

    def __len__(self) -> int:
        return len(self.__buffer)

    def append(self, digit: str) -> None:
        """Add one ASCII digit; raises `ValueError` for anything else, without quoting it."""
        if len(digit) != 1 or digit not in "0123456789":
            raise ValueError("one digit at a time")
        self.__buffer.append(ord(digit))

    def reveal(self) -> str:
        return self.__buffer.decode("ascii")

    def wipe(self) -> None:
        """Overwrite with zeros, then forget."""
        for at in range(len(self.__buffer)):
            self.__buffer[at] = 0
        self.__buffer.clear()

    def __repr__(self) -> str:
        return f"<{len(self)} digits>"

    def __reduce_ex__(self, protocol: object) -> str:
        raise TypeError("KeyedDigits refuses pickle and copy")
