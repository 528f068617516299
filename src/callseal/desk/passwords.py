"""Is this the agent's password? And how often may one be wrong."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field

from callseal.desk.settings import AgentLogin

_MOST_KEYS = 10_000
_SCRYPT_MEMORY = 128 * 1024 * 1024


def scrypt_record(password: str, salt: bytes, n: int = 2**15, r: int = 8, p: int = 1) -> str:
    """`scrypt$n$r$p$salt$hash`, what a deployment's secret file may hold instead of the password itself (RFC 7914)."""
    digest = hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, maxmem=_SCRYPT_MEMORY)
    return f"scrypt${n}${r}${p}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def matches(record: str, password: str) -> bool:
    """Constant time in the password. A record that cannot be read matches nothing."""
    if not record.startswith("scrypt$"):
        return hmac.compare_digest(
            hashlib.sha256(record.encode()).digest(), hashlib.sha256(password.encode()).digest()
        )
    try:
        _, n, r, p, salt, digest = record.split("$")
        found = hashlib.scrypt(
            password.encode(),
            salt=base64.b64decode(salt),
            n=int(n),
            r=int(r),
            p=int(p),
            maxmem=_SCRYPT_MEMORY,
        )
        return hmac.compare_digest(found, base64.b64decode(digest))
    except ValueError:
        return False


def check(agents: Iterable[AgentLogin], login: str, password: str) -> AgentLogin | None:
    """The agent, or None. An unknown name costs as much time as a wrong password."""
    known = {agent.login: agent for agent in agents}
    nobody = next(iter(known.values()), AgentLogin("", "", "", ""))
    agent = known.get(login)
    good = matches((agent or nobody).password, password)
    return agent if good else None


@dataclass(slots=True)
class Failures:
    """Counts failed logins per name and per address. PCI DSS 8.3.4: at most ten, then half an hour."""

    per_name: int = 10
    per_address: int = 30
    for_ms: int = 30 * 60_000
    _times: dict[tuple[str, str], list[int]] = field(default_factory=dict)

    def locked_until(self, name: str, address: str, now: int) -> int | None:
        """Unix ms until which this name or address may not try, or None."""
        ends = [
            self._end(("name", name), self.per_name, now),
            self._end(("address", address), self.per_address, now),
        ]
        return max((end for end in ends if end is not None), default=None)

    def failed(self, name: str, address: str, now: int) -> None:
        for key in (("name", name), ("address", address)):
            if key not in self._times and len(self._times) >= _MOST_KEYS:
                del self._times[next(iter(self._times))]  # the oldest: memory has an end, guesses have none
            self._times.setdefault(key, []).append(now)

    def succeeded(self, name: str) -> None:
        self._times.pop(("name", name), None)

    def _end(self, key: tuple[str, str], most: int, now: int) -> int | None:
        recent = [at for at in self._times.get(key, []) if at > now - self.for_ms][-most:]
        if not recent:
            self._times.pop(key, None)
            return None
        self._times[key] = recent
        return recent[0] + self.for_ms if len(recent) >= most else None
