"""A real browser on the real files, served with the desk's CSP by `tests/support/card_server.py`."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support import chromium
from tests.support.card_scenarios import REFERENCE
from tests.support.card_screenshots import card_server, order

HOST, PORT = "127.85.0.10", 8050
WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => window.violations.push(event.violatedDirective + " " + event.blockedURI));
"""
HARMLESS = "Failed to load resource"  # Chromium's own line for every 4xx and 5xx that a test asks for


class Card:
    """The page with one card, and the desk behind it."""

    def __init__(self, page: Page, base: str) -> None:
        self.page = page
        self.base = base
        self.faults: list[str] = []
        page.add_init_script(WATCH)
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        self.root = page.locator("payment-card .card")

    def _console(self, message: Any) -> None:
        if message.type in {"error", "warning"} and not message.text.startswith(HARMLESS):
            self.faults.append(f"{message.type}: {message.text}")

    def desk(self, path: str, **body: Any) -> Any:
        return order(HOST, PORT, "GET" if path == "seen" else "POST", f"/test/{path}", body)

    def open(self, scenario: str = "ready", **changes: Any) -> None:
        """Load the page on a ready call, then let the desk say `scenario`."""
        playing = changes.pop("playing", False)
        self.desk("reset")
        self.desk("show", scenario="ready", playing=playing)
        self.page.goto(f"{self.base}/#{REFERENCE}")
        expect(self.root).to_have_attribute("data-live", "yes")
        expect(self.root).to_have_attribute("data-state", "ready")
        if scenario != "ready" or changes:
            self.show(scenario, playing=playing, **changes)

    def show(self, scenario: str, *, playing: bool = False, **changes: Any) -> None:
        call = self.desk("show", scenario=scenario, changes=changes, playing=playing)
        expect(self.root).to_have_attribute("data-state", call["state"])
        self.page.wait_for_function(
            "(version) => document.querySelector('payment-card').call?.version >= version",
            arg=call["version"],
        )

    def button(self, action: str) -> Any:
        return self.root.locator(f"button[data-action={action}]")

    def posts(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.desk("seen")["requests"]
        return found

    def focused(self) -> str:
        """What has the focus inside the card: its action, id or class."""
        script = """() => { const node = document.querySelector("payment-card").shadowRoot.activeElement;
                    return node ? (node.dataset.action ?? node.id ?? node.className) : ""; }"""
        return str(self.page.evaluate(script))


@pytest.fixture(scope="session")
def served() -> Iterator[str]:
    with card_server(HOST, PORT) as base:
        yield base


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Closed after each module: while the synchronous Playwright lives, no test in this process can run an event loop."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.PROGRAM, args=chromium.HEADLESS)
        yield browser
        browser.close()


@pytest.fixture
def card(browser: Browser, served: str) -> Iterator[Card]:
    """Every test also fails on a CSP violation, a console error or an uncaught exception."""
    context = browser.new_context(viewport={"width": 1120, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(10_000)
    card = Card(context.new_page(), served)
    yield card
    violations = card.page.evaluate("window.violations") if card.page.url.startswith("http") else []
    context.close()
    assert violations == []
    assert card.faults == []


@pytest.fixture(scope="session")
def axe() -> str:
    """axe-core's script, as its Python package brings it."""
    return (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
