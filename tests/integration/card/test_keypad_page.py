"""The lab's telephone in a browser: the real service and page, with two pretended phones behind them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Response, expect

from callseal.cards import Pan, luhn_ok
from callseal.phones.keypad import STATIC
from callseal.sandbox.psp.public_cards import plan_for
from tests.support.card_screenshots import ROOT, wait_until_served
from tests.support.keypad_server import KEY

pytestmark = pytest.mark.integration

HOST, PORT = "127.85.0.21", 8060


@pytest.fixture(scope="module")
def logged_in(browser: Browser) -> Iterator[BrowserContext]:
    """The service, and a browser that has redeemed its one key."""
    command = [sys.executable, "-m", "tests.support.keypad_server", "--host", HOST, "--port", str(PORT)]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        wait_until_served(HOST, PORT)
        context = browser.new_context(viewport={"width": 1200, "height": 860}, reduced_motion="reduce")
        context.set_default_timeout(10_000)
        context.request.get(f"http://{HOST}:{PORT}/demo?key={KEY}")
        yield context
        context.close()
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def keypad(logged_in: BrowserContext) -> Iterator[Page]:
    """The page without a call. The test fails on a console error, an exception or a policy violation."""
    logged_in.request.post(f"http://{HOST}:{PORT}/hangup")
    faults: list[str] = []
    page = logged_in.new_page()
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.goto(f"http://{HOST}:{PORT}/")
    yield page
    page.close()
    assert [fault for fault in faults if not fault.startswith("Failed to load resource")] == []


def start_call(page: Page) -> None:
    page.get_by_role("button", name="Call", exact=True).click()
    expect(page.locator("#call")).to_have_text("In a call")


def test_a_key_that_nobody_hears(keypad: Page) -> None:
    start_call(keypad)
    keypad.get_by_role("button", name="5", exact=True).click()
    expect(keypad.locator("#verdict-text")).to_have_text(
        "You pressed 1 key. The agent\u2019s phone heard none."
    )
    expect(keypad.locator("#verdict")).to_have_attribute("data-heard", "none")
    expect(keypad.locator("#typed")).to_have_text("5")


def test_none_is_not_claimed_before_the_key_could_arrive(keypad: Page) -> None:
    start_call(keypad)
    keypad.evaluate("""() => { window.said = []; new MutationObserver(() => window.said.push(document.querySelector("#verdict-text").textContent))
      .observe(document.querySelector("#verdict-text"), { childList: true }); }""")
    keypad.get_by_label("In-band").check(force=True)
    keypad.get_by_role("button", name="5", exact=True).click()
    expect(keypad.locator("#verdict-text")).to_have_text("You pressed 1 key. The agent\u2019s phone heard 1.")
    assert not any("none" in words for words in keypad.evaluate("window.said"))


def test_count_from_now(keypad: Page) -> None:
    start_call(keypad)
    keypad.get_by_label("In-band").check(force=True)
    keypad.keyboard.press("7")
    expect(keypad.locator("#verdict")).to_have_attribute("data-heard", "some")
    keypad.get_by_role("button", name="Count from now").click()
    keypad.get_by_label("RFC 4733").check(force=True)
    keypad.keyboard.press("#")
    expect(keypad.locator("#verdict-text")).to_have_text(
        "You pressed 1 key. The agent\u2019s phone heard none."
    )


def test_a_test_card_is_typed_key_by_key(keypad: Page) -> None:
    start_call(keypad)
    story = json.loads((STATIC / "story.json").read_text())
    keypad.get_by_role("button", name="Type number: amex, approved").click()
    expect(keypad.locator("#typed")).to_have_text(re.sub(r"\D", "", story[1]["number"]), timeout=15_000)


def test_typing_stops_with_the_call(keypad: Page) -> None:
    start_call(keypad)
    keypad.get_by_role("button", name="Type number: amex, approved").click()
    expect(keypad.locator("#typed")).not_to_be_empty()
    keypad.get_by_role("button", name="Hang up").click()
    expect(keypad.locator("#problem")).to_have_text("there is no call")
    later: list[str] = []
    keypad.on(
        "request", lambda request: later.append(request.url) if request.url.endswith("/press") else None
    )
    keypad.wait_for_timeout(700)  # three more keys would have come
    assert later == []


def test_a_new_call_counts_anew(keypad: Page) -> None:
    start_call(keypad)
    keypad.keyboard.press("5")
    expect(keypad.locator("#verdict")).to_have_attribute("data-heard", "none")
    keypad.get_by_role("button", name="Hang up").click()
    expect(keypad.locator("#call")).to_have_text("No call")
    start_call(keypad)
    expect(keypad.locator("#verdict-text")).to_have_text("Press a key and see who hears it.")
    expect(keypad.locator("#typed")).to_be_empty()


def test_without_the_service_nothing_is_claimed(keypad: Page) -> None:
    start_call(keypad)
    keypad.keyboard.press("5")
    expect(keypad.locator("#verdict")).to_have_attribute("data-heard", "none")
    keypad.route("**/status", lambda route: route.abort())
    expect(keypad.locator("#verdict-text")).to_have_text("Not connected to the lab.")
    expect(keypad.locator("#call")).to_have_text("The keypad service does not answer.")


def test_the_story_says_what_the_psp_will_do() -> None:
    for card in json.loads((STATIC / "story.json").read_text()):
        digits = re.sub(r"\D", "", card["number"])
        if card["expect"] == "a mistyped key":
            assert not luhn_ok(digits)
            continue
        plan = plan_for(Pan(digits))
        assert plan is not None
        assert plan.brand == card["brand"]
        assert card["expect"] == ("no answer" if plan.fault else plan.outcome)


def test_a_refused_press_is_said(keypad: Page) -> None:
    expect(keypad.locator("#call")).to_have_text("No call")
    keypad.keyboard.press("1")
    expect(keypad.locator("#problem")).to_have_text("there is no call")


def test_the_sound_is_drawn_and_key_tones_are_marked(keypad: Page) -> None:
    start_call(keypad)
    painted = """(who) => { const canvas = document.querySelector(`[data-who=${who}] canvas`);
      const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
      let ink = 0, tone = 0;
      for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 200) (data[i] - data[i + 2] > 80 ? tone++ : ink++);
      return {ink, tone}; }"""
    for who in ("agent", "customer"):
        keypad.wait_for_function(f"(who) => ({painted})(who).ink > 3000", arg=who)
    assert keypad.evaluate(painted, "agent")["tone"] == 0
    keypad.get_by_label("In-band").check(force=True)
    keypad.keyboard.press("5")
    keypad.wait_for_function(f"(who) => ({painted})(who).tone > 200", arg="agent")
    assert keypad.evaluate(painted, "customer")["tone"] == 0


def _answers(page: Page) -> list[Response]:
    """What the page has been answered; it grows."""
    found: list[Response] = []
    page.on("response", lambda answer: found.append(answer))  # noqa: PLW0108 - Playwright cannot mark a built-in method
    return found


def test_the_link_opens_again_in_its_own_browser_only(keypad: Page, browser: Browser) -> None:
    keypad.goto(f"http://{HOST}:{PORT}/demo?key={KEY}")
    expect(keypad.get_by_role("heading", level=1)).to_have_text("The customer\u2019s phone")
    stranger = browser.new_context()
    assert stranger.request.get(f"http://{HOST}:{PORT}/demo?key={KEY}").status == 401
    for path in (f"/demo?key={KEY}", "/demo", "/"):
        page = stranger.new_page()
        answers = _answers(page)
        page.goto(f"http://{HOST}:{PORT}{path}")
        expect(page.get_by_role("heading")).to_have_text("The keypad is not open in this browser")
        expect(page.locator("main")).to_have_css("border-radius", "20px")  # its style may be had
        assert [one.status for one in answers if one.url == page.url] == [401]
        assert {one.status for one in answers if one.url != page.url} <= {200}, "what it needs is open"
    stranger.close()


def test_listen_and_mute(keypad: Page) -> None:
    button = keypad.locator("[data-who=agent] .listen")
    button.click()
    expect(button).to_have_text("Mute")
    expect(button).to_have_attribute("aria-pressed", "true")
    button.click()
    expect(button).to_have_text("Listen")


@pytest.mark.parametrize("frequencies", [(697, 1209), (852, 1477), (941, 1633)])
def test_key_tones_are_found(keypad: Page, frequencies: tuple[int, ...]) -> None:
    assert keypad.evaluate(TONE_OF, [0.2, *frequencies]) is True


@pytest.mark.parametrize(
    "frequencies",
    [(440, 440), (697, 697), (1209, 1209), (350, 440), (697, 770), (300, 2000), (697, 770, 1209)],
)
def test_other_tones_are_not_key_tones(keypad: Page, frequencies: tuple[int, ...]) -> None:
    assert keypad.evaluate(TONE_OF, [0.2, *frequencies]) is False


TONE_OF = """async ([level, ...tones]) => { const { hasKeyTone } = await import("/static/sound.js");
  const at = (n) => tones.reduce((sum, f) => sum + level * Math.sin(2 * Math.PI * f * n / 8000), 0);
  return hasKeyTone(Float32Array.from({ length: 160 }, (_, n) => at(n))); }"""


@pytest.mark.parametrize("width", [320, 768, 1200])
def test_no_sideways_scrolling(keypad: Page, width: int) -> None:
    keypad.set_viewport_size({"width": width, "height": 800})
    expect(keypad.locator("#cards li")).to_have_count(5)
    assert keypad.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0


def test_axe_finds_nothing(keypad: Page, axe: str) -> None:
    start_call(keypad)
    expect(keypad.locator("#cards li")).to_have_count(5)
    for scheme in ("light", "dark"):
        keypad.emulate_media(color_scheme=scheme)
        keypad.evaluate(axe)
        tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
        found = keypad.evaluate("(tags) => axe.run(document, { runOnly: tags })", tags)["violations"]
        assert {violation["id"]: [node["target"] for node in violation["nodes"]] for violation in found} == {}
