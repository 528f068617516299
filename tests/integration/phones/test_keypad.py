"""The keypad service with both phones, asked as a browser would."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from array import array
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from callseal.lab.phone import phone_command
from callseal.phones.settings import PhoneSettings
from tests.integration.phones.conftest import AGENT, CUSTOMER, LISTENER
from tests.integration.phones.signals import heard_digits, level, until

pytestmark = pytest.mark.integration

BASE = f"http://{LISTENER}:8060"
KEY = "0123456789abcdef0123456789abcdef"


class Keypad:
    def __init__(self, folder: Path) -> None:
        self.log = folder / "keypad.err"
        self._config = folder / "keypad.toml"
        (folder / "keypad.key").write_text(KEY)
        phones = {
            "customer": PhoneSettings(
                name="customer", address=CUSTOMER, say="customer", audio_feed=(f"{LISTENER}:9001",)
            ),
            "agent": PhoneSettings(
                name="agent", address=AGENT, say="agent", auto_answer=True, audio_feed=(f"{LISTENER}:9002",)
            ),
        }
        for name, settings in phones.items():
            (folder / f"{name}.toml").write_text(settings.to_toml())
        command = json.dumps(phone_command(folder))  # a list of strings is TOML as it stands
        self._config.write_text(
            f'listen = "{LISTENER}:8060"\nkey_file = "keypad.key"\ndial = "sip:agent@{AGENT}"\n'
            'customer = "customer.toml"\nagent = "agent.toml"\n'
            f"customer_command = {command}\nagent_command = {command}\n"
        )

    def __enter__(self) -> Keypad:
        argv = [sys.executable, "-m", "callseal.services.keypad", "--config", str(self._config)]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(argv, stderr=log)
        try:
            until(lambda: "ready" in self.log.read_text() or self.process.poll() is not None, 15)
            assert self.process.poll() is None, self.log.read_text()
        except BaseException:
            self.process.kill()  # it would keep its addresses from the next
            self.process.wait()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(5)
        finally:
            self.process.kill()


@pytest.fixture
def keypad(tmp_path: Path) -> Iterator[Keypad]:
    with Keypad(tmp_path) as service:
        yield service
    assert service.process.returncode == 0, service.log.read_text()


@pytest.fixture
def browser(keypad: Keypad) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=BASE, timeout=5) as client:
        assert client.get("/demo", params={"key": KEY}).status_code == 303
        yield client


def heard(browser: httpx2.Client, who: str, method: str) -> int:
    return int(browser.get("/status").json()[who]["heard"][method])


def call_up(browser: httpx2.Client) -> None:
    assert browser.post("/call").status_code == 204
    until(lambda: browser.get("/status").json()["call"] == "up")


def test_one_key_one_browser(keypad: Keypad) -> None:
    with httpx2.Client(base_url=BASE) as first, httpx2.Client(base_url=BASE) as second:
        for path in ("/", "/status", "/story", "/feed/agent", "/static/x"):
            assert second.get(path).status_code == 401
        assert second.post("/press", json={"digit": "1"}).status_code == 401
        assert second.get("/demo", params={"key": "wrong"}).status_code == 401
        welcome = first.get("/demo", params={"key": KEY})
        assert welcome.headers["location"] == "/"
        assert "HttpOnly" in welcome.headers["set-cookie"]
        assert "samesite=strict" in welcome.headers["set-cookie"].lower()
        assert first.get("/status").json()["call"] == "down"
        assert second.get("/demo", params={"key": KEY}).status_code == 401
        assert second.get("/status").status_code == 401
        assert second.get("/healthz").json() == {"phones": {"customer": True, "agent": True}}


def test_foreign_pages_and_names_are_refused(browser: httpx2.Client) -> None:
    foreign = browser.post("/call", headers={"Origin": "http://evil.example"})
    assert foreign.status_code == 403
    assert browser.get("/status", headers={"Host": "evil.example"}).status_code == 400
    assert browser.post("/hangup", headers={"Origin": BASE}).status_code == 409
    assert browser.get("/status").json()["call"] == "down"


def test_call_press_and_count_in_three_encodings(browser: httpx2.Client, keypad: Keypad) -> None:
    refused = browser.post("/press", json={"digit": "1"})
    assert (refused.status_code, refused.json()) == (409, {"message": "there is no call"})

    call_up(browser)
    assert browser.post("/call").status_code == 409
    for method in ("rfc4733", "inband", "info"):
        for digit in "4242":
            assert browser.post("/press", json={"digit": digit, "method": method}).status_code == 204
        until(lambda method=method: heard(browser, "agent", method) == 4)  # type: ignore[misc]
    status = browser.get("/status").json()
    assert status["agent"] == {"heard": {"rfc4733": 4, "inband": 4, "info": 4}}
    assert status["customer"] == {"heard": {"rfc4733": 0, "inband": 0, "info": 0}}

    assert browser.post("/hangup").status_code == 204
    until(lambda: browser.get("/status").json()["call"] == "down")
    call_up(browser)
    assert heard(browser, "agent", "rfc4733") == 0


def test_log_holds_neither_key_nor_requests(browser: httpx2.Client, keypad: Keypad) -> None:
    browser.post("/press", json={"digit": "1"})
    log = keypad.log.read_text()
    assert '"ready"' in log
    assert KEY not in log
    assert "/press" not in log


def test_page_its_files_and_its_story(browser: httpx2.Client) -> None:
    page = browser.get("/")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert "javascript" in browser.get("/static/keypad.js").headers["content-type"]
    assert browser.get("/static/../keypad.py").status_code == 404
    story = browser.get("/story").json()
    assert {card["expect"] for card in story} >= {"approved"}


def test_refused_key_is_not_repeated(browser: httpx2.Client) -> None:
    refused = browser.post("/press", json={"digit": "4242"})
    assert refused.status_code == 422
    assert "4242" not in refused.text


def test_feeds_are_what_each_phone_receives(browser: httpx2.Client) -> None:
    call_up(browser)
    with browser.stream("GET", "/feed/agent") as sound:
        browser.post("/press", json={"digit": "7", "method": "inband"})
        pcm = array("h", _octets(sound, 8000 * 2 * 2))
    assert heard_digits(pcm.tolist()) == "7"
    with browser.stream("GET", "/feed/customer") as sound:
        assert level(array("h", _octets(sound, 8000 * 2 * 2)).tolist()) > 200
    assert browser.get("/feed/nobody").status_code == 422


def test_ends_in_time_mid_call_while_somebody_listens(keypad: Keypad, browser: httpx2.Client) -> None:
    call_up(browser)
    with browser.stream("GET", "/feed/agent") as sound:
        _octets(sound, 640)
        started = time.monotonic()
        keypad.process.send_signal(signal.SIGTERM)
        assert keypad.process.wait(5) == 0
        assert time.monotonic() - started < 3


def _octets(sound: httpx2.Response, wanted: int) -> bytes:
    received = b""
    for chunk in sound.iter_bytes():
        received += chunk
        if len(received) >= wanted:
            break
    return received[:wanted]
