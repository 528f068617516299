"""Logging in and out, and the agent's page."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qsl

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse, RedirectResponse

from callseal.desk import passwords
from callseal.desk.http.bodies import Csrf, Me
from callseal.desk.http.context import Agent, Context, Ctx, Presser
from callseal.desk.http.errors import ApiError
from callseal.desk.logins import COOKIE
from callseal.desk.settings import AgentLogin

log = structlog.get_logger("callseal.desk.login")
router = APIRouter()

_LONGEST_FORM = 4_096


@router.post("/v1/login", tags=["login"])
async def login(request: Request, response: Response, ctx: Ctx) -> Csrf:
    """Form fields `username`, `password`. Sets the cookie; the answer's `csrf` goes into `X-CSRF-Token` of every press."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        # Another site must not log an agent's browser in as somebody else (login CSRF; W3C Fetch Metadata).
        raise ApiError(403, "csrf", "This request did not come from the login page.", "Open the login page.")
    body = await request.body()
    if len(body) > _LONGEST_FORM:
        raise ApiError(413, "too_large", "The request is too large.")
    form = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=8))
    name, password = form.get("username", "").strip()[:64], form.get("password", "")
    address = request.client.host if request.client else ""
    locked_until = ctx.failures.locked_until(name, address, ctx.now)
    if locked_until is not None:
        ctx.desk.metrics.logins.labels("locked").inc()
        wait = max(1, (locked_until - ctx.now) // 1000)
        raise ApiError(
            429,
            "too_many_logins",
            "Too many wrong passwords.",
            "Wait half an hour, or ask support.",
            headers={"Retry-After": str(wait)},
        )
    # scrypt takes some 50 ms of processor time on purpose: not on the event loop
    agent = await asyncio.to_thread(passwords.check, ctx.settings.agents, name, password)
    if agent is None:
        ctx.failures.failed(name, address, ctx.now)
        ctx.desk.metrics.logins.labels("wrong").inc()
        raise ApiError(401, "wrong_login", "Name or password is wrong.", "Try again.")
    ctx.failures.succeeded(name)
    return Csrf(csrf=_begin(ctx, agent, response))


def _begin(ctx: Context, agent: AgentLogin, response: Response) -> str:
    cookie, visitor = ctx.logins.begin(agent, ctx.now)
    response.set_cookie(
        COOKIE,
        cookie,
        max_age=ctx.settings.login_ms // 1000,
        httponly=True,
        samesite="strict",
        secure=ctx.settings.secure_cookies,
        path="/",
    )
    ctx.desk.metrics.logins.labels("good").inc()
    log.info("logged_in", login=agent.login)
    return visitor.csrf


@router.post("/v1/logout", status_code=204, tags=["login"])
async def logout(ctx: Ctx, visitor: Presser) -> Response:
    ctx.logins.end(visitor)
    ctx.desk.hub.wake()  # open streams of this login end now
    response = Response(status_code=204)
    response.delete_cookie(COOKIE, path="/")
    return response


@router.get("/v1/me", tags=["login"])
async def me(ctx: Ctx, visitor: Agent) -> Me:
    agent = ctx.logins.agent(visitor.login)
    return Me(agent=agent.name if agent else visitor.login, tenant=visitor.tenant, csrf=visitor.csrf)


@router.get("/demo", include_in_schema=False)
async def demo(request: Request, ctx: Ctx, key: str = "") -> Response:
    """A one-use key, made at start in demo mode, logs its agent in. Opened again by the browser it logged in, it leads to the page."""
    if ctx.logins.visitor(request.cookies.get(COOKIE), ctx.now) is not None:
        return RedirectResponse("/", 303)
    agent = ctx.logins.use_demo_key(key) if key else None
    if agent is None:
        return RedirectResponse("/login", 303)
    response = RedirectResponse("/", 303)
    _begin(ctx, agent, response)
    return response


@router.get("/", include_in_schema=False)
async def page(request: Request, ctx: Ctx) -> Response:
    if ctx.logins.visitor(request.cookies.get(COOKIE), ctx.now) is None:
        return RedirectResponse("/login", 303)
    return FileResponse(ctx.settings.static / "index.html", headers={"Cache-Control": "no-store"})


@router.get("/login", include_in_schema=False)
async def login_page(ctx: Ctx) -> Response:
    return FileResponse(ctx.settings.static / "login.html", headers={"Cache-Control": "no-store"})
