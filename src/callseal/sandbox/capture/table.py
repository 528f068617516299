"""What a capture may do next.

A capture is idle until fields are asked for. While it collects, exactly one field is active; presses go to that field
and nowhere else. When the last field is valid it is complete and only an agent can send it back (reset). It is over
when the customer or the agent cancels, when time runs out, when one field failed too often, or when the card was taken
for a charge; in all of these every digit has been wiped. Asking for fields again always starts from nothing.

A pair that is not in the table is an error with a name, `NotNowError`. Presses are the exception that proves it: a
customer's keypad cannot be told to wait, so a press is legal in every state, and ignored in all but one.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class State(StrEnum):
    IDLE = "idle"
    COLLECTING = "collecting"
    COMPLETE = "complete"
    OVER = "over"


class Input(StrEnum):
    START = "start"
    PRESS = "press"
    ALL_VALID = "all_valid"
    RESET = "reset"
    CANCEL = "cancel"
    SILENCE = "silence"
    OUT_OF_TIME = "out_of_time"
    OUT_OF_ATTEMPTS = "out_of_attempts"
    TAKE = "take"


class NotNowError(Exception):
    """This input means nothing in this state."""

    def __init__(self, state: State, asked: Input) -> None:
        super().__init__(f"{asked} is not possible while the capture is {state}")
        self.state = state
        self.asked = asked


TABLE: Final[dict[tuple[State, Input], State]] = {
    (State.IDLE, Input.START): State.COLLECTING,
    (State.IDLE, Input.PRESS): State.IDLE,
    (State.COLLECTING, Input.START): State.COLLECTING,
    (State.COLLECTING, Input.PRESS): State.COLLECTING,
    (State.COLLECTING, Input.ALL_VALID): State.COMPLETE,
    (State.COLLECTING, Input.RESET): State.COLLECTING,
    (State.COLLECTING, Input.CANCEL): State.OVER,
    (State.COLLECTING, Input.SILENCE): State.COLLECTING,
    (State.COLLECTING, Input.OUT_OF_TIME): State.OVER,
    (State.COLLECTING, Input.OUT_OF_ATTEMPTS): State.OVER,
    (State.COMPLETE, Input.START): State.COLLECTING,
    (State.COMPLETE, Input.PRESS): State.COMPLETE,
    (State.COMPLETE, Input.RESET): State.COLLECTING,
    (State.COMPLETE, Input.CANCEL): State.OVER,
    (State.COMPLETE, Input.TAKE): State.OVER,
    (State.OVER, Input.START): State.COLLECTING,
    (State.OVER, Input.PRESS): State.OVER,
}


def step(state: State, asked: Input) -> State:
    """The next state. Raises `NotNowError` for a pair that is not in the table."""
    try:
        return TABLE[state, asked]
    except KeyError:
        raise NotNowError(state, asked) from None
