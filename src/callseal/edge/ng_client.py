"""A narrow ng client: it can look at a call and stop or pass one party's digits and audio, and nothing else.

ng has no authentication, so the daemon does what it is told: among its commands are some that copy digits to a log,
play or record audio. What leaves here therefore passes a list of allowed commands, keys and values (`check`); a bug in
the agent becomes an exception, not a tap. One connected UDP socket per daemon; a reply counts only with the cookie of a
pending command. A repeated datagram keeps its cookie, so that the daemon answers from its cache instead of acting twice.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import Final

from callseal.edge.settings import Address
from callseal.wire.ng import NgReply, NgSyntaxError, NgValue, decode_message, encode_message

_SELECTED: Final = frozenset({"command", "call-id", "label", "from-tag", "flags"})
ALLOWED: Final[Mapping[str, frozenset[str]]] = {
    "ping": frozenset({"command"}),
    "statistics": frozenset({"command"}),
    "query": frozenset({"command", "call-id"}),
    "block DTMF": _SELECTED | {"DTMF-security"},
    "unblock DTMF": _SELECTED | {"delay-buffer"},
    "block media": _SELECTED,
    "unblock media": _SELECTED,
}
"""Command -> the keys it may carry."""


class NgForbiddenError(ValueError):
    """The message is not on the list; a programming error, nothing was sent."""


class NgSilentError(Exception):
    """No answer in time: the daemon is down, or the network is."""


class NgRefusedError(Exception):
    """The daemon answered `result: error`; the text is its reason."""


class UnknownCallError(NgRefusedError):
    """The daemon has no such call."""


class UnknownPartyError(NgRefusedError):
    """The call is there, a party with that label or tag is not."""


def check(message: Mapping[str, NgValue]) -> None:
    """Raise `NgForbiddenError` unless the message is one that the agent may send.

    Beyond the key list: a block names one party (never the whole call) and says `directional`, without which a
    from-tag is ignored since mr12.4; audio is blocked on customer legs, and of the partner on agent legs; tones are only ever
    made silence, of the partner; the delay buffer can only be set to 0.
    """
    command = message.get("command")
    keys = ALLOWED.get(command) if isinstance(command, str) else None
    if keys is None:
        raise NgForbiddenError("this ng command is not on the list")
    if surplus := set(message) - keys:
        raise NgForbiddenError(f"{command}: keys not on the list: {', '.join(sorted(surplus))}")
    if keys is _SELECTED or "label" in keys:
        _check_selection(str(command), message)
    elif command == "query":
        _check_text(message.get("call-id"), "call-id")


def _check_selection(command: str, message: Mapping[str, NgValue]) -> None:
    call_id = _check_text(message.get("call-id"), "call-id")
    if not call_id.endswith((".customer", ".agent")):
        raise NgForbiddenError(f"{command}: call-id does not name a leg")
    of_partner = call_id.endswith(".agent") and message.get("label") == "partner"
    if command.endswith("media") and not (call_id.endswith(".customer") or of_partner):
        raise NgForbiddenError(f"{command}: audio is blocked on customer legs, and of the partner")
    if ("label" in message) == ("from-tag" in message):
        raise NgForbiddenError(f"{command}: needs a label or a from-tag, one of them")
    _check_text(message.get("label", message.get("from-tag")), "label or from-tag")
    flags = ["directional"]
    if "DTMF-security" in message:
        if message["DTMF-security"] != "silence" or not of_partner:
            raise NgForbiddenError(f"{command}: tones are made silence, of the partner on an agent leg")
        flags.append("detect-DTMF")
    if message.get("flags") != flags:
        raise NgForbiddenError(f"{command}: flags must be exactly {' '.join(flags)}")
    if "delay-buffer" in message and message["delay-buffer"] != 0:
        raise NgForbiddenError(f"{command}: delay-buffer may only be 0")


def _check_text(value: NgValue | None, name: str) -> str:
    if not isinstance(value, str) or not value or not value.isprintable():
        raise NgForbiddenError(f"{name} is empty, not printable or no text")
    return value


def sessions_own(reply: Mapping[str, NgReply]) -> int | None:
    """The daemon's calls (anchors) in an answer to `statistics`; None when it does not say."""
    found = reply.get("statistics")
    current = found.get("currentstatistics") if isinstance(found, dict) else None
    count = current.get("sessionsown") if isinstance(current, dict) else None
    return count if isinstance(count, int) else None


