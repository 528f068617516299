"""What a payment session may do next, as the partner sees it.

A session lives as long as its call. At home the partner hears nothing of the media. Securing is the time between the
first re-INVITE and the last 2xx; nobody may key anything yet. Secured means that both legs send their media here. From
there a capture runs, completes and is charged, after which the session is secured again: with the card forgotten, a
second attempt starts with a new capture. Restoring takes both legs home. If a leg refuses to go, the session is stuck: the
media stays here, the mask stays on, and only another release or the end of the call can change that.

A refresh re-INVITEs both legs with what they have, in every state in which nothing moves: the edge may have lost the media relay that
served them. It changes no state.

A release is legal almost everywhere, because going home is what everybody does when in doubt. A charge that is with the
PSP cannot be called back: its result is reported whatever the session has become meanwhile.

A pair that is not in the table is refused with `WrongStateError`, 409 on the wire.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class State(StrEnum):
    RINGING = "ringing"
    HOME = "home"
    SECURING = "securing"
    SECURED = "secured"
    CAPTURING = "capturing"
    CAPTURED = "captured"
    AUTHORISING = "authorising"
    RESTORING = "restoring"
    STUCK = "stuck"
    ENDED = "ended"


class Event(StrEnum):
    # the agent's wishes
    SECURE = "secure"
    CAPTURE = "capture"
    RESET = "reset"
    CANCEL_CAPTURE = "cancel-capture"
    CHARGE = "charge"
    RELEASE = "release"
    REFRESH = "refresh"
    # what happened
    ANSWERED = "answered"
    MOVED = "moved"
    MOVE_FAILED = "move_failed"
    CAPTURE_COMPLETE = "capture_complete"
    CAPTURE_OVER = "capture_over"
    CHARGED = "charged"
    CAME_HOME = "came_home"
    GOT_STUCK = "got_stuck"
    HUNG_UP = "hung_up"


class WrongStateError(Exception):
    """This wish cannot be granted in this state."""

    def __init__(self, state: State, event: Event) -> None:
        super().__init__(f"{event} is not possible while the session is {state}")
        self.state = state
        self.event = event


TABLE: Final[dict[tuple[State, Event], State]] = {
    (State.RINGING, Event.ANSWERED): State.HOME,
    (State.HOME, Event.SECURE): State.SECURING,
    (State.HOME, Event.RELEASE): State.HOME,
    (State.SECURING, Event.MOVED): State.SECURED,
    (State.SECURING, Event.MOVE_FAILED): State.HOME,
    (State.SECURING, Event.GOT_STUCK): State.STUCK,
    (State.SECURING, Event.RELEASE): State.SECURING,
    (State.SECURED, Event.CAPTURE): State.CAPTURING,
    (State.SECURED, Event.RELEASE): State.RESTORING,
    (State.CAPTURING, Event.CAPTURE): State.CAPTURING,
    (State.CAPTURING, Event.RESET): State.CAPTURING,
    (State.CAPTURING, Event.CANCEL_CAPTURE): State.CAPTURING,
    (State.CAPTURING, Event.CAPTURE_COMPLETE): State.CAPTURED,
    (State.CAPTURING, Event.CAPTURE_OVER): State.SECURED,
    (State.CAPTURING, Event.RELEASE): State.RESTORING,
    (State.CAPTURED, Event.CAPTURE): State.CAPTURING,
    (State.CAPTURED, Event.RESET): State.CAPTURING,
    (State.CAPTURED, Event.CANCEL_CAPTURE): State.CAPTURING,
    (State.CAPTURED, Event.CHARGE): State.AUTHORISING,
    (State.CAPTURED, Event.RELEASE): State.RESTORING,
    (State.AUTHORISING, Event.CHARGED): State.SECURED,
    (State.AUTHORISING, Event.RELEASE): State.RESTORING,
    (State.RESTORING, Event.CAME_HOME): State.HOME,
    (State.RESTORING, Event.GOT_STUCK): State.STUCK,
    (State.RESTORING, Event.RELEASE): State.RESTORING,
    (State.STUCK, Event.RELEASE): State.RESTORING,
    **{
        (state, Event.REFRESH): state
        for state in (
            State.HOME,
            State.SECURED,
            State.CAPTURING,
            State.CAPTURED,
            State.AUTHORISING,
            State.STUCK,
        )
    },
    **{(state, Event.CHARGED): state for state in State if state is not State.AUTHORISING},
    **{(state, Event.HUNG_UP): State.ENDED for state in State},
}


def step(state: State, event: Event) -> State:
    """The next state. Raises `WrongStateError` for a pair that is not in the table."""
    try:
        return TABLE[state, event]
    except KeyError:
        raise WrongStateError(state, event) from None
