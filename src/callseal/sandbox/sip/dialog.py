"""One SIP dialog (RFC 3261, section 12) on sippy's transactions. Lives in the SIP thread, decides nothing.

It follows the rules of one INVITE at a time (14.1, 14.2: 491 for glare, 500 for overlap), acknowledges, and reports. What to
answer is the call's business.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Sequence
from typing import Any

from sippy.Time.Timeout import Timeout

from callseal.sandbox.sip.dialog_state import DialogState
from callseal.sandbox.sip.heard import (
    Acked,
    Answered,
    Header,
    Heard,
    HungUp,
    InfoCame,
    Invited,
    Progressed,
    Reoffered,
    Withdrawn,
)
from callseal.sandbox.sip.our_invite import OurInvite
from callseal.sandbox.sip.their_invite import TheirInvite, refusal_of
from callseal.sandbox.sip.verbatim import body_of, header, sdp_of, without_tag

LINGER_S = 32.0  # 64*T1: how long a finished dialog still answers stray requests

Verdict = Any
"""What sippy wants from a request handler: (response or None, on_cancel, on_no_ack), or None."""


class Dialog:
    """`tell` receives what is heard; `wanted` are the names of the headers that a first INVITE is reported with; `forget` is called
    when nothing more can come."""

    def __init__(
        self,
        number: int,
        state: DialogState,
        *,
        transactions: Any,
        tell: Callable[[Heard], None],
        forget: Callable[[int], None],
        wanted: frozenset[str],
    ) -> None:
        self.number = number
        self._state = state
        self._transactions = transactions
        self._tell = tell
        self._forget = forget
        self._wanted = wanted
        self._ended = False
        self._theirs = TheirInvite(transactions, state, acked=self._acked)
        self._ours = OurInvite(transactions, state, progressed=self._progressed, answered=self._answered)

    # -- they call us ----------------------------------------------------------------------------------------------

    def take_invite(self, request: Any) -> Verdict:
        """The first INVITE of a call."""
        hops = request.getHFBody("max-forwards").number if request.countHFs("max-forwards") else 70
        refusal = refusal_of(request, hops, self._state)
        if refusal is not None:
            self._forget(self.number)
            return refusal, None, None
        self._state.begin_called(request)
        self._transactions.regConsumer(self, self._state.call_id)
        self._theirs.take(request)
        self._tell(
            Invited(
                dialog=self.number,
                call_id=self._state.call_id,
                request_uri=str(request.getRURI().original_uri),
                from_=without_tag(request.getHFBody("from")),
                to=without_tag(request.getHFBody("to")),
                max_forwards=hops,
                headers=tuple(
                    Header(one.name, str(one.body)) for one in request.headers if one.name in self._wanted
                ),
                sdp=sdp_of(request),
            )
        )
        return None, self._withdrawn, self._never_acked

    def progress(self, code: int, reason: str, sdp: str | None) -> None:
        """Relay a provisional answer to their first INVITE."""
        if self._theirs.waits and not self._state.confirmed:
            self._theirs.progress(code, reason, sdp)

    def answer(self, code: int, reason: str, sdp: str | None) -> None:
        """The final answer, 2xx or refusal, to their INVITE, first or later. Without one waiting, nothing happens."""
        if not self._theirs.waits:
            return
        self._theirs.finish(code, reason, sdp)
        if code < 300:
            self._state.confirmed = True
        elif not self._state.confirmed:
            self._end()

    # -- we call them ----------------------------------------------------------------------------------------------

    def invite(
        self,
        *,
        call_id: str,
        request_uri: str,
        from_: str,
        to: str,
        max_forwards: int,
        headers: Sequence[Header],
        sdp: str | None,
    ) -> None:
        """The first INVITE of the second leg, to the edge."""
        self._state.begin_calling(call_id=call_id, request_uri=request_uri, from_=from_, to=to)
        self._transactions.regConsumer(self, call_id)
        request = self._state.request("INVITE", sdp, hops=max_forwards)
        request.appendHeaders([header(one.name, one.value) for one in headers])
        self._ours.send(request, late=sdp is None)

    def reinvite(self, sdp: str | None) -> None:
        """Offer `sdp` in the dialog, or ask for their offer (None). Glare on our side is reported as a 491."""
        if self._ended or not self._state.confirmed:
            self._tell(Answered(self.number, 481, "No Such Dialog", None, first=False))
            return
        if self._theirs.waits or self._ours.waits or self._theirs.unacked:
            self._tell(Answered(self.number, 491, "Request Pending", None, first=False))
            return
        self._ours.send(self._state.request("INVITE", sdp), late=sdp is None)

    def acknowledge(self, sdp: str | None) -> None:
        """Send the ACK that carries our answer to their late offer."""
        if self._ours.owes_answer:
            self._ours.acknowledge(sdp)

    def give_up_reinvite(self) -> None:
        """CANCEL our re-INVITE; its final answer is still reported."""
        if self._ours.waits and self._state.confirmed:
            self._ours.cancel()

    # -- either way ------------------------------------------------------------------------------------------------

    def info(self, content_type: str, body: str) -> None:
        """Relay an INFO request; its answer is of no interest."""
        if self._state.confirmed and not self._ended:
            request = self._state.request("INFO")
            request.setBody(body_of(content_type, body))
            self._transactions.newTransaction(request)

    def hang_up(self, code: int, reason: str) -> None:
        """End the dialog in whatever state it is: BYE, CANCEL, or `code` to their waiting INVITE."""
        if self._ended:
            return
        if self._theirs.waits:
            self._theirs.finish(*((487, "Request Terminated") if self._state.confirmed else (code, reason)))
        self.acknowledge(None)
        if self._ours.waits:
            self._ours.give_up()
        if self._state.confirmed:
            self._bye()
        self._end()

    def _bye(self) -> None:
        self._transactions.newTransaction(self._state.request("BYE"))

    def _end(self) -> None:
        self._ended = True
        Timeout(self._let_go, LINGER_S, 1)

    def _let_go(self) -> None:
        with contextlib.suppress(IndexError, KeyError):
            self._transactions.unregConsumer(self, self._state.call_id)
        self._forget(self.number)

    # -- sippy calls these -----------------------------------------------------------------------------------------

    def isYours(self, request: Any) -> Dialog | None:  # noqa: N802 - sippy's name
        return self if self._state.holds(request) else None

    def recvRequest(self, request: Any, _transaction: Any) -> Verdict:  # noqa: N802 - sippy's name
        """A request inside the dialog."""
        method = request.getMethod()
        if not self._state.follows(request):
            return self._state.reply(request, 500, "CSeq Out Of Order"), None, None
        if method == "BYE":
            return self._take_bye(request), None, None
        if self._ended:
            return self._state.reply(request, 481, "Call Does Not Exist"), None, None
        if method == "INVITE":
            return self._take_reinvite(request)
        body = request.getBody()
        if method == "INFO" and body is not None:
            self._tell(InfoCame(self.number, body.getType(), str(body)))
        known = method in ("INFO", "OPTIONS")
        return (
            self._state.reply(request, *((200, "OK") if known else (405, "Method Not Allowed"))),
            None,
            None,
        )

    def _take_reinvite(self, request: Any) -> Verdict:
        if self._ours.waits or self._ours.owes_answer:
            return self._state.reply(request, 491, "Request Pending"), None, None
        if self._theirs.waits or not self._state.confirmed:
            response = self._state.reply(request, 500, "Earlier INVITE In Progress")
            response.appendHeader(header("Retry-After", str(secrets.randbelow(11))))
            return response, None, None
        self._state.retarget(request)
        self._theirs.take(request)
        self._tell(Reoffered(self.number, sdp_of(request)))
        return None, self._withdrawn, self._never_acked

    def _take_bye(self, request: Any) -> Any:
        if not self._ended:
            if self._theirs.waits:
                self._theirs.finish(487, "Request Terminated")
            self._tell(HungUp(self.number))
            self._end()
        return self._state.reply(request, 200, "OK")

    def _withdrawn(self, *_when: object) -> None:
        first = not self._state.confirmed
        self._theirs.drop()
        self._tell(Withdrawn(self.number, first))
        if first:
            self._end()

    def _never_acked(self) -> None:
        self._theirs.never_acked()
        if not self._ended:
            self._bye()
            self._tell(HungUp(self.number))
            self._end()

    # -- what the INVITEs came to ----------------------------------------------------------------------------------

    def _acked(self, sdp: str | None) -> None:
        if not self._ended:
            self._tell(Acked(self.number, sdp))

    def _progressed(self, code: int, reason: str, sdp: str | None) -> None:
        self._tell(Progressed(self.number, code, reason, sdp))

    def _answered(self, code: int, reason: str, sdp: str | None, first: bool) -> None:
        if first and code >= 300:
            self._end()
        self._tell(Answered(self.number, code, reason, sdp, first=first))
