"""Two phones on 127.86.0.x that know each other only by address."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from callseal.lab.phone import phone_command
from callseal.phones.driver import Phone
from callseal.phones.settings import PhoneSettings

CUSTOMER = "127.86.0.10"
AGENT = "127.86.0.40"
LISTENER = "127.86.0.60"

MakePhone = Callable[..., Phone]


class Listener:
    """Collects what a phone's audio feed sends."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((LISTENER, 0))
        self._socket.settimeout(0.2)
        self.endpoint = f"{LISTENER}:{self._socket.getsockname()[1]}"
        self._frames: list[bytes] = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def clear(self) -> None:
        with self._lock:
            self._frames.clear()

    @property
    def frames(self) -> list[bytes]:
        with self._lock:
            return list(self._frames)

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                frame = self._socket.recv(2048)
            except TimeoutError:
                continue
            with self._lock:
                self._frames.append(frame)


@pytest.fixture
def make_phone(tmp_path: Path) -> Iterator[MakePhone]:
    """Start a phone: `make_phone("customer", "127.86.0.10", say="customer")`. All of them end cleanly, or the test fails."""
    started: list[Phone] = []
    with ExitStack() as stack:

        def make(name: str, address: str, **settings: Any) -> Phone:
            phone = Phone.from_settings(
                PhoneSettings(name=name, address=address, **settings),
                tmp_path,
                command=phone_command(tmp_path),
            )
            stack.enter_context(phone)
            started.append(phone)
            return phone

        yield make
    for phone in started:
        assert phone.stop() == 0, f"{phone.settings.name} did not end cleanly"


@pytest.fixture
def listener() -> Iterator[Listener]:
    heard = Listener()
    yield heard
    heard.close()


@pytest.fixture
def second_listener() -> Iterator[Listener]:
    heard = Listener()
    yield heard
    heard.close()
