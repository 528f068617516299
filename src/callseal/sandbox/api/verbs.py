"""What each POST does to a session. A verb takes (session, raw body, idempotency key) and returns the 202's body."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from callseal.sandbox.api.bodies import CaptureBody, ChargeBody, Empty, ResetBody
from callseal.sandbox.api.refusals import ProblemError, parse
from callseal.sandbox.capture.engine import UnknownFieldError
from callseal.sandbox.session.charges import Charges
from callseal.sandbox.session.psp_client import PspClient
from callseal.sandbox.session.session import Session

Verb = Callable[[Session, bytes, str], Awaitable[dict[str, object]]]


class Verbs:
    """All raise `ProblemError`, `WrongStateError` or `NotNowError`."""

    def __init__(self, psp: PspClient, charges: Charges) -> None:
        self._psp = psp
        self._charges = charges

    @property
    def by_path(self) -> dict[str, Verb]:
        """Path below `/v1/session/` -> verb."""
        return {
            "secure": self.secure,
            "capture": self.capture,
            "reset": self.reset,
            "cancel-capture": self.cancel_capture,
            "charge": self.charge,
            "release": self.release,
            "refresh": self.refresh,
        }

    async def secure(self, session: Session, body: bytes, _key: str) -> dict[str, object]:
        parse(Empty, body)
        session.secure()
        return {"session": session.name}

    async def capture(self, session: Session, body: bytes, _key: str) -> dict[str, object]:
        asked = parse(CaptureBody, body)
        stored = None
        if asked.stored_card is not None:
            stored = await self._psp.stored_card(asked.stored_card)
            if stored is None:
                raise ProblemError(422, "unknown_stored_card", "the PSP has no such card on file")
        try:
            session.capture(asked.fields, stored_card=stored, postal_code_min=asked.postal_code_min)
        except ValueError as error:
            raise ProblemError(422, "invalid_body", str(error)) from None
        return {"session": session.name}

    async def reset(self, session: Session, body: bytes, _key: str) -> dict[str, object]:
        try:
            session.reset(parse(ResetBody, body).field)
        except UnknownFieldError as error:
            raise ProblemError(422, "unknown_field", str(error)) from None
        return {"session": session.name}

    async def cancel_capture(self, session: Session, body: bytes, _key: str) -> dict[str, object]:
        parse(Empty, body)
        session.cancel_capture()
        return {"session": session.name}

    async def charge(self, session: Session, body: bytes, key: str) -> dict[str, object]:
        asked = parse(ChargeBody, body)
        if self._charges.known(key):
            # The same key on another call: the PSP would give back the other call's result.
            raise ProblemError(409, "idempotency_conflict", "this key belongs to another charge")
        session.charge(key, amount=asked.amount, currency=asked.currency, reference=asked.reference)
        return {"charge": key}

    async def release(self, session: Session, body: bytes, _key: str) -> dict[str, object]:
        parse(Empty, body)
        session.release()
        return {"session": session.name}

    async def refresh(self, session: Session, body: bytes, _key: str) -> dict[str, object]:
        parse(Empty, body)
        session.refresh()
        return {"session": session.name}
