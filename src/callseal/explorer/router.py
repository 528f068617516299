"""The edge's rules about media, as small functions: what an offer, its answer, its refusal and time do to place, hold and fence.

Each names the route of `router/*.cfg` or the module of `edge/` that it stands for, and the test that shows the real one doing it
(tests/integration/router/test_explorer.py replays walks of this model on the real router).
"""

from __future__ import annotations

from dataclasses import dataclass

from callseal.edge.anchors import Place
from callseal.edge.hold_expiry import Whereabouts, expiry_rule
from callseal.explorer.world import THIS_ATTEMPT, Leg, LegName, Seen, Where, World
from callseal.payments.names import Do


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules as they are. A mutant has one of them otherwise."""

    fence: bool = True
    fence_until_answer: bool = True
    hold_before_home: bool = True
    hold_anew: bool = True
    unhold_at_answer: bool = True
    hold_until_desk: bool = True
    expiry_looks: bool = True
    expiry_looks_again: bool = True
    undo: bool = True
    unhold_in_order: bool = True
    hold_before_agent: bool = True
    reports_numbered: bool = True
    money: bool = False
    """Not a rule but a size: with the charge's own states, which move no media."""


def offered(world: World, leg: LegName, where: Where, rules: Rules) -> World:
    """MEDIA of media.cfg: media moves at the offer, so hold and fence come before it (test_secure.py, test_node_loss.py)."""
    was = world.leg(leg).at
    moved = world.with_leg(leg, Leg(where, was))
    if leg == "agent":
        moved = moved._replace(fence=_fence_at_offer(world, where, rules))
        if asks_for_hold(world, leg, where, rules) and world.customer.at == "home":
            return moved._replace(held=True, hold_age=0, lapsed=False)
        return moved
    if where == "home" and was != "home":
        held = rules.hold_before_home if was == "partner" else rules.hold_anew
        if held:
            return moved._replace(held=True, hold_age=0, lapsed=False)
    if where == "partner" and not rules.unhold_at_answer:
        return moved._replace(held=False, hold_age=None)
    return moved


def asks_for_hold(world: World, leg: LegName, where: Where, rules: Rules) -> bool:
    """CUSTOMER_HELD of held.cfg and `/inlet/hold` of the edge agent (test_held_first.py)."""
    return rules.hold_before_agent and leg == "agent" and where == "partner" and world.agent.at != "partner"


def _fence_at_offer(world: World, where: Where, rules: Rules) -> bool:
    if where == "partner":
        return rules.fence
    return world.fence and rules.fence_until_answer


def answered(world: World, leg: LegName, rules: Rules) -> World:
    """MOVE_DONE of media.cfg: the partner's re-INVITE is accepted (test_agent_is_told_the_whole_story)."""
    where, before = world.leg(leg)
    done = world.with_leg(leg, Leg(where))
    if where == before:
        return done  # a refresh
    if leg == "agent":
        return done._replace(fence=done.fence and where != "home")
    if where == "partner" or not rules.hold_until_desk:
        return done._replace(held=False, hold_age=None, lapsed=False)
    return done


def refused(world: World, leg: LegName, rules: Rules) -> World:
    """REFUSED of failure.cfg and UNDO of media.cfg: the old SDP again (test_refused.py)."""
    leg_now = world.leg(leg)
    was = leg_now.before or leg_now.at
    if not rules.undo:
        return world.with_leg(leg, Leg(leg_now.at))
    back = world.with_leg(leg, Leg(was))
    if leg == "agent":
        return back._replace(fence=back.fence and was == "partner")
    if was == "partner" and leg_now.at == "home":
        return back._replace(held=False, hold_age=None, lapsed=False)
    if was == "nowhere":
        return back._replace(held=False)  # the new anchor is deleted, and the hold with it
    return back


def not_undone(world: World, leg: LegName) -> World:
    """The undo failed, or Kamailio died between offer and answer: everything stays as the offer made it."""
    return world.with_leg(leg, Leg(world.leg(leg).at))


def node_dead(world: World) -> World:
    """rtpengine dies: what it relayed goes nowhere, blocks and all. The edge agent's journal is on disk."""
    return world._replace(customer=Leg("nowhere"), agent=Leg("nowhere"), held=False, fence=False)


def held(world: World, *, this_attempt: bool = True) -> World:
    """`/v1/hold`, edge/holds.py. `this_attempt` False: a late one, from before the last press."""
    return world._replace(
        hold_order=THIS_ATTEMPT if this_attempt else world.hold_order,
        held=True,
        hold_age=0,
        lapsed=False,
        expiring=None,
        passed=False,
        outdated=world.late is Do.UNHOLD,
    )


def unheld(world: World) -> World:
    """`/v1/unhold`."""
    return world._replace(held=False, hold_age=None, lapsed=False)


def look(world: World) -> Seen:
    return Seen(world.customer.at, world.agent.at, world.fence)


_SIGHT: dict[Where, Place | str] = {"home": "home", "partner": "partner", "nowhere": "gone"}


def expire(world: World, rules: Rules) -> tuple[World, bool]:
    """A hold's time is out: what `Holds._apply` does first. True: something was passed that had been stopped."""
    seen = world.expiring or look(world)
    customer, agent = _SIGHT[seen.customer], _SIGHT[seen.agent]
    lift = expiry_rule(Whereabouts(customer, agent, "1"), one_anchor=False, out_of_time=False)  # type: ignore[arg-type]
    if not rules.expiry_looks:
        lift = "all"
    if lift == "forget":
        return world._replace(hold_age=None, expiring=None), False
    if lift == "all":
        home = seen.customer == seen.agent == "home"
        return world._replace(held=False, passed=True, lapsed=home), True
    return world._replace(hold_age=1, expiring=None), False  # hold_step_ms: looked at again


def look_again(world: World, rules: Rules) -> tuple[World, bool]:
    """After passing, `Holds._apply` looks once more: a leg that moved meanwhile is stopped again. True: the hold is over."""
    before = world.expiring
    done = world._replace(expiring=None, passed=False)
    moved = before is not None and world.customer.at not in (before.customer, "nowhere")
    if moved and rules.expiry_looks_again:
        # It came home: Kamailio's own `held` has waited for the lock, and makes the hold a whole one (`Holds.noted_held`).
        age = 0 if world.customer.at == "home" else 1
        return done._replace(held=True, hold_age=age, lapsed=False), False
    return done._replace(hold_age=None), True
