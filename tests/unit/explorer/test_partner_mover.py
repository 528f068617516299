"""The partner of the model moves as the sandbox's real mover does: the same re-INVITEs, and the same legs left, whatever they are answered."""

from __future__ import annotations

import asyncio
import itertools
import random
from typing import Any, Literal, cast

import pytest

from callseal.explorer import partner
from callseal.explorer.router import Rules
from callseal.explorer.world import LegName, World
from callseal.payments.names import Do
from callseal.sandbox.media.bridge import Bridge, Side
from callseal.sandbox.session.leg import Leg, Reply
from callseal.sandbox.session.mover import MoveFailedError, Mover
from callseal.sandbox.session.table import State

pytestmark = pytest.mark.unit

Wish = Literal["secure", "release", "refresh at home", "refresh at the partner"]
Order = tuple[LegName, LegName]
Sent = list[tuple[str, str]]
ORDERS: tuple[Order, ...] = (("agent", "customer"), ("customer", "agent"))
AT_BRIDGE = "192.0.2.31"
ANSWERS = {
    200: "200 {leg} leg",
    488: "488 {leg} leg",
    491: "491 {leg} leg, again later",
    408: "the router dies: 408 {leg} leg",
}
SCRIPTS = [codes for length in range(4) for codes in itertools.product(ANSWERS, repeat=length)]
"""What the first re-INVITEs are answered; those after them are accepted. Three glares in a row are the most that the mover tries again."""


def sdp(address: str) -> str:
    return (
        f"v=0\r\no=- 1 1 IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
    )


class ScriptedLeg(Leg):
    """Re-INVITEs are written down and answered from the script."""

    def __init__(self, side: Side, sent: Sent, script: list[int]) -> None:
        super().__init__(side, 1, cast("Any", None), made_call_id=False)
        self.heard = self.home = sdp("192.0.2.10" if side is Side.CUSTOMER else "192.0.2.40")
        self._log, self._script = sent, script

    async def reoffer(self, sdp: str | None, *, timeout_s: float = 0) -> Reply:
        self.stamped(sdp)
        self._log.append((self.side, "partner" if AT_BRIDGE in (sdp or "") else "home"))
        code = self._script.pop(0) if self._script else 200
        return Reply(code, "", self.heard if code == 200 else None)

    async def find_an_edge(self) -> None:
        return


class PaperBridge:
    """Only its addresses matter here."""

    class keys:  # noqa: N801 - an attribute of the real one
        stand_in = staticmethod(str)

    async def offer(self, _side: Side, _sdp: str) -> str:
        return sdp(AT_BRIDGE)

    async def answer(self, _side: Side, _sdp: str) -> str:
        return sdp(AT_BRIDGE)

    async def close(self) -> None:
        return


class Impatient(random.Random):
    """No waiting after a glare."""

    def randint(self, a: int, b: int) -> int:
        return 0


def really(wish: Wish, order: Order, codes: tuple[int, ...]) -> tuple[Sent, State | None, set[str]]:
    """What the sandbox's mover sends, the partner's state after it (None: as before), and the legs it has."""
    sent: Sent = []
    script: list[int] = []
    legs = {side.value: ScriptedLeg(side, sent, script) for side in Side}
    first, second = legs[order[0]], legs[order[1]]
    mover = Mover(lambda: cast("Bridge", PaperBridge()), Impatient())

    async def run() -> State | None:
        if wish in ("release", "refresh at the partner"):
            await mover.to_bridge(first, second)
            sent.clear()
        script.extend(codes)
        if wish == "release":
            return State.HOME if await mover.home(first, second) else State.STUCK
        if wish != "secure":
            await mover.refresh(first, second)
            return None
        try:
            await mover.to_bridge(first, second)
        except MoveFailedError as error:
            return State.HOME if error.home else State.STUCK
        return State.SECURED

    state = asyncio.run(run())
    return sent, state, {name for name, leg in legs.items() if leg.at_bridge}


def modelled(wish: Wish, order: Order, codes: tuple[int, ...]) -> tuple[Sent, State | None, set[str]]:
    """The same in the model."""
    world = World(0)
    if wish in ("release", "refresh at the partner"):
        world, _ = walked(asked(world, Do.SECURE), order, [])
    do = {"secure": Do.SECURE, "release": Do.RELEASE}.get(wish, Do.REFRESH)
    before = world.partner
    world, sent = walked(asked(world, do), order, list(codes))
    assert do is not Do.REFRESH or world.partner is before
    return sent, None if do is Do.REFRESH else world.partner, set(world.bridged)


def asked(world: World, do: Do) -> World:
    after = partner.asked(world, do)
    assert after is not None
    return after


def walked(world: World, order: Order, codes: list[int]) -> tuple[World, Sent]:
    sent: Sent = []
    while world.todo:
        moves = {move.text: after for move, after in partner.moves(world, Rules())}
        if world.todo != order and "takes the customer first" in moves and order == ORDERS[1]:
            world = moves["takes the customer first"]
            continue
        leg = world.todo[0]
        if world.leg(leg).before is None:
            (text,) = (text for text in moves if text.startswith("re-INVITE") and "500" not in text)
            sent.append((leg, text.rpartition(" ")[2]))
        else:
            text = ANSWERS[codes.pop(0) if codes else 200].format(leg=leg)
        world = moves[text]
    return world, sent


@pytest.mark.parametrize("order", ORDERS, ids=["agent-first", "customer-first"])
@pytest.mark.parametrize("wish", ["secure", "release"])
def test_the_same_re_invites_and_the_same_end(wish: Wish, order: Order) -> None:
    for codes in SCRIPTS:
        assert modelled(wish, order, codes) == really(wish, order, codes), codes


@pytest.mark.parametrize("wish", ["refresh at home", "refresh at the partner"])
def test_the_same_refresh(wish: Wish) -> None:
    for codes in SCRIPTS:
        assert modelled(wish, ORDERS[0], codes) == really(wish, ORDERS[0], codes), codes
