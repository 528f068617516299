"""What the desk is told of one session (contract, section 5): numbered from 1, without a gap."""

from __future__ import annotations

from callseal.sandbox.session.psp_client import Outcome
from callseal.sandbox.session.webhooks import Webhooks


class DeskEvents:
    """`announced` is False for a session whose token was kept back: then nobody is told of it."""

    def __init__(self, session: str, webhooks: Webhooks, *, announced: bool) -> None:
        self._session = session
        self._webhooks = webhooks
        self._announced = announced
        self._seq = 0

    def tell(self, event: str, /, **data: object) -> None:
        """Queue one event; returns at once."""
        if not self._announced:
            return
        self._seq += 1
        self._webhooks.send(self._session, event, {"session": self._session, "seq": self._seq, **data})

    def charged(self, key: str, amount: int, currency: str, outcome: Outcome) -> None:
        """What the PSP said: `charge.approved`, `charge.declined` or `charge.unknown`."""
        if outcome.status == "approved":
            self.tell(
                "charge.approved",
                charge=key,
                amount=amount,
                currency=currency,
                authorisation_code=outcome.authorisation_code,
                brand=outcome.brand,
                last4=outcome.last4,
                psp_reference=outcome.psp_reference,
            )
        elif outcome.status == "declined":
            self.tell("charge.declined", charge=key, reason=outcome.reason)
        else:
            self.tell("charge.unknown", charge=key)
