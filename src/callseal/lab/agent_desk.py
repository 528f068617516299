"""The agent's hand at the desk: logs in, sees calls, presses buttons, over the same HTTP interface as the card."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

import httpx2

from callseal.lab.place import HERE, Place
from callseal.observe.errors import Error

POLL_S = 0.01
Call = dict[str, Any]


class DeskError(Error):
    """The desk refused, or what was awaited did not come. `status` is the HTTP status, 0 for a time-out."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class AgentDesk:
    """One logged-in agent, whose browser is at `place`. `url` is the desk's root."""

    def __init__(self, url: str, login: str, password: str, *, place: Place = HERE) -> None:
        self._http = httpx2.Client(base_url=url, timeout=5.0)
        self._place = place
        answer = self._request("POST", "/v1/login", data={"username": login, "password": password})
        if answer.status_code != 200:
            raise DeskError(answer.status_code, f"login of {login} was refused: {answer.text}")
        self._csrf = str(answer.json()["csrf"])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def _request(self, method: str, path: str, **content: Any) -> httpx2.Response:
        with self._place.inside():  # a connection is made when it is needed
            return self._http.request(method, path, **content)

    def calls(self) -> list[Call]:
        """My tenant's live calls."""
        answer = self._request("GET", "/v1/calls")
        answer.raise_for_status()
        found = answer.json()
        return list(found["calls"] if isinstance(found, dict) else found)

    def call(self, reference: str) -> Call:
        """One call. Raises `DeskError`."""
        answer = self._request("GET", f"/v1/calls/{reference}")
        if answer.status_code != 200:
            raise DeskError(answer.status_code, answer.text)
        return dict(answer.json())

    def press(
        self, reference: str, action: str, body: Mapping[str, object] | None = None, *, key: str | None = None
    ) -> Call:
        """Press a button: secure, capture, reset, charge, cancel, release. Raises `DeskError` when it is refused."""
        answer = self._request(
            "POST",
            f"/v1/calls/{reference}/{action}",
            json=dict(body or {}),
            headers={"X-CSRF-Token": self._csrf, "Idempotency-Key": key or str(uuid.uuid4())},
        )
        if answer.status_code not in {200, 202}:
            raise DeskError(answer.status_code, answer.text)
        return dict(answer.json())

    def wait(self, reference: str, good: Callable[[Call], bool], what: str, timeout_s: float = 8.0) -> Call:
        """Poll the call until `good`; raises `DeskError` with the last state and notice."""
        deadline = time.monotonic() + timeout_s
        while True:
            call = self.call(reference)
            if good(call):
                return call
            if time.monotonic() > deadline:
                notice = (call.get("notice") or {}).get("text")
                raise DeskError(
                    0,
                    f"no {what} within {timeout_s:.0f} s; the call is {call['state']} ({notice}), evidence {call['evidence']}",
                )
            time.sleep(POLL_S)

    def wait_state(self, reference: str, *states: str, timeout_s: float = 8.0) -> Call:
        """Wait until the call is in one of `states`."""
        return self.wait(reference, lambda call: call["state"] in states, " or ".join(states), timeout_s)

    def wait_call(self, *, not_in: frozenset[str] = frozenset(), timeout_s: float = 8.0) -> Call:
        """Wait for a live call whose reference is not in `not_in`."""
        deadline = time.monotonic() + timeout_s
        while True:
            fresh = [
                call for call in self.calls() if call["reference"] not in not_in and call["state"] != "ended"
            ]
            if fresh:
                return fresh[0]
            if time.monotonic() > deadline:
                raise DeskError(0, f"no call reached the desk within {timeout_s:.0f} s")
            time.sleep(POLL_S)
