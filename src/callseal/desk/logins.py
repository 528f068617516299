"""Browser sessions: an opaque cookie, kept as a hash, and a CSRF token derived from it.

The cookie is 256 random bits, HttpOnly and SameSite=Strict. The CSRF token is a hash of the cookie, so it needs no place of its own and
only somebody who is given it by the desk (`/v1/login`, `/v1/me`) can know it. Demo keys log in once and are then gone.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from callseal.desk.settings import AgentLogin, DeskSettings
from callseal.payments.ports import StorePort

COOKIE = "callseal_session"
_LONGEST_COOKIE = 128


@dataclass(frozen=True, slots=True)
class Visitor:
    """A logged-in agent. `name` of the session is the hash its cookie is stored under."""

    login: str
    tenant: str
    csrf: str
    session: str


class Logins:
    """`random_text()` returns a fresh unguessable URL-safe text."""

    def __init__(self, settings: DeskSettings, store: StorePort, random_text: Callable[[], str]) -> None:
        self._agents: Mapping[str, AgentLogin] = {agent.login: agent for agent in settings.agents}
        self._lifetime = settings.login_ms
        self._store = store
        self._random_text = random_text
        self._demo: dict[str, str] = {}

    def begin(self, agent: AgentLogin, now: int) -> tuple[str, Visitor]:
        """A new cookie and who it stands for."""
        cookie = self._random_text()
        self._store.keep_login(_hash("cookie", cookie), agent.login, agent.tenant, now + self._lifetime)
        return cookie, Visitor(agent.login, agent.tenant, _hash("csrf", cookie), _hash("cookie", cookie))

    def visitor(self, cookie: str | None, now: int) -> Visitor | None:
        """Who holds this cookie. An agent who is no longer in the deployment, or has moved to another tenant, is nobody."""
        if not cookie or len(cookie) > _LONGEST_COOKIE:
            return None
        name = _hash("cookie", cookie)
        return self._visitor(name, _hash("csrf", cookie), now)

    def _visitor(self, name: str, csrf: str, now: int) -> Visitor | None:
        found = self._store.login(name, now)
        if found is None:
            return None
        login, tenant = found
        agent = self._agents.get(login)
        return Visitor(login, tenant, csrf, name) if agent and agent.tenant == tenant else None

    def still_valid(self, visitor: Visitor, now: int) -> bool:
        """For streams, which outlive the request that opened them."""
        return self._visitor(visitor.session, visitor.csrf, now) is not None

    def end(self, visitor: Visitor) -> None:
        self._store.drop_login(visitor.session)

    def agent(self, login: str) -> AgentLogin | None:
        return self._agents.get(login)

    def make_demo_key(self, login: str) -> str:
        """A key that logs `login` in once, while this process lives."""
        key = self._random_text()
        self._demo[_hash("demo", key)] = login
        return key

    def use_demo_key(self, key: str) -> AgentLogin | None:
        login = self._demo.pop(_hash("demo", key), None)
        return self._agents.get(login) if login else None


def same(one: str, other: str) -> bool:
    """Equal, in constant time."""
    return hmac.compare_digest(one.encode(), other.encode())


def _hash(what: str, value: str) -> str:
    return hashlib.sha256(f"callseal-{what}:{value}".encode()).hexdigest()
