"""A press is one request with one key; nothing is shown as done before the desk says so."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.integration.card.conftest import Card
from tests.support.card_scenarios import REFERENCE

pytestmark = pytest.mark.integration

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def test_a_press_is_one_post_with_csrf_and_key(card: Card) -> None:
    card.open("ready")
    card.button("secure").click()
    expect(card.button("secure")).to_have_text("Securing…")
    (post,) = card.posts()
    assert post["path"] == f"/v1/calls/{REFERENCE}/secure"
    assert post["body"] == {}
    assert post["headers"]["x-csrf-token"] == "csrf-1"
    assert UUID.fullmatch(post["headers"]["idempotency-key"])


def test_the_state_stays_until_the_desk_moves_it(card: Card) -> None:
    card.open("ready")
    card.button("secure").click()
    expect(card.button("secure")).to_have_text("Securing…")
    expect(card.button("secure")).to_have_attribute("aria-disabled", "true")
    expect(card.root.locator(".title")).to_have_text("The line is open")
    expect(card.root).to_have_attribute("data-tone", "plain")
    card.show("secured")
    expect(card.root.locator(".title")).to_have_text("The line is secure")


def test_double_click_is_one_press(card: Card) -> None:
    card.open("ready", playing=True)
    card.button("secure").dblclick()
    expect(card.root).to_have_attribute("data-state", "secured")
    assert [post["path"].rsplit("/", 1)[1] for post in card.posts()] == ["secure"]


def test_the_second_half_of_a_double_click_presses_nothing(card: Card) -> None:
    """When the desk is fast, the second click meets another button in the same place."""
    card.open("secured")
    card.button("capture").evaluate(
        "(node) => node.dispatchEvent(new MouseEvent('click', {detail: 2, bubbles: true}))"
    )
    card.page.wait_for_timeout(200)
    assert card.posts() == []


def test_a_held_enter_key_is_one_press(card: Card) -> None:
    card.open("ready")
    card.button("secure").focus()
    for _ in range(5):
        card.page.keyboard.down("Enter")
    card.page.keyboard.up("Enter")
    card.page.keyboard.press("Enter")
    expect(card.button("secure")).to_have_text("Securing…")
    assert len(card.posts()) == 1


def test_a_key_held_on_start_again_starts_again_once(card: Card) -> None:
    """A reset leaves its button in place, so nothing but the repeat flag tells a held key from a second wish."""
    card.open("capturing_invalid")
    card.root.get_by_role("button", name="Start expiry date again").focus()
    for _ in range(4):
        card.page.keyboard.down("Enter")
        card.page.wait_for_timeout(80)
    card.page.keyboard.up("Enter")
    assert len(card.posts()) == 1


def test_two_presses_have_two_keys(card: Card) -> None:
    card.open("ready", playing=True)
    card.button("secure").click()
    expect(card.root).to_have_attribute("data-state", "secured")
    card.button("capture").click()
    expect(card.root).to_have_attribute("data-state", "captured")
    first, second = (post["headers"]["idempotency-key"] for post in card.posts())
    assert first != second


def test_a_gateway_error_is_retried_with_the_same_key(card: Card) -> None:
    card.open("ready")
    card.desk("set", refusals=[[502, None], [503, None]])
    card.button("secure").click()
    card.page.wait_for_function(
        "fetch('/test/seen').then((r) => r.json()).then((s) => s.requests.length >= 3)"
    )
    assert len({post["headers"]["idempotency-key"] for post in card.posts()}) == 1


def test_no_answer_offers_the_same_press_again(card: Card) -> None:
    card.open("ready")
    card.desk("set", refusals=[[502, None]] * 3)
    card.button("secure").click()
    retry = card.root.get_by_role("button", name="Send the same press again")
    expect(retry).to_be_visible()
    expect(card.root.locator("#urgent")).to_contain_text("no answer from the desk")
    retry.click()
    card.page.wait_for_function(
        "fetch('/test/seen').then((r) => r.json()).then((s) => s.requests.length >= 4)"
    )
    posts = card.posts()
    assert len(posts) == 4
    assert len({post["headers"]["idempotency-key"] for post in posts}) == 1


def test_a_refused_press_says_reason_and_advice(card: Card) -> None:
    card.open("ready")
    answer = {
        "error": "wrong_state",
        "message": "The call is being secured already.",
        "advice": "Wait a moment.",
    }
    card.desk("set", refusals=[[409, answer]])
    card.button("secure").click()
    notice = card.root.locator(".notice:visible")
    expect(notice).to_contain_text("The call is being secured already.")
    expect(notice).to_contain_text("Wait a moment.")
    expect(card.root.locator("#urgent")).to_contain_text("Wait a moment.")
    expect(card.button("secure")).to_have_text("Secure the line")
    assert len(card.posts()) == 1
    notice.get_by_role("button", name="Close this message").click()
    expect(card.root.locator(".notice:visible")).to_have_count(0)


def test_reset_of_one_field_and_of_all(card: Card) -> None:
    card.open("capturing_invalid")
    card.root.get_by_role("button", name="Start expiry date again").click()
    card.page.wait_for_function(
        "fetch('/test/seen').then((r) => r.json()).then((s) => s.requests.length == 1)"
    )
    card.show("capturing_invalid")
    card.root.get_by_role("button", name="Start again", exact=True).click()
    card.page.wait_for_function(
        "fetch('/test/seen').then((r) => r.json()).then((s) => s.requests.length == 2)"
    )
    assert [post["body"] for post in card.posts()] == [{"field": "expiry"}, {"field": None}]


def test_capture_asks_for_the_fields_the_card_shows(card: Card) -> None:
    card.open("secured")
    expect(card.root.locator(".field:visible")).to_have_count(3)
    card.root.get_by_label("Also ask for the postal code").check()
    expect(card.root.locator(".field:visible")).to_have_count(4)
    card.button("capture").click()
    card.page.wait_for_function(
        "fetch('/test/seen').then((r) => r.json()).then((s) => s.requests.length == 1)"
    )
    fields = ["card_number", "expiry", "security_code", "postal_code"]
    assert card.posts()[0]["body"] == {"fields": fields, "stored_card": None}


def test_a_stored_card_needs_its_code_only(card: Card) -> None:
    card.open("secured")
    card.page.evaluate("document.querySelector('payment-card').setAttribute('stored-card', 'card_17')")
    expect(card.root.locator(".field:visible")).to_have_count(1)
    card.button("capture").click()
    card.page.wait_for_function(
        "fetch('/test/seen').then((r) => r.json()).then((s) => s.requests.length == 1)"
    )
    assert card.posts()[0]["body"] == {"fields": ["security_code"], "stored_card": "card_17"}


@pytest.mark.parametrize(
    ("currency", "typed", "minor", "label"),
    [
        ("GBP", "42.5", 4250, "Charge £42.50"),
        ("GBP", "1,234.00", 123400, "Charge £1,234.00"),
        ("GBP", "0.29", 29, "Charge £0.29"),
        ("JPY", "4250", 4250, "Charge JP¥4,250"),
    ],
)
def test_amount_in_minor_units(card: Card, currency: str, typed: str, minor: int, label: str) -> None:
    card.open("captured", amount=None)
    card.root.get_by_label("Currency").select_option(currency)
    card.root.get_by_label("Amount").fill(typed)
    expect(card.button("charge")).to_have_text(label)
    card.button("charge").click()
    card.page.wait_for_function(
        "fetch('/test/seen').then((r) => r.json()).then((s) => s.requests.length == 1)"
    )
    assert card.posts()[0]["body"] == {"amount": minor, "currency": currency}


@pytest.mark.parametrize(
    ("currency", "typed", "problem"),
    [
        ("GBP", "", "Enter an amount"),
        ("GBP", "42,50", "Write it like 42.50"),
        ("GBP", "1.234.00", "Write it like 42.50"),
        ("GBP", "42.505", "GBP has 2 decimals"),
        ("GBP", "-5", "Write it like 42.50"),
        ("GBP", "0", "The amount is zero"),
        ("GBP", "1000000", "At most 999999.99"),
        ("JPY", "42.50", "JPY has no decimals"),
    ],
)
def test_an_amount_that_is_not_clear_is_not_charged(
    card: Card, currency: str, typed: str, problem: str
) -> None:
    card.open("captured", amount=None)
    card.root.get_by_label("Currency").select_option(currency)
    card.root.get_by_label("Amount").fill(typed)
    card.button("charge").click()
    expect(card.root.locator("#amount-problem")).to_have_text(problem)
    expect(card.root.get_by_label("Amount")).to_be_focused()
    assert card.posts() == []


def test_german_decimals(card: Card) -> None:
    card.open("captured", amount=None)
    card.page.evaluate("document.querySelector('payment-card').setAttribute('locale', 'de-DE')")
    card.root.get_by_label("Currency").select_option("EUR")
    card.root.get_by_label("Amount").fill("1.234,5")
    expect(card.button("charge")).to_have_text(re.compile(r"^Charge 1\.234,50\s€$"))


def test_what_the_agent_typed_is_not_overwritten(card: Card) -> None:
    card.open("capturing", amount=None)
    card.root.get_by_label("Amount").fill("19.99")
    card.show("captured")
    expect(card.root.get_by_label("Amount")).to_have_value("19.99")


def test_events_and_methods_for_the_page_around_it(card: Card) -> None:
    card.open("ready", playing=True)
    script = """() => { window.heard = [];
      for (const name of ["callseal-state", "callseal-result"])
        document.addEventListener(name, (event) => window.heard.push([name, event.detail.state ?? event.detail.outcome])); }"""
    card.page.evaluate(script)
    for step in (
        "secure()",
        "capture(['card_number'])",
        "charge({amount: 999, currency: 'GBP'})",
        "release()",
    ):
        waited = {"secure()": "secured", "release()": "ready"}.get(
            step, "captured" if "capture(" in step else "approved"
        )
        card.page.evaluate(f"document.querySelector('payment-card').{step}")
        expect(card.root).to_have_attribute("data-state", waited)
    heard = card.page.evaluate("window.heard")
    assert heard == [
        ["callseal-state", "securing"],
        ["callseal-state", "secured"],
        ["callseal-state", "capturing"],
        ["callseal-state", "captured"],
        ["callseal-state", "authorising"],
        ["callseal-state", "approved"],
        ["callseal-result", "approved"],
        ["callseal-state", "restoring"],
        ["callseal-state", "ready"],
    ]
