"""One SIP dialog (RFC 3261, section 12) on sippy's transactions. Lives in the SIP thread, decides nothing.

It keeps what a dialog is (tags, sequence numbers, route set, remote target), follows the rules of one INVITE at a time
(14.1, 14.2: 491 for glare, 500 for overlap), acknowledges, and reports. What to answer is the call's business.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
import secrets
from collections.abc import Callable, Sequence
from typing import Any

from sippy.MsgBody import MsgBody
from sippy.SipAddress import SipAddress
from sippy.SipCallId import SipCallId
from sippy.SipContact import SipContact
from sippy.SipContentType import SipContentType
from sippy.SipCSeq import SipCSeq
from sippy.SipFrom import SipFrom
from sippy.SipHeader import SipHeader
from sippy.SipMaxForwards import SipMaxForwards
from sippy.SipRequest import SipRequest
from sippy.SipRoute import SipRoute
from sippy.SipTo import SipTo
from sippy.SipURL import SipURL
from sippy.Time.Timeout import Timeout

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

ALLOW = "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO"
LINGER_S = 32.0  # 64*T1: how long a finished dialog still answers stray requests
_AT_ONCE_S = 0.01

Verdict = Any
"""What sippy wants from a request handler: (response or None, on_cancel, on_no_ack), or None."""


class Verbatim:
    """A request URI or header value that leaves exactly as it came; speaks as much of sippy's interface as is asked."""

    parsed = True

    def __init__(self, text: str) -> None:
        self.text = text

    def localStr(self, local_addr: object = None) -> str:  # noqa: ARG002, N802 - sippy's name
        return self.text

    def __str__(self) -> str:
        return self.text

    def getCopy(self) -> Verbatim:  # noqa: N802 - sippy's name
        return Verbatim(self.text)

    def getTAddr(self) -> tuple[tuple[str, int], str]:  # noqa: N802 - sippy's name
        """Asked for when an ACK is prepared; the ACK goes where its INVITE went, so nobody uses the answer."""
        return ("", 0), "udp"


