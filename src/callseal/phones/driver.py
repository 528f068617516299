"""Drives one phone process from Python: starts it, sends commands, waits for events. Knows nothing of PJSIP.

with Phone.from_settings(PhoneSettings(name="customer", address="127.86.0.10"), folder) as customer:
    customer.call("sip:agent@127.86.0.40")
    customer.wait("answered", timeout=5)
    customer.press("4242")
    customer.hangup()
"""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from callseal.phones.commands import Method
from callseal.phones.said import Event, PhoneError, Said
from callseal.phones.settings import PhoneSettings

__all__ = ["COMMAND", "Event", "Method", "Phone", "PhoneError", "PhoneSettings"]

COMMAND = (sys.executable, "-m", "callseal.services.phone")
_READY_S = 15.0
_DONE_S = 5.0
_STOP_S = 3.0


class Phone:
    """One phone process. Methods may be called from any thread.

    `events` is everything it said so far. `wait` hands out each event once per name, in order, so that waiting for a second
    `answered` means the second call's.
    """

    def __init__(
        self,
        config: Path,
        *,
        log: Path | None = None,
        command: Sequence[str] = COMMAND,
        env: Mapping[str, str] | None = None,
        on_event: Callable[[Event], None] | None = None,
    ) -> None:
        """`config`: the phone's TOML. `log`: where its standard error goes (default: beside the config).
        `command` and `env`: how the phone is started where this Python has no PJSIP; `--config FILE` is appended.
        `on_event` is called for every event, on the reader's thread."""
        self.settings = PhoneSettings.read(config)
        self._said = Said(self.settings.name)
        self.events = self._said.events
        self._argv = [*command, "--config", str(config)]
        self._env = dict(env) if env is not None else None
        self._log = log if log is not None else config.with_suffix(".err")
        self._on_event = on_event
        self._number = 0
        self._writing = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None

    @classmethod
    def from_settings(
        cls,
        settings: PhoneSettings,
        folder: Path,
        *,
        command: Sequence[str] = COMMAND,
        env: Mapping[str, str] | None = None,
        on_event: Callable[[Event], None] | None = None,
    ) -> Self:
        """Write `<name>.toml` into `folder` and use it."""
        config = folder / f"{settings.name}.toml"
        config.write_text(settings.to_toml())
        return cls(config, command=command, env=env, on_event=on_event)

    # Life.

    def start(self) -> Self:
        """Start the process and return when it is ready. Raises `PhoneError` with its last words."""
        with self._log.open("wb") as errors:
            self._process = subprocess.Popen(
                self._argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=self._env
            )
        self._reader = threading.Thread(target=self._read, name=f"phone-{self.settings.name}", daemon=True)
        self._reader.start()
        try:
            self.wait("ready", timeout=_READY_S)
        except PhoneError:
            self.kill()
            last_words = self._log.read_text(errors="replace")[-2000:].strip()
            raise PhoneError(f"{self.settings.name} did not start: {last_words}") from None
        return self

    def stop(self) -> int:
        """Hang up and end the process; returns its exit code. SIGKILL after 3 s. Safe to call twice."""
        process = self._running()
        with contextlib.suppress(OSError), self._writing:
            if process.stdin is not None:
                process.stdin.close()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
        self._clear_away(process)
        return process.returncode

    def terminate(self) -> None:
        """SIGTERM, as a service manager would; `stop()` then collects the exit code."""
        self._running().send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL: the phone vanishes without a BYE."""
        process = self._running()
        process.kill()
        self._clear_away(process)

    @property
    def pid(self) -> int:
        return self._running().pid

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # Commands. Each returns when the phone has taken it, and raises `PhoneError` when it refuses.

    def call(
        self,
        to: str,
        *,
        headers: Mapping[str, str] | None = None,
        from_uri: str | None = None,
        late_offer: bool = False,
    ) -> None:
        """Dial; the events `ringing`, `media`, `answered` or `ended` follow."""
        options: dict[str, object] = {"from": from_uri} if from_uri is not None else {}
        self.send("call", to=to, headers=dict(headers or {}), late_offer=late_offer, **options)

    def answer(self, code: int = 200) -> None:
        self.send("answer", code=code)

    def hangup(self, code: int = 603) -> None:
        self.send("hangup", code=code)

    def press(
        self,
        digits: str,
        method: Method = "rfc4733",
        *,
        duration_ms: int = 100,
        gap_ms: int = 80,
        wait: bool = True,
    ) -> None:
        """Press keys; with `wait` return when the last one is released."""
        self.send("press", digits=digits, method=method, duration_ms=duration_ms, gap_ms=gap_ms)
        if wait:
            seconds = len(digits) * (duration_ms + gap_ms) / 1000
            self.wait("pressed", timeout=2 * seconds + 2)

    def say(self, wav: str) -> None:
        self.send("say", wav=wav)

    def mute(self) -> None:
        self.send("mute")

    def hold(self) -> None:
        self.send("hold")

    def unhold(self) -> None:
        self.send("unhold")

    def reinvite(self, *, late_offer: bool = False) -> None:
        self.send("reinvite", late_offer=late_offer)

    def refuse_reinvite(self, code: int = 488, times: int = 1) -> None:
        self.send("refuse_reinvite", code=code, times=times)

    def stats(self) -> Event:
        """The current stream's numbers: packets, losses, jitter, and the address the packets really come from."""
        self.send("stats")
        return self.wait("stats", timeout=_DONE_S)

    def send(self, do: str, **details: object) -> None:
        """Send any command and wait until the phone has taken it. Raises `PhoneError`."""
        process = self._running()
        with self._writing:
            self._number += 1
            number = self._number
            line = json.dumps({"do": do, "id": number, **details}).encode() + b"\n"
            try:
                assert process.stdin is not None  # noqa: S101  # asked for a pipe
                process.stdin.write(line)
                process.stdin.flush()
            except (OSError, ValueError):
                raise PhoneError(f"{self.settings.name} is gone") from None
        answer = self._said.answer(number, _DONE_S, f"answer to {do}")
        if answer["event"] == "error":
            raise PhoneError(f"{self.settings.name}: {do}: {answer['reason']}")

    # Events.

    def wait(self, name: str, timeout: float = 5.0, **match: object) -> Event:
        """The next event of this name not handed out before whose fields equal `match`. Raises `PhoneError`.

        Events of the name that do not match are passed over for good.
        """

        return self._said.wait(name, timeout, match)

    def count(self, name: str, **match: object) -> int:
        """How many events of this name there were so far."""
        return self._said.count(name, match)

    def _read(self) -> None:
        output = self._running().stdout
        assert output is not None  # noqa: S101  # asked for a pipe
        for line in output:
            event: Event = json.loads(line)
            self._said.take(event)
            if self._on_event is not None:
                self._on_event(event)
        self._said.end()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise PhoneError(f"{self.settings.name} was never started")
        return self._process

    def _clear_away(self, process: subprocess.Popen[bytes]) -> None:
        process.wait()
        if self._reader is not None:
            self._reader.join(_STOP_S)
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
