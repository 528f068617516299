"""The partner's way to the PSP: the one place where a card is revealed.

A charge goes out once. If no answer comes the outcome is unknown, and the only thing to do is to ask for it by its key;
sending it again could take the money twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

import httpx2

from callseal.cards import Brand, Card

REASONS = frozenset(
    {"insufficient_funds", "do_not_honour", "expired_card", "incorrect_cvc", "lost_card", "generic"}
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the PSP says: `status` is approved, declined or unknown."""

    status: str
    authorisation_code: str | None = None
    psp_reference: str | None = None
    brand: str | None = None
    last4: str | None = None
    reason: str | None = None


UNKNOWN = Outcome("unknown")


@dataclass(frozen=True, slots=True)
class StoredCard:
    """A card on file at the PSP: the customer keys its security code only."""

    id: str
    brand: Brand | None
    last4: str | None


class PspClient:
    """`url` without path."""

    def __init__(self, http: httpx2.AsyncClient, *, url: str, timeout_s: float) -> None:
        self._http = http
        self._url = url.rstrip("/")
        self._timeout_s = timeout_s

    async def charge(
        self, idempotency_key: str, *, card: Card, amount: int, currency: str, reference: str
    ) -> Outcome:
        """Charge once. `UNKNOWN` for silence, for 5xx and for an answer that is none."""
        values = (
            ("number", card.pan),
            ("expiry", card.expiry),
            ("security_code", card.security_code),
            ("postal_code", card.postal_code),
        )
        keyed = {name: value.reveal() for name, value in values if value is not None}
        body: dict[str, object] = {"amount": amount, "currency": currency, "reference": reference}
        body |= {**keyed, "stored_card": card.stored_card} if card.stored_card else {"card": keyed}
        try:
            reply = await self._http.post(
                f"{self._url}/v1/charges",
                json=body,
                headers={"idempotency-key": idempotency_key},
                timeout=self._timeout_s,
            )
        except httpx2.HTTPError:
            # Not logged: the exception holds the request, and the request holds the card.
            return UNKNOWN
        finally:
            keyed.clear()
            body.clear()
        return _outcome(reply)

    async def look_up(self, idempotency_key: str) -> Outcome:
        """What became of a charge; `UNKNOWN` while the PSP does not answer or has never seen it."""
        try:
            reply = await self._http.get(
                f"{self._url}/v1/charges/{quote(idempotency_key, safe='')}", timeout=self._timeout_s
            )
        except httpx2.HTTPError:
            return UNKNOWN
        return _outcome(reply)

    async def stored_card(self, name: str) -> StoredCard | None:
        """A card on file; None when there is none of that name, or nobody to ask."""
        try:
            reply = await self._http.get(
                f"{self._url}/v1/stored-cards/{quote(name, safe='')}", timeout=self._timeout_s
            )
            said = reply.json() if reply.status_code == 200 else None
        except (httpx2.HTTPError, ValueError):
            return None
        if not isinstance(said, dict):
            return None
        brand = _text(said, "brand")
        return StoredCard(name, Brand(brand) if brand in set(Brand) else None, _text(said, "last4"))


def _outcome(reply: httpx2.Response) -> Outcome:
    # 404: never seen, 409: still at it. Neither says that no money will move.
    if reply.status_code >= 500 or reply.status_code in (404, 409):
        return UNKNOWN
    if reply.status_code >= 400:
        return Outcome("declined", reason="generic")
    try:
        said = reply.json()
    except ValueError:
        return UNKNOWN
    return _read(said) if isinstance(said, dict) else UNKNOWN


def _read(said: dict[str, object]) -> Outcome:
    status = said.get("status")
    if status not in ("approved", "declined"):
        return UNKNOWN
    reason = _text(said, "reason")
    return Outcome(
        str(status),
        authorisation_code=_text(said, "authorisation_code"),
        psp_reference=_text(said, "psp_reference"),
        brand=_text(said, "brand"),
        last4=_text(said, "last4"),
        reason=None if status == "approved" else reason if reason in REASONS else "generic",
    )


def _text(said: dict[str, object], name: str) -> str | None:
    value = said.get(name)
    return value if isinstance(value, str) else None
