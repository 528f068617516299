"""Every call through the partner: makes the second leg for each first one, and knows which session a token names."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import logging
import random
import re
import secrets
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass

from callseal.sandbox.capture.presses import Transport
from callseal.sandbox.media.bridge import Bridge, Side
from callseal.sandbox.session.call import Call
from callseal.sandbox.session.leg import Leg
from callseal.sandbox.session.mover import Mover
from callseal.sandbox.session.session import Session
from callseal.sandbox.session.world import World
from callseal.sandbox.sip.heard import Header, Heard, Invited
from callseal.sandbox.sip.stack import SipStack

log = logging.getLogger(__name__)

_COOKIE = re.compile(r"1\.[\w-]+\.([A-Za-z0-9_=-]+)\.[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class HeaderNames:
    """How the headers are spelt that this partner writes or hands on."""

    token: str
    cookie: str
    passed: tuple[str, ...]

    @property
    def wanted(self) -> Mapping[str, str]:
        """Lower-case name to spelling, of every header that goes from the first leg to the second."""
        return {name.lower(): name for name in (*self.passed, self.cookie)}


def session_name(token: str) -> str:
    """The public name of a token's session: half of its SHA-256, in hexadecimal."""
    return hashlib.sha256(token.encode()).hexdigest()[:32]


def calling_side(invited: Invited, cookie_header: str) -> Side:
    """Who calls: the customer, unless the edge's cookie says that this call goes out (`d=out`).

    A real partner knows it by the trunk. The cookie is signed but not secret (contract, section 3); the direction is all
    that is read of it. It may stand in the request URI instead of the header.
    """
    texts = [one.value for one in invited.headers if one.name == cookie_header.lower()]
    for text in (*texts, invited.request_uri):
        match = _COOKIE.search(text)
        if match is None:
            continue
        try:
            payload = base64.urlsafe_b64decode(match[1].rstrip("=") + "=" * (-len(match[1].rstrip("=")) % 4))
        except (ValueError, binascii.Error):
            continue
        if b"d=out" in payload.split(b";ci=")[0].split(b";"):
            return Side.AGENT
    return Side.CUSTOMER


class Switchboard:
    """`new_bridge(name)` makes the bridge of one secured phase."""

    def __init__(
        self,
        stack: SipStack,
        world: World,
        names: HeaderNames,
        *,
        new_bridge: Callable[[str], Bridge],
        chance: random.Random,
    ) -> None:
        self._stack = stack
        self._world = world
        self._names = names
        self._new_bridge = new_bridge
        self._chance = chance
        self._calls: dict[int, Call] = {}
        self._sessions: dict[str, Session] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def find(self, token: str) -> Session | None:
        """The live session of a token. The table is keyed by hash, so a look-up takes no time from the token's bytes."""
        return self._sessions.get(session_name(token))

    def named(self, name: str) -> Session | None:
        return self._sessions.get(name)

    def hear(self, heard: Heard) -> None:
        """Called in the event loop with everything the SIP thread reports."""
        if isinstance(heard, Invited):
            self._new_call(heard)
        elif (call := self._calls.get(heard.dialog)) is not None:
            call.hear(heard)

    def pressed(self, bridge: str, tag: str, key: str) -> None:
        """A digit from the feed: only the customer's side of a near call counts."""
        name, _, hop = bridge.partition(".")
        session = self._sessions.get(name)
        if session is not None and hop.endswith("near") and tag == Side.CUSTOMER:
            session.pressed(key, Transport.MEDIA)

    def heard_in_audio(self, bridge: str, key: str, transport: Transport) -> None:
        """A key that only the insert of that bridge could hear."""
        session = self._sessions.get(bridge.partition(".")[0])
        if session is not None:
            session.pressed(key, transport)

    def hang_up_all(self) -> None:
        """The partner goes down: no call is left without media."""
        for call in set(self._calls.values()):
            call.end(by=None)

    def _new_call(self, invited: Invited) -> None:
        switches = self._world.switches
        side = calling_side(invited, self._names.cookie)
        token = secrets.token_urlsafe(32)
        name = session_name(token)
        caller = Leg(side, invited.dialog, self._stack, made_call_id=False)
        caller.note(invited.sdp)
        spelling = self._names.wanted
        headers = [Header(spelling[one.name], one.value) for one in invited.headers]
        if switches.token:
            headers.append(Header(self._names.token, token))
        callee = Leg(side.other, self._stack.new_number(), self._stack, made_call_id=True)
        phases = iter(range(1, 1_000_000))
        mover = Mover(lambda: self._new_bridge(f"{name}.{next(phases)}"), self._chance)
        session = Session(name, mover, self._world, announced=switches.token, gone=self._gone)
        call = Call(caller, callee, mover=mover, watcher=session, spawn=self._spawn)
        session.watch(call)
        self._sessions[name] = session
        self._calls[caller.dialog] = self._calls[callee.dialog] = call
        log.info("call", extra={"session": name, "from": str(side)})
        self._stack.call(
            callee.dialog,
            call_id=invited.call_id if switches.keep_call_id else secrets.token_hex(16),
            request_uri=invited.request_uri,
            from_=invited.from_,
            to=invited.to,
            max_forwards=invited.max_forwards - 1,
            headers=headers,
            sdp=callee.stamped(invited.sdp),
        )

    def _gone(self, session: Session) -> None:
        self._sessions.pop(session.name, None)
        for dialog in [dialog for dialog, call in self._calls.items() if call.watched_by(session)]:
            del self._calls[dialog]

    def _spawn(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
