"""What the simulator remembers: one charge for each idempotency key, in memory, without a card.

Two requests are compared by an HMAC of their bodies under a key that is made at start and dies with the process; a plain hash of a
body would be a card number in disguise, there are few enough of them.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import string
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

from callseal.sandbox.psp.public_cards import Fault, Outcome, Plan

_UNMISTAKABLE = "".join(sorted(set(string.ascii_uppercase + string.digits) - set("0O1I")))


class KeyReusedError(Exception):
    """The same key came with another body."""


class LostError(Exception):
    """The caller gets no result: `error` is a 500 at once, otherwise it was silence."""

    def __init__(self, *, error: bool) -> None:
        super().__init__("no answer")
        self.error = error


@dataclass(slots=True)
class Charge:
    """One key's charge; `answer` is None while it is pending."""

    digest: bytes
    answer: dict[str, Any] | None = None
    decided: asyncio.Event = field(default_factory=asyncio.Event)


class Charges:
    """`answer_ms` is how long a charge takes, `timeout_ms` how long a silence lasts. `secret` keys the comparison."""

    def __init__(self, *, secret: bytes, random: Random, answer_ms: int, timeout_ms: int) -> None:
        self._secret = secret
        self._random = random
        self._answer_s = answer_ms / 1000
        self._timeout_s = timeout_ms / 1000
        self._charges: dict[str, Charge] = {}
        self._closing = asyncio.Event()
        self.fault: Fault | None = None
        self.fault_times = 0

    def set_fault(self, kind: Fault | None, times: int) -> None:
        """The next `times` new charges meet `kind`. Replays meet none."""
        self.fault, self.fault_times = (kind, times) if kind else (None, 0)

    def digest(self, content: Any) -> bytes:
        """A name for a request's body that does not lead back to it; equal for equal JSON."""
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
        return hmac.new(self._secret, canonical, hashlib.sha256).digest()

    def known(self, key: str) -> Charge | None:
        return self._charges.get(key)

    async def replay(self, charge: Charge, digest: bytes) -> dict[str, Any]:
        """The answer that was stored, when there is one. Raises `KeyReusedError` for another body."""
        if not hmac.compare_digest(charge.digest, digest):
            raise KeyReusedError
        await charge.decided.wait()
        return dict(charge.answer or {})

    async def take(self, key: str, digest: bytes, plan: Plan) -> dict[str, Any]:
        """Charge. The key must be new. Raises `LostError` when the plan or a fault says that no answer comes."""
        fault = self._next_fault() or plan.fault
        if fault is Fault.SERVER_ERROR:
            raise LostError(error=True)
        if fault is Fault.REQUEST_LOST:
            await self._rest(self._timeout_s)
            raise LostError(error=False)
        charge = self._charges[key] = Charge(digest)
        await self._rest(self._timeout_s if fault is Fault.TIMEOUT else self._answer_s)
        charge.answer = self._decide(plan)
        charge.decided.set()
        if fault is Fault.ANSWER_LOST:
            await self._rest(self._timeout_s)
            raise LostError(error=False)
        return dict(charge.answer)

    def close(self) -> None:
        """Ends every silence at once, so that the process can."""
        self._closing.set()

    async def _rest(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), seconds)

    def _next_fault(self) -> Fault | None:
        fault = self.fault
        if fault is not None:
            self.set_fault(fault if self.fault_times > 1 else None, self.fault_times - 1)
        return fault

    def _decide(self, plan: Plan) -> dict[str, Any]:
        # Letters only: a reference of digits could be taken for a card by those who search for cards.
        reference = "psp_" + "".join(self._random.choices(string.ascii_lowercase, k=20))
        common = {"psp_reference": reference, "brand": plan.brand, "last4": plan.last4}
        if plan.outcome is not Outcome.APPROVED:
            return {"status": "declined", "reason": plan.outcome, **common}
        code = "".join(self._random.choices(_UNMISTAKABLE, k=6))
        return {"status": "approved", "authorisation_code": code, **common}