class Named(Verbatim):
    """A header value with its name spelt as the configuration spells it."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(text)
        self.name = name
        self.hf_names = (name.lower(),)

    def getCanName(self, name: str, compact: bool = False) -> str:  # noqa: ARG002, N802 - sippy's name
        return self.name

    def getCopy(self) -> Named:  # noqa: N802 - sippy's name
        return Named(self.name, self.text)


class RouteText(Named):
    """A route as it came; `hop` is where a request with this route on top goes."""

    def __init__(self, text: str, hop: tuple[str, int]) -> None:
        super().__init__("Route", text)
        self.hop = hop

    def getUrl(self) -> Any:  # noqa: N802 - sippy's name
        return _url_of(self.text)

    def getTAddr(self) -> tuple[tuple[str, int], str]:  # noqa: N802 - sippy's name
        return self.hop, "udp"

    def getCopy(self) -> RouteText:  # noqa: N802 - sippy's name
        return RouteText(self.text, self.hop)


def _url_of(route: str) -> Any:
    parsed = SipRoute(body=route)
    parsed.parse()
    return parsed.getUrl()


def header(name: str, value: str) -> Any:
    return SipHeader(name=name, body=Named(name, value))


def sdp_of(message: Any) -> str | None:
    body = message.getBody()
    if body is None or body.getType() != "application/sdp":
        return None
    return str(body)


class Dialog:
    """`tell` receives what is heard; `edge` is the (address, port) for everything that names no reachable address;
    `alive` replaces the address of a dead edge with that of another."""

    def __init__(
        self,
        number: int,
        *,
        transactions: Any,
        address: tuple[str, int],
        edge: tuple[str, int],
        alive: Callable[[tuple[str, int]], tuple[str, int]],
        tell: Callable[[Heard], None],
        forget: Callable[[int], None],
        wanted: frozenset[str],
    ) -> None:
        self.number = number
        self._transactions = transactions
        self._edge = edge
        self._alive = alive
        self._tell = tell
        self._forget = forget
        self._wanted = wanted
        self._contact = SipContact(
            address=SipAddress(url=SipURL(username="partner", host=address[0], port=address[1]))
        )
        self._local_tag = secrets.token_hex(8)
        self.call_id = ""
        self._local: Any = None
        self._remote: Any = None
        self._target: Any = None
        self._routes: list[str] = []
        self._local_cseq = SipCSeq.genRandCSeq()
        self._remote_cseq = -1
        self._confirmed = False
        self._ended = False
        self._cancelled = False
        self._theirs: Any = None  # their INVITE that waits for our final answer
        self._ours: Any = None  # our INVITE transaction that waits for theirs
        self._unacked_answer = False  # our 2xx is out, their ACK is not in
        self._late: Any = None  # their 2xx with an offer waits for our ACK with the answer

    # -- they call us ----------------------------------------------------------------------------------------------

    def take_invite(self, request: Any) -> Verdict:
        """The first INVITE of a call."""
        hops = request.getHFBody("max-forwards").number if request.countHFs("max-forwards") else 70
        refusal = self._unacceptable(request, hops)
        if refusal is not None:
            self._forget(self.number)
            return refusal, None, None
        to, from_ = request.getHFBody("to"), request.getHFBody("from")
        self.call_id = str(request.getHFBody("call-id"))
        self._local = SipFrom(address=to.getUri().getCopy())
        self._local.setTag(self._local_tag)
        self._remote = SipTo(address=from_.getUri().getCopy())
        self._target = request.getHFBody("contact").getUrl().getCopy()
        self._routes = _record_routes(request)
        self._remote_cseq = request.getHFBody("cseq").getCSeqNum()
        self._transactions.regConsumer(self, self.call_id)
        self._take(request)
        self._tell(
            Invited(
                dialog=self.number,
                call_id=self.call_id,
                request_uri=str(request.getRURI().original_uri),
                from_=_without_tag(from_),
                to=_without_tag(to),
                max_forwards=hops,
                headers=tuple(
                    Header(one.name, str(one.body)) for one in request.headers if one.name in self._wanted
                ),
                sdp=sdp_of(request),
            )
        )
        return None, self._withdrawn, self._never_acked

    def _unacceptable(self, request: Any, hops: int) -> Any:
        if request.countHFs("contact") == 0:
            return self._refusal(request, 400, "Missing Contact")
        if hops < 1:
            return self._refusal(request, 483, "Too Many Hops")
        required = ", ".join(str(one) for one in request.getHFBodys("require"))
        if not required:
            return None
        response = self._refusal(request, 420, "Bad Extension")
        response.appendHeader(header("Unsupported", required))
        return response

    def progress(self, code: int, reason: str, sdp: str | None) -> None:
        """Relay a provisional answer to their first INVITE."""
        if self._theirs is not None and not self._confirmed:
            self._respond(code, reason, sdp)

    def answer(self, code: int, reason: str, sdp: str | None) -> None:
        """The final answer, 2xx or refusal, to their INVITE, first or later. Without one waiting, nothing happens."""
        if self._theirs is None:
            return
        first = not self._confirmed
        self._respond(code, reason, sdp)
        self._theirs = None
        if code < 300:
            self._confirmed = self._unacked_answer = True
        elif first:
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
        self.call_id = call_id
        self._local = SipFrom(body=from_)
        self._local.parse()
        self._local.setTag(self._local_tag)
        self._remote = SipTo(body=to)
        self._remote.parse()
        self._target = Verbatim(request_uri)
        self._transactions.regConsumer(self, call_id)
        request = self._request("INVITE", sdp, hops=max_forwards)
        request.appendHeaders([header(one.name, one.value) for one in headers])
        self._send_invite(request, late=sdp is None)

    def reinvite(self, sdp: str | None) -> None:
        """Offer `sdp` in the dialog, or ask for their offer (None). Glare on our side is reported as a 491."""
        if self._ended or not self._confirmed:
            self._tell(Answered(self.number, 481, "No Such Dialog", None, first=False))
            return
        if self._theirs is not None or self._ours is not None or self._unacked_answer:
            self._tell(Answered(self.number, 491, "Request Pending", None, first=False))
            return
        self._send_invite(self._request("INVITE", sdp), late=sdp is None)

    def acknowledge(self, sdp: str | None) -> None:
        """Send the ACK that carries our answer to their late offer."""
        if self._late is None:
            return
        transaction, self._late = self._late, None
        if sdp is not None:
            transaction.ack.setBody(_body("application/sdp", sdp))
        self._transactions.sendACK(transaction)

    def give_up_reinvite(self) -> None:
        """CANCEL our re-INVITE; its final answer is still reported."""
        if self._ours is not None and self._confirmed:
            self._transactions.cancelTransaction(self._ours)

    # -- either way ------------------------------------------------------------------------------------------------

    def info(self, content_type: str, body: str) -> None:
        """Relay an INFO request; its answer is of no interest."""
        if self._confirmed and not self._ended:
            request = self._request("INFO", None)
            request.setBody(_body(content_type, body))
            self._transactions.newTransaction(request)

    def hang_up(self, code: int, reason: str) -> None:
        """End the dialog in whatever state it is: BYE, CANCEL, or `code` to their waiting INVITE."""
        if self._ended:
            return
        if self._theirs is not None:
            self._respond(
                487 if self._confirmed else code, "Request Terminated" if self._confirmed else reason, None
            )
            self._theirs = None
        if self._late is not None:
            self.acknowledge(None)
        if self._ours is not None:
            self._cancelled = True
            self._transactions.cancelTransaction(self._ours)
        if self._confirmed:
            self._transactions.newTransaction(self._request("BYE", None))
        self._end()

    # -- sippy calls these -----------------------------------------------------------------------------------------

    def isYours(self, request: Any) -> Dialog | None:  # noqa: N802 - sippy's name
        """RFC 3261, 12.2.2: Call-ID (sippy looked that up) and both tags."""
        mine = request.getHFBody("to").getTag() == self._local_tag
        theirs = self._remote is not None and request.getHFBody("from").getTag() == self._remote.getTag()
        return self if mine and theirs else None

    def recvRequest(self, request: Any, _transaction: Any) -> Verdict:  # noqa: N802 - sippy's name
        """A request inside the dialog."""
        method = request.getMethod()
        number = request.getHFBody("cseq").getCSeqNum()
        if number <= self._remote_cseq:
            return self._refusal(request, 500, "CSeq Out Of Order"), None, None
        self._remote_cseq = number
        if method == "BYE":
            return self._take_bye(request), None, None
        if self._ended:
            return self._refusal(request, 481, "Call Does Not Exist"), None, None
        if method == "INVITE":
            return self._take_reinvite(request)
        body = request.getBody()
        if method == "INFO" and body is not None:
            self._tell(InfoCame(self.number, body.getType(), str(body)))
        known = method in ("INFO", "OPTIONS")
        return self._refusal(request, *((200, "OK") if known else (405, "Method Not Allowed"))), None, None

    def _take_reinvite(self, request: Any) -> Verdict:
        if self._ours is not None or self._late is not None:
            return self._refusal(request, 491, "Request Pending"), None, None
        if self._theirs is not None or not self._confirmed:
            response = self._refusal(request, 500, "Earlier INVITE In Progress")
            response.appendHeader(header("Retry-After", str(secrets.randbelow(11))))
            return response, None, None
        if request.countHFs("contact"):
            self._target = request.getHFBody("contact").getUrl().getCopy()
        self._take(request)
        self._tell(Reoffered(self.number, sdp_of(request)))
        return None, self._withdrawn, self._never_acked

    def _take_bye(self, request: Any) -> Any:
        if not self._ended:
            if self._theirs is not None:
                self._respond(487, "Request Terminated", None)
                self._theirs = None
            self._tell(HungUp(self.number))
            self._end()
        return self._refusal(request, 200, "OK")

    def _take(self, request: Any) -> None:
        self._theirs = request
        self._transactions.sendResponse(request.genResponse(100, "Trying"))

    def _withdrawn(self, *_when: object) -> None:
        first = not self._confirmed
        self._theirs = None
        self._tell(Withdrawn(self.number, first))
        if first:
            self._end()

    def _never_acked(self) -> None:
        self._unacked_answer = False
        if not self._ended:
            self._transactions.newTransaction(self._request("BYE", None))
            self._tell(HungUp(self.number))
            self._end()

    def _acked(self, ack: Any) -> None:
        self._unacked_answer = False
        if not self._ended:
            self._tell(Acked(self.number, sdp_of(ack)))

    def _send_invite(self, request: Any, *, late: bool) -> None:
        def answered(response: Any, transaction: Any) -> None:
            self._take_response(response, transaction, late=late)

        self._ours = self._transactions.newTransaction(request, resp_cb=answered, cb_ifver=2)

    def _take_response(self, response: Any, transaction: Any, *, late: bool) -> None:
        code, reason = response.getSCode()
        first = not self._confirmed
        if code < 200:
            if first and code > 100 and not self._cancelled:
                self._tell(Progressed(self.number, code, reason, sdp_of(response)))
            return
        self._ours = None
        if code < 300:
            self._settle_dialog(response, first=first)
        else:
            # The ACK of a refusal goes where the INVITE went (17.1.1.3); sippy would follow these two headers.
            response.delHFs("contact")
            response.delHFs("record-route")
        sdp = sdp_of(response) if code < 300 else None
        if self._cancelled:
            if code < 300 and first:
                # The 2xx crossed our CANCEL (9.1): acknowledge, which happens after this returns, then hang up.
                Timeout(self._bye_after_ack, _AT_ONCE_S, 1)
            return
        if late and sdp is not None:
            transaction.uack = True
            self._late = transaction
        if first and code >= 300:
            self._end()
        self._tell(Answered(self.number, code, reason, sdp, first=first))

    def _settle_dialog(self, response: Any, *, first: bool) -> None:
        if response.countHFs("contact"):
            self._target = response.getHFBody("contact").getUrl().getCopy()
        if first:
            self._remote.setTag(response.getHFBody("to").getTag())
            self._routes = list(reversed(_record_routes(response)))
            self._confirmed = True
        # sippy routes the ACK by the Record-Route of this response. 12.2.1.1: only the first response makes the route
        # set, and a re-INVITE's 2xx often carries none. So it finds the dialog's, with an address that can be reached.
        response.delHFs("record-route")
        routes = [RouteText(route, self._next_hop()) for route in reversed(self._routes)]
        response.appendHeaders([SipHeader(name="record-route", body=route) for route in routes])

    def _bye_after_ack(self) -> None:
        self._transactions.newTransaction(self._request("BYE", None))

    # -- messages --------------------------------------------------------------------------------------------------

    def _request(self, method: str, sdp: str | None, *, hops: int = 70) -> Any:
        request = SipRequest(
            method=method,
            ruri=self._target.getCopy(),
            to=self._remote.getCopy(),
            fr0m=self._local.getCopy(),
            cseq=self._local_cseq,
            callid=SipCallId(self.call_id),
            contact=self._contact.getCopy(),
            routes=[RouteText(route, self._next_hop()) for route in self._routes],
            target=(self._next_hop(), "udp"),
            maxforwards=SipMaxForwards(number=hops),
        )
        self._local_cseq += 1
        request.appendHeader(header("Allow", ALLOW))
        if sdp is not None:
            request.setBody(_body("application/sdp", sdp))
        return request

    def _next_hop(self) -> tuple[str, int]:
        # A name in a route would mean DNS (RFC 3263); a name here is the edge's, and the edge's address is known.
        url = _url_of(self._routes[0]) if self._routes else self._target
        with contextlib.suppress(ValueError, AttributeError):
            host, port = url.getAddr()
            return self._alive((str(ipaddress.IPv4Address(host)), int(port)))
        return self._alive(self._edge)

    def _respond(self, code: int, reason: str, sdp: str | None) -> None:
        response = self._theirs.genResponse(code, reason)
        response.getHFBody("to").setTag(self._local_tag)
        response.appendHeader(SipHeader(name="contact", body=self._contact.getCopy()))
        if code < 300:
            response.appendHeader(header("Allow", ALLOW))
        if sdp is not None:
            response.setBody(_body("application/sdp", sdp))
        acked = self._acked if 200 <= code < 300 else None
        # A transaction that the peer cancelled a moment ago is gone or finished: its 487 is out already.
        with contextlib.suppress(KeyError, ValueError):
            self._transactions.sendResponse(response, ack_cb=acked)

    def _refusal(self, request: Any, code: int, reason: str) -> Any:
        response = request.genResponse(code, reason)
        if response.getHFBody("to").getTag() is None:
            response.getHFBody("to").setTag(self._local_tag)
        if code in (200, 405):
            response.appendHeader(header("Allow", ALLOW))
        return response

    def _end(self) -> None:
        self._ended = True
        Timeout(self._let_go, LINGER_S, 1)

    def _let_go(self) -> None:
        with contextlib.suppress(IndexError, KeyError):
            self._transactions.unregConsumer(self, self.call_id)
        self._forget(self.number)


def _record_routes(message: Any) -> list[str]:
    # The bodies are not parsed here: sippy would write them back in another order of parameters.
    return [str(one.body) for one in message.getHFs("record-route")]


def _body(content_type: str, text: str) -> Any:
    return MsgBody(text, SipContentType(content_type))


def _without_tag(value: Any) -> str:
    # `body` is the text as it came; sippy's own writer would normalise it.
    return re.sub(r";\s*tag=[^;>\s]*\s*$|;\s*tag=[^;>\s]*(?=;)", "", str(value.body))
