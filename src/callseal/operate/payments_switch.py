"""The desk's switch for payments, as an operator works it: over HTTP, with the operators' secret."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import httpx2

from callseal.deployment import Deployment
from callseal.observe.errors import Error
from callseal.operate.unreachable import reason

TIMEOUT_S = 5.0


class SwitchError(Error):
    """The desk did not do it. `final`: asking again will not help."""

    id = "payments_switch"

    def __init__(self, message: str, *, advice: str = "", final: bool = False) -> None:
        super().__init__(message, advice=advice)
        self.final = final


@dataclass(frozen=True, slots=True)
class Payments:
    """How the switch stands. `since` unix ms."""

    allowed: bool
    reason: str | None
    since: int | None
    by: str | None


@dataclass(frozen=True, slots=True)
class Operators:
    """`url` of the desk. Every method raises `SwitchError`."""

    url: str
    secret: str = field(repr=False)

    def payments(self) -> Payments:
        return self._ask("GET", "payments")

    def switch(self, *, allowed: bool, by: str) -> Payments:
        return self._ask("POST", "payments", {"allowed": allowed, "by": by})

    def canary(self, verdict: str, digits: int, secured_ms: int | None, at: int) -> Payments:
        """Tell the result of a canary call; `at` unix ms."""
        return self._ask(
            "POST", "canary", {"verdict": verdict, "digits": digits, "secured_ms": secured_ms, "at": at}
        )

    def _ask(self, method: str, what: str, body: dict[str, Any] | None = None) -> Payments:
        try:
            # No proxy from the environment: a secret travels in this request.
            with httpx2.Client(timeout=TIMEOUT_S, trust_env=False) as http:
                answer = http.request(
                    method,
                    f"{self.url.rstrip('/')}/v1/operations/{what}",
                    json=body,
                    headers={"Authorization": f"Bearer {self.secret}"},
                )
        except httpx2.HTTPError as error:
            raise SwitchError(
                f"the desk does not answer on {self.url} ({reason(error)})",
                advice="Does it run there, and may this host reach it?",
            ) from None
        if answer.status_code != httpx2.codes.OK:
            raise SwitchError(
                f"the desk refused: {answer.status_code}",
                advice="Are `[desk] operator_secret` here and at the desk the same?",
                final=answer.status_code < httpx2.codes.INTERNAL_SERVER_ERROR,
            )
        return Payments(**answer.json())


def operators_of(deployment: Deployment) -> Operators:
    """Raises `SwitchError` when the deployment names no secret for it, `SecretError` when it cannot be read."""
    secret = deployment.desk.operator_secret
    if secret is None:
        raise SwitchError(
            "this deployment lets nobody switch payments", advice="Add `operator_secret` to [desk]."
        )
    return Operators(str(deployment.desk.url), secret.reveal())
