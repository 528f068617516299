"""One leg of a call as the asyncio side sees it: which SDP it has, where its media is, and re-INVITEs as awaitables."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass

from callseal.sandbox.media.bridge import Side
from callseal.sandbox.sip.heard import Answered
from callseal.sandbox.sip.sdp import OneSession
from callseal.sandbox.sip.stack import SipStack

REINVITE_TIMEOUT_S = 10.0
GLARE_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Reply:
    """How a re-INVITE ended; 408 also when nothing came in time."""

    code: int
    reason: str
    sdp: str | None

    @property
    def ok(self) -> bool:
        return self.code < 300


class Leg:
    """`made_call_id`: this side chose the dialog's Call-ID, which decides who waits longer after a glare."""

    def __init__(self, side: Side, dialog: int, stack: SipStack, *, made_call_id: bool) -> None:
        self.side = side
        self.dialog = dialog
        self.made_call_id = made_call_id
        self.at_bridge = False
        self.heard: str | None = None
        """The SDP last received from this leg's peer."""
        self.home: str | None = None
        """The same, but only from times when its media was at home: what the other leg must get back."""
        self.sent: str | None = None
        """The SDP last sent to this leg's peer."""
        self._stack = stack
        self._session = OneSession()
        self._pending: asyncio.Future[Reply] | None = None

    def note(self, sdp: str | None) -> None:
        """Remember an SDP from the peer."""
        if sdp is not None:
            self.heard = sdp
            if not self.at_bridge:
                self.home = sdp

    def stamped(self, sdp: str | None) -> str | None:
        """`sdp` as the next version of the session this peer knows."""
        if sdp is not None:
            self.sent = self._session.stamp(sdp)
            return self.sent
        return None

    def answer_early(self, code: int, reason: str, sdp: str | None) -> None:
        """Relay a provisional answer to the peer's first INVITE."""
        self._stack.progress(self.dialog, code, reason, self.stamped(sdp))

    def answer(self, code: int, reason: str, sdp: str | None = None) -> None:
        """Answer the peer's waiting INVITE."""
        self._stack.answer(self.dialog, code, reason, self.stamped(sdp))

    async def reoffer(self, sdp: str | None, *, timeout_s: float = REINVITE_TIMEOUT_S) -> Reply:
        """Send one re-INVITE and wait for its end. The SDP in the answer is noted by the caller, who knows what it means."""
        if self._pending is not None:
            return Reply(491, "Request Pending", None)
        self._pending = asyncio.get_running_loop().create_future()
        try:
            self._stack.reinvite(self.dialog, self.stamped(sdp))
            return await asyncio.wait_for(self._pending, timeout_s)
        except TimeoutError:
            self._stack.give_up_reinvite(self.dialog)
            return Reply(408, "Request Timeout", None)
        finally:
            self._pending = None

    async def reoffer_patiently(self, sdp: str, chance: random.Random) -> Reply:
        """The same, again after a glare (RFC 3261, 14.1), a bounded number of times."""
        reply = await self.reoffer(sdp)
        for _ in range(GLARE_ATTEMPTS):
            if reply.code != 491:
                break
            first, last = (210, 400) if self.made_call_id else (0, 200)
            await asyncio.sleep(chance.randint(first, last) / 100)
            reply = await self.reoffer(sdp)
        return reply

    async def find_an_edge(self) -> None:
        """Before what must not be sent to a dead one."""
        await self._stack.find_edges()

    def answered(self, heard: Answered) -> None:
        """The SIP side brought the end of a re-INVITE; one that nobody waits for any more is dropped."""
        if self._pending is not None and not self._pending.done():
            self._pending.set_result(Reply(heard.code, heard.reason, heard.sdp))

    def acknowledge(self, sdp: str | None) -> None:
        self._stack.acknowledge(self.dialog, sdp)

    def withdraw(self) -> None:
        self._stack.give_up_reinvite(self.dialog)

    def info(self, content_type: str, body: str) -> None:
        self._stack.info(self.dialog, content_type, body)

    def hang_up(self, code: int = 480, reason: str = "Temporarily Unavailable") -> None:
        self._stack.hang_up(self.dialog, code, reason)
