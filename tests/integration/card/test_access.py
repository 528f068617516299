"""Keyboard, screen reader, small screens, colour schemes."""

from __future__ import annotations

from typing import Literal

import pytest
from playwright.sync_api import expect

from tests.integration.card.conftest import Card
from tests.support.card_scenarios import DOT, SCENARIOS, field

pytestmark = pytest.mark.integration


def test_a_whole_payment_by_keyboard_alone(card: Card) -> None:
    card.open("ready", playing=True)
    press = card.page.keyboard.press
    card.button("secure").focus()
    press("Enter")
    expect(card.root).to_have_attribute("data-state", "secured")
    press("k")
    expect(card.root).to_have_attribute("data-state", "captured")
    press("m")
    assert card.focused() == "amount"
    card.page.keyboard.type("12.30")
    press("Enter")
    expect(card.root).to_have_attribute("data-state", "approved")
    press("b")
    expect(card.root).to_have_attribute("data-state", "ready")
    assert [post["path"].rsplit("/", 1)[1] for post in card.posts()] == [
        "secure",
        "capture",
        "charge",
        "release",
    ]
    assert card.posts()[2]["body"] == {"amount": 1230, "currency": "GBP"}


def test_focus_never_falls_out_of_the_card(card: Card) -> None:
    """When the focused button goes, the state's title has the focus: Enter there presses nothing."""
    card.open("ready", playing=True)
    card.button("secure").focus()
    card.page.keyboard.press("Enter")
    expect(card.root).to_have_attribute("data-state", "secured")
    assert card.focused() == "state"
    before = len(card.posts())
    card.page.keyboard.press("Enter")
    card.page.keyboard.press(" ")
    assert len(card.posts()) == before


def test_focus_stays_where_it_is_while_digits_come(card: Card) -> None:
    card.open("capturing")
    card.root.get_by_label("Amount").focus()
    for count in range(12, 16):
        card.show("capturing", fields=[field("card_number", "active", count)])
    assert card.focused() == "amount"


def test_keys_do_nothing_outside_the_card_or_in_the_amount(card: Card) -> None:
    card.open("ready")
    card.page.locator("#logout").focus()
    card.page.keyboard.press("s")
    card.root.get_by_label("Amount").focus()
    card.page.keyboard.type("s")
    card.button("secure").focus()
    card.page.keyboard.press("Control+s")
    card.page.keyboard.press("k")  # not allowed in this state
    assert card.posts() == []


def test_r_starts_the_current_field_again(card: Card) -> None:
    card.open("capturing_invalid")
    card.root.locator(".title").focus()
    card.page.keyboard.press("r")
    card.page.wait_for_function(
        "fetch('/test/seen').then((r) => r.json()).then((s) => s.requests.length == 1)"
    )
    assert card.posts()[0]["body"] == {"field": "expiry"}


def test_the_screen_reader_hears_fields_not_digits(card: Card) -> None:
    card.open("capturing", fields=[field("card_number"), field("expiry")])
    # The sentence for the state itself comes a moment after the state: it is no part of what is heard from here on.
    expect(card.root.locator("#polite")).to_contain_text("The customer is typing the card number")
    card.page.evaluate("""() => { window.said = []; const root = document.querySelector("payment-card").shadowRoot;
      for (const id of ["polite", "urgent"]) new MutationObserver(() => {
        const text = root.getElementById(id).textContent; if (text) window.said.push([id, text]); })
        .observe(root.getElementById(id), { childList: true, characterData: true, subtree: true }); }""")
    for count in range(17):
        card.show("capturing", fields=[field("card_number", "active", count), field("expiry")])
    masked = f"{DOT * 4} {DOT * 4} {DOT * 4} 4242"
    valid = field("card_number", "valid", 16, brand="visa", masked=masked)
    card.show("capturing", fields=[valid, field("expiry", "active")])
    expect(card.root.locator("#polite")).to_contain_text("Expiry date")
    assert card.page.evaluate("window.said") == [
        ["polite", "Card number: the customer can type now."],
        ["polite", "Card number valid, Visa ending 4 2 4 2. Expiry date: the customer can type now."],
    ]


def test_losing_secure_interrupts(card: Card) -> None:
    card.open("capturing")
    card.show("restoring")
    expect(card.root.locator("#urgent")).to_contain_text("Going back to the call")


def test_securing_is_polite(card: Card) -> None:
    card.open("ready")
    card.show("secured")
    expect(card.root.locator("#polite")).to_contain_text("The line is secure. You cannot hear the keys.")
    expect(card.root.locator("#urgent")).to_be_empty()


def test_names_and_roles(card: Card) -> None:
    card.open("captured")
    for role, name in [
        ("article", "Payment card"),
        ("list", "Proof that the line is secure"),
        ("textbox", "Amount"),
        ("combobox", "Currency"),
        ("button", "Charge £42.50"),
        ("button", "Cancel payment"),
        ("button", "Start card number again"),
        ("timer", ""),
    ]:
        found = card.page.get_by_role(role, name=name)  # type: ignore[arg-type]
        expect(found.first).to_be_visible()


@pytest.mark.parametrize("width", [320, 390, 768, 1600])
def test_no_sideways_scrolling(card: Card, width: int) -> None:
    card.page.set_viewport_size({"width": width, "height": 800})
    card.open("ready")
    for scenario in SCENARIOS:
        card.show(scenario)
        wide = card.page.evaluate("""() => { const root = document.querySelector("payment-card").shadowRoot;
          const over = [...root.querySelectorAll(".card *")].filter((node) => !node.closest(".vh, svg") && node.getClientRects().length
            && node.getBoundingClientRect().right > root.querySelector(".card").getBoundingClientRect().right + 0.5);
          return [document.documentElement.scrollWidth - window.innerWidth, over.map((node) => node.className)]; }""")
        assert wide[0] <= 0, scenario
        assert wide[1] == [], scenario


def test_reduced_motion_moves_nothing(card: Card) -> None:
    card.open("securing")
    running = "document.querySelector('payment-card').shadowRoot.getAnimations().length + document.getAnimations().length"
    assert card.page.evaluate(running) == 0
    card.page.emulate_media(reduced_motion="no-preference")
    assert card.page.evaluate(running) > 0


def test_forced_colours_keep_the_shapes(card: Card) -> None:
    card.page.emulate_media(forced_colors="active")
    card.open("secured")
    assert card.root.evaluate("(node) => getComputedStyle(node).borderTopWidth") == "4px"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(card: Card, axe: str, scheme: Literal["light", "dark"]) -> None:
    """WCAG 2.2 AA rules of axe-core, contrast included, on every state."""
    card.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    card.open("ready")
    card.page.evaluate(axe)
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found = {}
    for scenario in SCENARIOS:
        card.show(scenario)
        result = card.page.evaluate(
            "(tags) => axe.run(document, { runOnly: tags, resultTypes: ['violations'] })", tags
        )
        for violation in result["violations"]:
            found[f"{scenario}: {violation['id']}"] = [node["target"] for node in violation["nodes"]]
    assert found == {}
    card.page.evaluate("window.violations.length = 0")  # axe itself tries an inline style
    card.faults[:] = [fault for fault in card.faults if "style-src" not in fault]
