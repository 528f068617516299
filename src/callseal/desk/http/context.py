"""What every handler has at hand, and the checks that stand before it.

All of them are coroutines, although none awaits: the framework runs plain functions in other threads, and the store has one thread.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import Depends, Header, Request

from callseal.desk.core import Desk
from callseal.desk.http.errors import ApiError
from callseal.desk.logins import COOKIE, Logins, Visitor, same
from callseal.desk.passwords import Failures
from callseal.desk.settings import DeskSettings

_LONGEST_KEY = 128


@dataclass(slots=True)
class Context:
    settings: DeskSettings
    desk: Desk
    logins: Logins
    failures: Failures = field(default_factory=Failures)
    ready: bool = False

    @property
    def now(self) -> int:
        return self.desk.now_ms()


async def context(request: Request) -> Context:
    found: Context = request.app.state.context
    return found


Ctx = Annotated[Context, Depends(context)]


async def logged_in(request: Request, ctx: Ctx) -> Visitor:
    """401 without a live session."""
    visitor = ctx.logins.visitor(request.cookies.get(COOKIE), ctx.now)
    if visitor is None:
        raise ApiError(401, "unauthorised", "You are not logged in.", "Log in again.")
    return visitor


Agent = Annotated[Visitor, Depends(logged_in)]


async def with_csrf(visitor: Agent, x_csrf_token: Annotated[str, Header()] = "") -> Visitor:
    """403 without the session's own CSRF token: another site can make a browser send the cookie, not this header."""
    if not same(visitor.csrf, x_csrf_token):
        raise ApiError(403, "csrf", "This request did not come from the card.", "Reload the page.")
    return visitor


Presser = Annotated[Visitor, Depends(with_csrf)]


async def idempotency_key(idempotency_key: Annotated[str, Header()] = "") -> str:
    """400 without one: a press whose answer is lost must be repeatable without being a second press."""
    key = idempotency_key.strip()
    if not key or len(key) > _LONGEST_KEY or not key.isprintable() or not key.isascii():
        raise ApiError(
            400,
            "missing_idempotency_key",
            "The header Idempotency-Key is missing.",
            "Send a new key for each press.",
        )
    return key


Key = Annotated[str, Depends(idempotency_key)]


async def from_an_edge(ctx: Ctx, authorization: Annotated[str, Header()] = "") -> None:
    """401 unless the bearer secret of the edges is right."""
    scheme, _, given = authorization.partition(" ")
    good = same(ctx.settings.edge_secret, given.strip())
    if scheme.lower() != "bearer" or not good:
        ctx.desk.metrics.edge_events.labels("unauthorised").inc()
        raise ApiError(
            401, "unauthorised", "Not an edge of this deployment.", headers={"WWW-Authenticate": "Bearer"}
        )


async def from_an_operator(ctx: Ctx, authorization: Annotated[str, Header()] = "") -> None:
    """401 unless the bearer secret of the operators is right; without one in the deployment it never is."""
    scheme, _, given = authorization.partition(" ")
    secret = ctx.settings.operator_secret
    good = same(secret, given.strip()) and secret != ""
    if scheme.lower() != "bearer" or not good:
        raise ApiError(
            401,
            "unauthorised",
            "Not an operator of this deployment.",
            "`[desk] operator_secret` is the bearer secret.",
            headers={"WWW-Authenticate": "Bearer"},
        )


def fingerprint(request: Request, body: Any) -> str:
    """Names a request: two with one key must be the same request."""
    text = json.dumps([request.method, request.url.path, body], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