class NgClient(asyncio.DatagramProtocol):
    """Commands to one rtpengine. Raises `NgSilentError`, `NgRefusedError` and its subclasses.

    `observe(command, seconds)` is called for every answered command.
    """

    def __init__(
        self,
        address: Address,
        *,
        cookie_prefix: str,
        timeout_ms: int,
        attempts: int,
        observe: Callable[[str, float], None] = lambda _command, _seconds: None,
    ) -> None:
        self._address = address
        self._prefix = cookie_prefix
        self._timeout = timeout_ms / 1000
        self._attempts = attempts
        self._observe = observe
        self._count = 0
        self._pending: dict[str, asyncio.Future[dict[str, NgReply]]] = {}
        self._transport: asyncio.DatagramTransport | None = None
        self._opening = asyncio.Lock()

    async def ping(self) -> None:
        """Return when the daemon answers."""
        await self._send({"command": "ping"})

    async def uptime(self) -> int:
        """Seconds since the daemon was started (`statistics`, total)."""
        reply = await self._send({"command": "statistics"})
        statistics = reply.get("statistics")
        total = statistics.get("totalstatistics") if isinstance(statistics, dict) else None
        up = total.get("uptime") if isinstance(total, dict) else None
        # Text on both tested versions.
        return int(up) if isinstance(up, (str, int)) and str(up).isdigit() else 0

    async def sessions(self) -> int | None:
        """How many calls (anchors) the daemon has; None when its answer does not say."""
        return sessions_own(await self._send({"command": "statistics"}))

    async def query(self, call_id: str) -> dict[str, NgReply]:
        """All parties of a call, `daemon/call_interfaces.c`: `ng_call_stats`."""
        return await self._send({"command": "query", "call-id": call_id})

    async def block_dtmf(self, call_id: str, *, tones: bool = False, **party: str) -> None:
        """Drop the RFC 4733 events that a party sends, with `tones` the sound of keys too. `party` is `label=` or
        `from_tag=`, here and below."""
        message = self._directional("block DTMF", call_id, party)
        if tones:
            message |= {"DTMF-security": "silence", "flags": ["directional", "detect-DTMF"]}
        await self._send(message)

    async def unblock_dtmf(self, call_id: str, **party: str) -> None:
        """Pass them again. The explicit `delay-buffer` of 0 matters: a plain unblock after a block that set a delay
        buffer crashes 12.5, 13.5 and 26.0 at the next packets."""
        await self._send({**self._directional("unblock DTMF", call_id, party), "delay-buffer": 0})

    async def block_media(self, call_id: str, **party: str) -> None:
        """Drop the audio that a party sends."""
        await self._send(self._directional("block media", call_id, party))

    async def unblock_media(self, call_id: str, **party: str) -> None:
        """Pass it again."""
        await self._send(self._directional("unblock media", call_id, party))

    def close(self) -> None:
        """Give up what is pending and close the socket."""
        if self._transport is not None:
            self._transport.close()
            self._transport = None
        for future in self._pending.values():
            if not future.done():
                future.set_exception(NgSilentError("the client was closed"))

    @staticmethod
    def _directional(command: str, call_id: str, party: Mapping[str, str]) -> dict[str, NgValue]:
        selection = {name.replace("_", "-"): value for name, value in party.items()}
        return {"command": command, "call-id": call_id, "flags": ["directional"], **selection}

    async def _send(self, message: dict[str, NgValue]) -> dict[str, NgReply]:
        check(message)
        self._count += 1
        cookie = f"{self._prefix}_{self._count}"
        datagram = encode_message(cookie, message)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[dict[str, NgReply]] = loop.create_future()
        self._pending[cookie] = future
        started = loop.time()
        try:
            for _ in range(self._attempts):
                transport = await self._open()
                transport.sendto(datagram)
                with contextlib.suppress(TimeoutError):
                    reply = await asyncio.wait_for(asyncio.shield(future), self._timeout)
                    self._observe(str(message["command"]), loop.time() - started)
                    return _judge(reply)
        finally:
            del self._pending[cookie]
            if not future.cancel() and not future.cancelled():
                future.exception()  # mark it as seen: the waiter may have been cancelled before it looked
        raise NgSilentError(f"no answer to {message['command']} after {self._attempts} attempts")

    async def _open(self) -> asyncio.DatagramTransport:
        async with self._opening:
            if self._transport is None or self._transport.is_closing():
                loop = asyncio.get_running_loop()
                try:
                    self._transport, _ = await loop.create_datagram_endpoint(
                        lambda: self, remote_addr=self._address
                    )
                except OSError as error:
                    raise NgSilentError(f"no route to rtpengine: {error.strerror}") from None
            return self._transport

    def datagram_received(self, data: bytes, addr: object) -> None:  # noqa: ARG002 - the socket is connected
        """A late or foreign datagram has no pending cookie and is dropped."""
        try:
            cookie, body = decode_message(data)
        except NgSyntaxError:
            return
        future = self._pending.get(cookie)
        if future is not None and not future.done():
            future.set_result(body)

    def error_received(self, exc: Exception) -> None:
        """ICMP refusals: the time-out says the same, and a daemon that restarts is found by the next attempt."""


def _judge(reply: dict[str, NgReply]) -> dict[str, NgReply]:
    if reply.get("result") in ("ok", "pong"):
        return reply
    reason = str(reply.get("error-reason", "no reason given"))
    folded = reason.lower()
    if "unknown call-id" in folded:
        raise UnknownCallError(reason)
    if "no monologue matching" in folded or "no such tag" in folded:
        raise UnknownPartyError(reason)
    raise NgRefusedError(reason)
