"""Our INVITE, first or later, until theirs is the final answer, and their late offer until our ACK answers it (RFC 3261, 13.2, 14.1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sippy.Time.Timeout import Timeout

from callseal.sandbox.sip.dialog_state import DialogState
from callseal.sandbox.sip.verbatim import body_of, sdp_of

_AT_ONCE_S = 0.01


class OurInvite:
    """One at a time. `progressed` and `answered` are called with code, reason and SDP; `answered` also with whether it was the
    dialog's first."""

    def __init__(
        self,
        transactions: Any,
        state: DialogState,
        *,
        progressed: Callable[[int, str, str | None], None],
        answered: Callable[[int, str, str | None, bool], None],
    ) -> None:
        self._transactions = transactions
        self._state = state
        self._progressed = progressed
        self._answered = answered
        self._transaction: Any = None
        self._late: Any = None
        self._given_up = False

    @property
    def waits(self) -> bool:
        """It has no final answer yet."""
        return self._transaction is not None

    @property
    def owes_answer(self) -> bool:
        """Their 2xx with an offer waits for our ACK with the answer."""
        return self._late is not None

    def send(self, request: Any, *, late: bool) -> None:
        """`late`: it asks for their offer."""

        def answered(response: Any, transaction: Any) -> None:
            self._take(response, transaction, late=late)

        self._transaction = self._transactions.newTransaction(request, resp_cb=answered, cb_ifver=2)

    def cancel(self) -> None:
        """Its final answer is still told."""
        self._transactions.cancelTransaction(self._transaction)

    def give_up(self) -> None:
        """Cancel it with the dialog: what they say to it is told to nobody."""
        self._given_up = True
        self.cancel()

    def acknowledge(self, sdp: str | None) -> None:
        """Send the ACK that carries our answer to their late offer."""
        transaction, self._late = self._late, None
        if sdp is not None:
            transaction.ack.setBody(body_of("application/sdp", sdp))
        self._transactions.sendACK(transaction)

    def _take(self, response: Any, transaction: Any, *, late: bool) -> None:
        code, reason = response.getSCode()
        first = not self._state.confirmed
        if code < 200:
            if first and code > 100 and not self._given_up:
                self._progressed(code, reason, sdp_of(response))
            return
        self._transaction = None
        if code < 300:
            self._state.settle(response)
        else:
            # The ACK of a refusal goes where the INVITE went (17.1.1.3); sippy would follow these two headers.
            response.delHFs("contact")
            response.delHFs("record-route")
        sdp = sdp_of(response) if code < 300 else None
        if self._given_up:
            if code < 300 and first:
                # The 2xx crossed our CANCEL (9.1): acknowledge, which happens after this returns, then hang up.
                Timeout(self._bye, _AT_ONCE_S, 1)
            return
        if late and sdp is not None:
            transaction.uack = True
            self._late = transaction
        self._answered(code, reason, sdp, first)

    def _bye(self) -> None:
        self._transactions.newTransaction(self._state.request("BYE"))
