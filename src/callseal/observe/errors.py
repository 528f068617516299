"""How Callseal says that something went wrong: one base class, whose text is meant for people.

Libraries raise, only the command line prints. A traceback that reaches a user is a bug.
"""

from __future__ import annotations


class Error(Exception):
    """Anything Callseal refuses to do, with a stable `id`, what happened and what to try.

    Subclasses set `id` and `status` as class data; messages never hold a secret, a token or a card digit.
    """

    id: str = "error"
    status: int = 1
    """Of the process, when nobody catches it: 2 where the command line is what is wrong."""

    def __init__(self, message: str, *, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice

    def diagnostics(self) -> str:
        """The whole story for a terminal: what happened, then what to try."""
        return f"{self.message}\n{self.advice}" if self.advice else self.message
