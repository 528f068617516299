"""What must hold in every state, and the one thing it is about: can the agent hear a digit of the customer's now?

The worst deployment is taken: one anchor (what goes home goes straight to the agent), a partner that masks nothing, and a customer who
presses a key in every state.
"""

from __future__ import annotations

from collections.abc import Callable

from callseal.explorer.desk import Desk
from callseal.explorer.world import Leg, World
from callseal.payments.names import State
from callseal.payments.session_table import AT_REST, COVERED
from callseal.sandbox.session.table import State as Partner


def heard(world: World) -> bool:
    """The agent hears a key that the customer presses now: straight, or by way of the partner."""
    straight = world.customer.at == "home" and not world.held
    by_way_of_partner = world.customer.at == world.agent.at == "partner" and not world.fence
    return straight or by_way_of_partner


def is_open(world: World, desk: Desk) -> bool:
    """A payment session is open: from the moment the hold of the press is confirmed until the call is back to normal."""
    return world.opened and desk.sessions[world.desk].state not in (*AT_REST, State.ENDED)


def back_to_normal_by_time(world: World) -> bool:
    """Nobody lifted the hold, it ran out: the edge saw both legs home, and they still are. Also when the re-INVITE that brought the customer
    home is still unanswered: media has moved at its offer, and if it is refused the customer goes to the partner and is not heard at all."""
    return world.lapsed and world.customer.at == world.agent.at == "home"


def in_the_window(world: World) -> bool:
    """The edge agent is between the two looks of a hold that ends: a few ms, after which it stops what has moved."""
    return world.passed


def no_digit_while_open(world: World, desk: Desk) -> bool:
    """While a session is open the agent hears no digit, unless both legs are home and the hold has run out."""
    if not heard(world) or not is_open(world, desk):
        return True
    return back_to_normal_by_time(world) or in_the_window(world)


def no_digit_while_the_card_says_secure(world: World, desk: Desk) -> bool:
    """In a state in which the desk, alive, calls the line secure, the agent hears no digit: also not with both legs home."""
    session = desk.sessions[world.desk]
    return not (
        world.desk_up and session.state in COVERED and not session.verifying and heard(world)
    ) or in_the_window(world)


def no_digit_while_the_partner_takes_a_card(world: World, desk: Desk) -> bool:  # noqa: ARG001 - one signature
    """Whatever the desk knows, dead or alive: while an honest partner may be asking for digits, the agent hears none."""
    return not (world.partner is Partner.SECURED and not world.lied and heard(world)) or in_the_window(world)


def secured_is_evidence(world: World, desk: Desk) -> bool:
    """A desk that says secured has the partner's word, both legs' and the fence's, however the messages came."""
    session = desk.sessions[world.desk]
    return session.state not in COVERED or session.verifying or session.evidence.complete


def at_rest(world: World, desk: Desk) -> bool:
    """The call is over; or it is secured; or it is back to normal: both legs home, nothing on its way that moves them, the customer heard."""
    state = desk.sessions[world.desk].state
    if world.over or not world.desk_up:
        return world.over
    quiet = world.customer == world.agent == Leg() and not world.held
    return state in COVERED or (state in AT_REST and quiet)


Invariant = Callable[[World, Desk], bool]
INVARIANTS: dict[str, Invariant] = {
    "no digit while a session is open": no_digit_while_open,
    "no digit while the card says secure": no_digit_while_the_card_says_secure,
    "no digit while the partner takes a card": no_digit_while_the_partner_takes_a_card,
    "secured is evidence": secured_is_evidence,
}
