"""Their INVITE, first or later, until it has its final answer, and our 2xx until their ACK is in (RFC 3261, 13.3, 14.2)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from callseal.sandbox.sip.dialog_state import DialogState
from callseal.sandbox.sip.verbatim import header, sdp_of


class TheirInvite:
    """One at a time. `acked` is called with the SDP of the ACK to our 2xx."""

    def __init__(self, transactions: Any, state: DialogState, *, acked: Callable[[str | None], None]) -> None:
        self._transactions = transactions
        self._state = state
        self._acked = acked
        self._request: Any = None
        self.unacked = False
        """Our 2xx is out, their ACK is not in."""

    @property
    def waits(self) -> bool:
        """It has no final answer yet."""
        return self._request is not None

    def take(self, request: Any) -> None:
        """It came, and may be answered when its time is."""
        self._request = request
        self._transactions.sendResponse(request.genResponse(100, "Trying"))

    def progress(self, code: int, reason: str, sdp: str | None) -> None:
        """A provisional answer."""
        self._respond(code, reason, sdp)

    def finish(self, code: int, reason: str, sdp: str | None = None) -> None:
        """The final answer."""
        self._respond(code, reason, sdp)
        self._request = None
        if code < 300:
            self.unacked = True

    def drop(self) -> None:
        """They cancelled it: sippy has answered."""
        self._request = None

    def never_acked(self) -> None:
        """Nobody waits for that ACK any more."""
        self.unacked = False

    def _respond(self, code: int, reason: str, sdp: str | None) -> None:
        response = self._state.answer(self._request, code, reason, sdp)
        acked = self._ack_came if 200 <= code < 300 else None
        # A transaction that the peer cancelled a moment ago is gone or finished: its 487 is out already.
        with contextlib.suppress(KeyError, ValueError):
            self._transactions.sendResponse(response, ack_cb=acked)

    def _ack_came(self, ack: Any) -> None:
        self.unacked = False
        self._acked(sdp_of(ack))


def refusal_of(request: Any, hops: int, state: DialogState) -> Any:
    """The answer to a first INVITE that cannot become a dialog (8.2.2.3, 12.1.1, 16.3), or None. `hops` are left to it."""
    if request.countHFs("contact") == 0:
        return state.reply(request, 400, "Missing Contact")
    if hops < 1:
        return state.reply(request, 483, "Too Many Hops")
    required = ", ".join(str(one) for one in request.getHFBodys("require"))
    if not required:
        return None
    response = state.reply(request, 420, "Bad Extension")
    response.appendHeader(header("Unsupported", required))
    return response
