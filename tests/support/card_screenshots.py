"""Pictures of the card in every state, for the documentation and for the eye.

    python -m tests.support.card_screenshots [--only STATE] [--host 127.85.0.2]

Writes `docs/screenshots/<state>-{wide,narrow}.png`, and `-dark` for four of them. The committed ones are made with the Inter
font and pngquant (Debian: fonts-inter, pngquant); without them it says so and writes nothing, unless --any-font.
"""

import argparse
import http.client
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Browser, sync_playwright

from tests.support import chromium
from tests.support.card_scenarios import OTHER, REFERENCE, SCENARIOS

ROOT = Path(__file__).parents[2]
OUT = ROOT / "docs" / "screenshots"
DARK = ("ready", "secured", "capturing", "approved")
SIZES = {"wide": (1120, 780), "narrow": (390, 780)}


@contextmanager
def card_server(host: str, port: int, module: str = "card_server") -> Iterator[str]:
    """Start a test server as a process of its own; yields its base URL."""
    command = [sys.executable, "-m", f"tests.support.{module}", "--host", host, "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        wait_until_served(host, port)
        yield f"http://{host}:{port}"
    finally:
        process.terminate()
        process.wait(10)


def wait_until_served(host: str, port: int, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            order(host, port, "GET", "/test/seen")
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def order(host: str, port: int, method: str, path: str, body: Any = None) -> Any:
    """One request to the test server; the decoded answer."""
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request(method, path, json.dumps(body or {}), {"Content-Type": "application/json"})
        answer = connection.getresponse().read()
    finally:
        connection.close()
    return json.loads(answer) if answer else None


def take(
    browser: Browser, host: str, port: int, state: str, size: str, scheme: Literal["light", "dark"]
) -> Path:
    width, height = SIZES[size]
    order(host, port, "POST", "/test/reset")
    order(
        host,
        port,
        "POST",
        "/test/show",
        {"scenario": "ready", "changes": {"reference": OTHER, "caller": "+33199001234"}},
    )
    scenario = "capturing" if state == "connection_lost" else state
    order(host, port, "POST", "/test/show", {"scenario": "ready"})
    page = browser.new_page(
        viewport={"width": width, "height": height}, color_scheme=scheme, device_scale_factor=1
    )
    page.emulate_media(reduced_motion="reduce", color_scheme=scheme)
    page.goto(f"http://{host}:{port}/#{REFERENCE}")
    page.locator("payment-card .card[data-state=ready][data-live=yes]").wait_for()
    order(host, port, "POST", "/test/show", {"scenario": scenario})
    page.locator(
        f"payment-card .card[data-state={SCENARIOS[scenario](0)['state']}][data-live=yes]"
    ).wait_for()
    if state == "connection_lost":
        order(host, port, "POST", "/test/set", {"down": True, "drop": True})
        page.locator("payment-card .card[data-live=no]").wait_for()
    suffix = size if scheme == "light" else f"{size}-dark"
    path = OUT / f"{state.replace('_', '-')}-{suffix}.png"
    page.locator("payment-card .unstyled").wait_for(state="detached")
    page.screenshot(path=path, full_page=True)
    page.close()
    shrink(path)
    return path


def shrink(path: Path) -> None:
    """A palette of 128 colours is enough here and a third of the bytes; without pngquant the picture stays as it is."""
    if shutil.which("pngquant"):
        subprocess.run(
            ["pngquant", "--force", "--skip-if-larger", "--ext", ".png", "128", str(path)], check=False
        )


def missing() -> list[str]:
    """Debian packages without which the pictures differ from the committed ones: another font, three times the size."""
    fonts = ""
    if shutil.which("fc-list"):
        fonts = subprocess.run(
            ("fc-list", ":family=Inter"), capture_output=True, text=True, check=False
        ).stdout
    return [
        *([] if fonts.strip() else ["fonts-inter"]),
        *([] if shutil.which("pngquant") else ["pngquant"]),
    ]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", help="one state")
    parser.add_argument("--host", default="127.85.0.2")
    parser.add_argument("--port", type=int, default=8050)
    parser.add_argument(
        "--any-font", action="store_true", help="with whatever font is here, and in full size"
    )
    options = parser.parse_args()
    if not options.any_font and (wanted := missing()):
        parser.exit(
            1,
            f"the pictures would not look like the committed ones: apt install {' '.join(wanted)}, or --any-font\n",
        )
    OUT.mkdir(parents=True, exist_ok=True)
    states = [options.only] if options.only else [*SCENARIOS, "connection_lost"]
    with card_server(options.host, options.port), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.PROGRAM, args=chromium.HEADLESS)
        for state in states:
            for size in SIZES:
                take(browser, options.host, options.port, state, size, "light")
            if state in DARK:
                take(browser, options.host, options.port, state, "wide", "dark")
        browser.close()
    if not options.only:
        login(options.host, options.port)
        keypad(options.host, options.port + 10)


def login(host: str, port: int) -> None:
    with card_server(host, port), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.PROGRAM, args=chromium.HEADLESS)
        page = browser.new_page(viewport={"width": 1120, "height": 700})
        page.goto(f"http://{host}:{port}/login")
        page.screenshot(path=OUT / "login-wide.png")
        shrink(OUT / "login-wide.png")
        browser.close()


def keypad(host: str, port: int) -> None:
    """The lab's telephone: four keys as events that the agent's phone never hears, then four in-band that it does."""
    with card_server(host, port, "keypad_server") as base, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.PROGRAM, args=chromium.HEADLESS)
        page = browser.new_page(viewport={"width": 1200, "height": 860}, reduced_motion="reduce")
        page.goto(f"{base}/demo?key=try")
        page.get_by_role("button", name="Call", exact=True).click()
        page.locator("body[data-call=up]").wait_for()
        page.get_by_role("button", name="Type expiry: amex, approved").click()
        page.locator("#verdict[data-heard=none]").wait_for()
        page.screenshot(path=OUT / "keypad-sealed.png", full_page=True)
        page.get_by_label("In-band").check(force=True)
        page.get_by_role("button", name="Type code: amex, approved").click()
        page.get_by_text("heard 4.").wait_for()
        page.screenshot(path=OUT / "keypad-leak.png", full_page=True)
        for name in ("keypad-sealed.png", "keypad-leak.png"):
            shrink(OUT / name)
        browser.close()


if __name__ == "__main__":
    main()
