"""Parts of SIP messages that go out exactly as they came in.

sippy parses a value and writes it its own way: other spelling of names, other order of parameters. A partner that relays must
not, so these stand in for sippy's values where a text is to be kept; they speak as much of sippy's interface as is asked.
"""

from __future__ import annotations

import re
from typing import Any

from sippy.MsgBody import MsgBody
from sippy.SipContentType import SipContentType
from sippy.SipHeader import SipHeader
from sippy.SipRoute import SipRoute


class Verbatim:
    """A request URI or header value."""

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
        return url_of(self.text)

    def getTAddr(self) -> tuple[tuple[str, int], str]:  # noqa: N802 - sippy's name
        return self.hop, "udp"

    def getCopy(self) -> RouteText:  # noqa: N802 - sippy's name
        return RouteText(self.text, self.hop)


def url_of(route: str) -> Any:
    """sippy's URL of a Route value."""
    parsed = SipRoute(body=route)
    parsed.parse()
    return parsed.getUrl()


def header(name: str, value: str) -> Any:
    """A header field for sippy's messages."""
    return SipHeader(name=name, body=Named(name, value))


def body_of(content_type: str, text: str) -> Any:
    """A body for sippy's messages."""
    return MsgBody(text, SipContentType(content_type))


def sdp_of(message: Any) -> str | None:
    """The body, when it is SDP."""
    body = message.getBody()
    if body is None or body.getType() != "application/sdp":
        return None
    return str(body)


def record_routes(message: Any) -> list[str]:
    """The Record-Route values, from top to bottom."""
    # The bodies are not parsed here: sippy would write them back in another order of parameters.
    return [str(one.body) for one in message.getHFs("record-route")]


def without_tag(value: Any) -> str:
    """A From or To value as text, less its tag."""
    # `body` is the text as it came; sippy's own writer would normalise it.
    return re.sub(r";\s*tag=[^;>\s]*\s*$|;\s*tag=[^;>\s]*(?=;)", "", str(value.body))
