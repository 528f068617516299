"""What the capture wants done: tell the desk something, say something to the customer. Never a digit in either."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias


class Prompt(StrEnum):
    """Names of the recordings in `sandbox/prompts`."""

    SECURED = "secured"
    CARD_NUMBER = "card_number"
    EXPIRY = "expiry"
    SECURITY_CODE = "security_code"
    POSTAL_CODE = "postal_code"
    TRY_AGAIN = "try_again"
    THANK_YOU = "thank_you"
    APPROVED = "approved"
    DECLINED = "declined"
    CANCELLED = "cancelled"


EventValue: TypeAlias = "str | int | bool | None"


@dataclass(frozen=True, slots=True)
class Tell:
    """One webhook event of the contract, section 5; `data` without `session` and `seq`."""

    type: str
    data: dict[str, EventValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Say:
    """Play these recordings to the customer, one after the other, instead of what is playing now."""

    prompts: tuple[Prompt, ...]


Command: TypeAlias = Tell | Say
