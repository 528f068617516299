"""To which call of a capture a stream belongs, by the addresses that its ends named."""

from __future__ import annotations

from collections.abc import Sequence

from callseal.audit.roles import Call
from callseal.audit.rtp_stream import RtpStream

AROUND_S = 2.0
"""Media may begin before the INVITE is seen and go on after the BYE."""


class Homes:
    """To which call a stream belongs: the youngest that named one of its ends; else one whose agent's host it reaches, on whatever port."""

    def __init__(self, calls: Sequence[Call]) -> None:
        self._by_address: dict[tuple[str, int], list[Call]] = {}
        self._by_agent: dict[str, list[Call]] = {}
        for call in reversed(calls):
            for where in call.named:
                self._by_address.setdefault(where, []).append(call)
            for address in (call.agent, *call.agent_addresses()):
                known = self._by_agent.setdefault(address, [])
                if not known or known[-1] is not call:
                    known.append(call)

    def of(self, stream: RtpStream) -> Call | None:
        """None when it belongs to no call."""
        source, destination = split(stream.source), split(stream.destination)
        named = [
            call
            for where in (destination, source)
            for call in self._by_address.get(where, ())
            if overlaps(stream, call)
        ]
        if named:
            return max(named, key=lambda call: call.begin)
        strays = self._by_agent.get(destination[0], ())
        return next((call for call in strays if overlaps(stream, call) and stray(stream, call)), None)


def overlaps(stream: RtpStream, call: Call) -> bool:
    ended = call.ended
    return stream.begin >= call.begin - AROUND_S and (ended is None or stream.begin <= ended + AROUND_S)


def stray(stream: RtpStream, call: Call) -> bool:
    """Whether it goes to the agent's host, on whatever port."""
    address = split(stream.destination)[0]
    return address == call.agent or (not call.by_port and address in call.agent_addresses())


def split(where: str) -> tuple[str, int]:
    """Address and port of `192.0.2.1:5060` or `[2001:db8::1]:5060`."""
    address, _, port = where.rpartition(":")
    return address.strip("[]"), int(port)
