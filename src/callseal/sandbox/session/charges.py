"""Charges by their idempotency key: pending, then approved, declined or unknown. No card in any of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from callseal.sandbox.session.psp_client import Outcome, PspClient


@dataclass(frozen=True, slots=True)
class Charge:
    """One charge as anybody may see it; `amount` in minor units."""

    key: str
    amount: int
    currency: str
    status: str = "pending"
    outcome: Outcome | None = None

    def facts(self) -> dict[str, object]:
        """For `GET /v1/charges/{key}`."""
        facts: dict[str, object] = {
            "charge": self.key,
            "status": self.status,
            "amount": self.amount,
            "currency": self.currency,
        }
        if self.outcome is not None and self.status == "approved":
            facts |= {
                "authorisation_code": self.outcome.authorisation_code,
                "brand": self.outcome.brand,
                "last4": self.outcome.last4,
                "psp_reference": self.outcome.psp_reference,
            }
        elif self.outcome is not None and self.status == "declined":
            facts["reason"] = self.outcome.reason
        return facts


class Charges:
    """Every charge this process has seen."""

    def __init__(self, psp: PspClient) -> None:
        self._psp = psp
        self._known: dict[str, Charge] = {}

    def known(self, key: str) -> bool:
        return key in self._known

    def begin(self, key: str, amount: int, currency: str) -> None:
        self._known[key] = Charge(key, amount, currency)

    def settle(self, key: str, outcome: Outcome) -> Charge:
        """Note what the PSP said. A certain outcome never becomes uncertain again."""
        charge = self._known[key]
        if charge.status not in ("approved", "declined"):
            charge = self._known[key] = replace(charge, status=outcome.status, outcome=outcome)
        return charge

    async def look_up(self, key: str) -> Charge | None:
        """The charge, asking the PSP again while its outcome is unknown; None for a key never seen."""
        charge = self._known.get(key)
        if charge is None or charge.status != "unknown":
            return charge
        return self.settle(key, await self._psp.look_up(key))
