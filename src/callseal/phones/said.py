"""What one phone has said so far: its events in order, and waiting for the next of a kind. Knows neither process nor PJSIP."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

Event = dict[str, Any]
"""`event` is its name; the rest depends on it (docs/reference/interfaces.md)."""


def _in_short(event: Event) -> str:
    """Its name, and what the other side said: `ended 503 Service Unavailable`."""
    return " ".join(str(event[key]) for key in ("event", "code", "reason") if event.get(key))


class PhoneError(Exception):
    """The phone refused a command, ended by itself, or an awaited event did not come. Never holds digits."""


class Said:
    """Filled by one thread with `take` and `end`, read by any. `who` is the phone's name in errors."""

    def __init__(self, who: str) -> None:
        self.events: list[Event] = []
        self._who = who
        self._changed = threading.Condition()
        self._handed_out: dict[str, int] = {}
        self._answers: dict[int, Event] = {}
        self._ended = False

    def take(self, event: Event) -> None:
        """One more event; `done` and `error` with an `id` are also the answer to that command."""
        with self._changed:
            self.events.append(event)
            if event["event"] in {"done", "error"} and event.get("id") is not None:
                self._answers[event["id"]] = event
            self._changed.notify_all()

    def end(self) -> None:
        """No more will come: whoever waits is told so."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def answer(self, number: int, timeout: float, wanted: str) -> Event:
        """The answer to command `number`, within `timeout` seconds. Raises `PhoneError`, which names what was `wanted`."""
        return self._until(lambda: self._answers.pop(number, None), timeout, wanted)

    def wait(self, name: str, timeout: float, match: Mapping[str, object]) -> Event:
        """The next event of this name not handed out before whose fields equal `match`. Raises `PhoneError`."""

        def find() -> Event | None:
            for index in range(self._handed_out.get(name, 0), len(self.events)):
                event = self.events[index]
                if _is(event, name, match):
                    self._handed_out[name] = index + 1
                    return event
            return None

        wanted = f"{name} {dict(match)}" if match else name
        return self._until(find, timeout, wanted)

    def count(self, name: str, match: Mapping[str, object]) -> int:
        """How many such events there were so far."""
        with self._changed:
            return sum(_is(event, name, match) for event in self.events)

    def _until(self, find: Callable[[], Event | None], timeout: float, wanted: str) -> Event:
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                found = find()
                if found is not None:
                    return found
                left = deadline - time.monotonic()
                if self._ended or left <= 0:
                    why = "it ended" if self._ended else f"not within {timeout:g} s"
                    said = ", ".join(_in_short(event) for event in self.events[-12:])
                    raise PhoneError(f"{self._who}: no {wanted} ({why}); last events: {said}")
                self._changed.wait(left)


def _is(event: Event, name: str, match: Mapping[str, object]) -> bool:
    return event["event"] == name and all(event.get(key) == value for key, value in match.items())
