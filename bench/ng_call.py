"""One plain rtpengine call, made by ng commands and nothing else: offer, answer, delete. What one anchor costs at least."""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from bench.voice import Voice
from callseal.wire.ng import NgReply, NgValue, decode_message, encode_message
from callseal.wire.sdp import SessionDescription

# What Callseal asks for as well; nothing that only a partner's SDP gets.
_FLAGS = ("rtcp-mux-demux", "no-redis-update", "replace-SDP-version")
_REPLACE = ("origin", "session-connection")
_TIMEOUT_S = 3.0


class NgError(Exception):
    """rtpengine refused, or did not answer."""


class NgClient:
    """Commands to one rtpengine, one at a time."""

    def __init__(self, address: str, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.connect((address, port))

    async def ask(self, command: str, fields: Mapping[str, NgValue] | None = None) -> dict[str, NgReply]:
        """The reply. Raises `NgError` when it is no `ok`, `TimeoutError` without one."""
        cookie = secrets.token_hex(8)
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(self._socket, encode_message(cookie, {"command": command, **(fields or {})}))
        async with asyncio.timeout(_TIMEOUT_S):
            while True:
                echoed, reply = decode_message(await loop.sock_recv(self._socket, 65535))
                if echoed == cookie:
                    break
        if reply.get("result") not in ("ok", "pong"):
            raise NgError(f"{command}: {reply.get('error-reason')}")
        return reply

    async def relayed(self) -> int:
        """Packets that rtpengine has forwarded since it started, of living and ended calls."""
        reply = await self.ask("statistics")
        return packets_relayed(reply)

    def close(self) -> None:
        self._socket.close()


def packets_relayed(reply: Mapping[str, NgReply]) -> int:
    """From the reply to `statistics`. Raises `NgError` when the number is not where it should be."""
    statistics = reply.get("statistics")
    totals = statistics.get("totalstatistics") if isinstance(statistics, dict) else None
    packets = totals.get("relayedpackets") if isinstance(totals, dict) else None
    if not isinstance(packets, int):
        raise NgError("statistics without relayedpackets")
    return packets


@dataclass(frozen=True, slots=True)
class PlainCall:
    """Two voices with one rtpengine call between them."""

    call_id: str
    customer: Voice
    agent: Voice

    @classmethod
    async def dial(cls, ng: NgClient, customer: str, agent: str) -> PlainCall:
        call = cls(secrets.token_hex(12), Voice(customer), Voice(agent))
        common: dict[str, NgValue] = {
            "call-id": call.call_id,
            "from-tag": "customer",
            "flags": list(_FLAGS),
            "replace": list(_REPLACE),
            "ICE": "remove",
        }
        offered = await ng.ask(
            "offer", {**common, "sdp": call.customer.sdp(), "transport-protocol": "RTP/AVP", "DTLS": "off"}
        )
        call.agent.target = _audio(offered)
        answered = await ng.ask("answer", {**common, "to-tag": "agent", "sdp": call.agent.sdp()})
        call.customer.target = _audio(answered)
        return call

    async def hang_up(self, ng: NgClient) -> None:
        await ng.ask("delete", {"call-id": self.call_id, "from-tag": "customer"})
        self.customer.close()
        self.agent.close()


def _audio(reply: Mapping[str, NgReply]) -> tuple[str, int]:
    audio = SessionDescription.parse(str(reply.get("sdp"))).audio
    if audio is None:
        raise NgError("an SDP without audio")
    return audio.address, audio.port
