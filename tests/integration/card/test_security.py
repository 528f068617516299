"""Text from the network stays text, and the page keeps the desk's strict content policy."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Error, Route, expect

from tests.integration.card.conftest import Card
from tests.support.card_scenarios import SCENARIOS, field
from tests.support.card_server import STATIC

pytestmark = pytest.mark.integration

EVIL = "<img src=x onerror=alert(1)><script>alert(2)</script>"


def test_every_string_of_the_desk_is_shown_as_text(card: Card) -> None:
    card.page.on("dialog", lambda dialog: card.faults.append(f"dialog: {dialog.message}"))
    notice = {"kind": EVIL, "code": EVIL, "text": EVIL, "advice": EVIL}
    result = {"outcome": "approved", "authorisation_code": EVIL, "brand": EVIL, "last4": EVIL, "reason": EVIL}
    evil_field = field("card_number", "valid", 16, brand=EVIL, masked=EVIL)
    other = {
        "name": EVIL,
        "state": "invalid",
        "count": 1,
        "min": 1,
        "max": 2,
        "brand": None,
        "masked": None,
        "reason": EVIL,
    }
    card.open("ready")
    for scenario in ("approved", "capturing", "ready"):
        card.show(
            scenario,
            caller=EVIL,
            called=EVIL,
            tenant=EVIL,
            deadline_reason=EVIL,
            notice=notice,
            result=result,
            fields=[evil_field, other],
            payments={"allowed": scenario != "ready", "reason": EVIL},
        )
        expect(card.root.locator(".caller")).to_have_text(EVIL)
        expect(card.page.locator(".row-caller")).to_have_text(EVIL)
        assert card.page.locator("img[src=x], script:not([src])").count() == 0
        assert card.root.locator("img, script").count() == 0


def test_no_script_makes_html_from_text_or_writes_style_attributes() -> None:
    sinks = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|setAttribute\(.style"
    )
    scripts = [*STATIC.rglob("*.js")]
    assert len(scripts) > 5
    assert [path.name for path in scripts if sinks.search(path.read_text())] == []


def test_no_inline_script_or_style_in_the_pages() -> None:
    for page in STATIC.glob("*.html"):
        text = page.read_text()
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", text), page.name


def test_nothing_is_loaded_from_elsewhere() -> None:
    for path in [*STATIC.rglob("*.js"), *STATIC.rglob("*.css"), *STATIC.rglob("*.html")]:
        links = re.findall(r"https?://[^\s\"')]+", path.read_text())
        assert [link for link in links if link != "http://www.w3.org/2000/svg"] == [], path.name


def test_works_with_trusted_types_enforced(card: Card) -> None:
    def stricter(route: Route) -> None:
        answer = route.fetch()
        policy = answer.headers["content-security-policy"] + "; require-trusted-types-for 'script'"
        route.fulfill(response=answer, headers=answer.headers | {"content-security-policy": policy})

    card.page.route(re.compile(r":\d+/(#.*)?$"), stricter)
    card.open("capturing")
    with pytest.raises(Error, match="TrustedHTML"):
        card.page.evaluate("document.body.insertAdjacentHTML('beforeend', '<i></i>')")
    expect(card.root.locator(".field:visible")).to_have_count(3)
    card.page.evaluate("window.violations.length = 0")  # the one just provoked
    card.faults.clear()


def test_all_states_in_a_row_break_no_policy(card: Card) -> None:
    """The fixture fails the test on any violation, console error or exception."""
    card.open("ready")
    for scenario in SCENARIOS:
        card.show(scenario)


def test_the_card_holds_nothing_but_what_the_desk_said(card: Card) -> None:
    """Nothing is kept in the browser: no storage, no cookie a script can read."""
    card.open("captured")
    kept = card.page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]")
    assert kept == [0, 0, ""]


def test_login_page(card: Card) -> None:
    card.desk("reset")
    card.page.goto(f"{card.base}/login")
    card.page.get_by_label("Name").fill("robin")
    card.page.get_by_label("Password").fill("wrong")
    card.page.get_by_role("button", name="Sign in").click()
    expect(card.page.get_by_role("alert")).to_have_text("Name or password is wrong.")
    card.page.get_by_label("Password").fill("right")
    card.page.keyboard.press("Enter")
    card.page.wait_for_url(f"{card.base}/")
    expect(card.page.locator("#agent")).to_have_text("Robin Hale")


def test_logout(card: Card) -> None:
    card.open("ready")
    card.page.get_by_role("button", name="Log out").click()
    card.page.wait_for_url(f"{card.base}/login")
