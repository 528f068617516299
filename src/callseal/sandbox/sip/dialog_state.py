"""What two user agents keep of a dialog (RFC 3261, section 12), and the messages that are made of it.

Tags, sequence numbers, route set and remote target live here; nothing is sent and nothing is decided.
"""

from __future__ import annotations

import contextlib
import ipaddress
import secrets
from collections.abc import Callable
from typing import Any

from sippy.SipAddress import SipAddress
from sippy.SipCallId import SipCallId
from sippy.SipContact import SipContact
from sippy.SipCSeq import SipCSeq
from sippy.SipFrom import SipFrom
from sippy.SipHeader import SipHeader
from sippy.SipMaxForwards import SipMaxForwards
from sippy.SipRequest import SipRequest
from sippy.SipTo import SipTo
from sippy.SipURL import SipURL

from callseal.sandbox.sip.verbatim import RouteText, Verbatim, body_of, header, record_routes, url_of

ALLOW = "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO"


class DialogState:
    """One dialog, early until `confirmed`. Messages come and go as sippy's objects.

    `address` is ours, `edge` the (address, port) for everything that names no reachable address; `alive` replaces the address of a
    dead edge with that of another.
    """

    def __init__(
        self,
        *,
        address: tuple[str, int],
        edge: tuple[str, int],
        alive: Callable[[tuple[str, int]], tuple[str, int]],
    ) -> None:
        self._edge = edge
        self._alive = alive
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
        self.confirmed = False

    # -- how it begins and settles ---------------------------------------------------------------------------------

    def begin_called(self, invite: Any) -> None:
        """They call us (12.1.1)."""
        self.call_id = str(invite.getHFBody("call-id"))
        self._local = SipFrom(address=invite.getHFBody("to").getUri().getCopy())
        self._local.setTag(self._local_tag)
        self._remote = SipTo(address=invite.getHFBody("from").getUri().getCopy())
        self._target = invite.getHFBody("contact").getUrl().getCopy()
        self._routes = record_routes(invite)
        self._remote_cseq = invite.getHFBody("cseq").getCSeqNum()

    def begin_calling(self, *, call_id: str, request_uri: str, from_: str, to: str) -> None:
        """We call them (12.1.2); the rest comes with their answer."""
        self.call_id = call_id
        self._local = SipFrom(body=from_)
        self._local.parse()
        self._local.setTag(self._local_tag)
        self._remote = SipTo(body=to)
        self._remote.parse()
        self._target = Verbatim(request_uri)

    def settle(self, response: Any) -> None:
        """Their 2xx to an INVITE of ours, first or later."""
        self.retarget(response)
        if not self.confirmed:
            self._remote.setTag(response.getHFBody("to").getTag())
            self._routes = list(reversed(record_routes(response)))
            self.confirmed = True
        # sippy routes the ACK by the Record-Route of this response. 12.2.1.1: only the first response makes the route
        # set, and a re-INVITE's 2xx often carries none. So it finds the dialog's, with an address that can be reached.
        response.delHFs("record-route")
        routes = [RouteText(route, self._next_hop()) for route in reversed(self._routes)]
        response.appendHeaders([SipHeader(name="record-route", body=route) for route in routes])

    def retarget(self, message: Any) -> None:
        """Where they want to be reached from now on (12.2), when the message says so."""
        if message.countHFs("contact"):
            self._target = message.getHFBody("contact").getUrl().getCopy()

    # -- what belongs to it ----------------------------------------------------------------------------------------

    def holds(self, request: Any) -> bool:
        """12.2.2: Call-ID (sippy looked that up) and both tags."""
        mine = request.getHFBody("to").getTag() == self._local_tag
        theirs = self._remote is not None and request.getHFBody("from").getTag() == self._remote.getTag()
        return bool(mine and theirs)

    def follows(self, request: Any) -> bool:
        """12.2.2: its sequence number is greater than the last one's, and is the last one's from now on."""
        number: int = request.getHFBody("cseq").getCSeqNum()
        if number <= self._remote_cseq:
            return False
        self._remote_cseq = number
        return True

    # -- messages --------------------------------------------------------------------------------------------------

    def request(self, method: str, sdp: str | None = None, *, hops: int = 70) -> Any:
        """The next request of ours."""
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
            request.setBody(body_of("application/sdp", sdp))
        return request

    def _next_hop(self) -> tuple[str, int]:
        # A name in a route would mean DNS (RFC 3263); a name here is the edge's, and the edge's address is known.
        url = url_of(self._routes[0]) if self._routes else self._target
        with contextlib.suppress(ValueError, AttributeError):
            host, port = url.getAddr()
            return self._alive((str(ipaddress.IPv4Address(host)), int(port)))
        return self._alive(self._edge)

    def answer(self, invite: Any, code: int, reason: str, sdp: str | None) -> Any:
        """An answer to their INVITE, with where we are."""
        response = invite.genResponse(code, reason)
        response.getHFBody("to").setTag(self._local_tag)
        response.appendHeader(SipHeader(name="contact", body=self._contact.getCopy()))
        if code < 300:
            response.appendHeader(header("Allow", ALLOW))
        if sdp is not None:
            response.setBody(body_of("application/sdp", sdp))
        return response

    def reply(self, request: Any, code: int, reason: str) -> Any:
        """The one answer to a request that sets up nothing, or may not."""
        response = request.genResponse(code, reason)
        if response.getHFBody("to").getTag() is None:
            response.getHFBody("to").setTag(self._local_tag)
        if code in (200, 405):
            response.appendHeader(header("Allow", ALLOW))
        return response
