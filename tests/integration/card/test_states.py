"""Every state of the contract: what stands on the card, and what does not."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.integration.card.conftest import Card
from tests.support.card_scenarios import OTHER, REFERENCE, SCENARIOS, evidence, field

pytestmark = pytest.mark.integration

# scenario -> title, main button (None: no main button)
SHOWN: dict[str, tuple[str, str | None]] = {
    "offered": ("Call arriving", None),
    "ready": ("The line is open", "Secure the line"),
    "payments_off": ("Payments are off for this call", None),
    "securing": ("Securing the line…", "Securing…"),
    "secure_failed": ("The line is open", "Secure the line"),
    "secured": ("The line is secure", "Ask for the card"),
    "capturing": ("The line is secure", None),
    "capturing_invalid": ("The line is secure", None),
    "captured": ("The line is secure", "Charge £42.50"),
    "authorising": ("Asking the bank…", "Charging £42.50…"),
    "approved": ("Payment approved", "Back to the call"),
    "declined": ("The line is secure", "Ask for another card"),
    "outcome_unknown": ("Outcome not known", "Back to the call"),
    "restoring": ("Going back to the call…", None),
    "media_at_partner": ("The sound is not back yet", "Try again to come back"),
    "ended": ("The call has ended", None),
    "paid_and_back": ("The line is open", None),
}
SEALED = {"secured", "capturing", "capturing_invalid", "captured", "authorising", "approved", "declined"}


@pytest.mark.parametrize("scenario", sorted(SCENARIOS))
def test_each_state(card: Card, scenario: str) -> None:
    """Its title, its one main button, its colour, and never by colour alone."""
    card.open(scenario)
    title, main = SHOWN[scenario]
    expect(card.root.locator(".title")).to_have_text(title)
    mains = card.root.locator("button[data-main]:visible")
    expect(mains).to_have_count(0 if main is None else 1)
    if main:
        expect(mains).to_have_text(main)

    green = card.root.get_attribute("data-tone") == "seal"
    assert green == (scenario in SEALED)

    expect(card.root.locator(".band-icon svg path").first).to_be_attached()
    for row in card.root.locator(".field:visible").all():
        assert row.locator(".mark svg path").count() > 0
        if row.get_attribute("data-state") in {"valid", "invalid"}:
            assert row.locator(".field-status").inner_text() in {"Valid", "Not valid"}


def test_the_brand_is_shown_once(card: Card) -> None:
    """The desk says it with every field: the security code's length depends on it."""
    names = ("card_number", "expiry", "security_code")
    card.open("captured", fields=[field(name, "valid", 4, brand="visa") for name in names])
    expect(card.root.locator(".brand:visible")).to_have_count(1)


@pytest.mark.parametrize(
    ("states", "says"),
    [
        (("active", "waiting"), "The customer is typing the card number. You cannot hear the keys."),
        (("valid", "active"), "The customer is typing the expiry date. You cannot hear the keys."),
        (("valid", "waiting"), "The customer is typing the expiry date. You cannot hear the keys."),
        (
            ("invalid", "waiting"),
            "The card number is not right. The customer is asked to type it again; you cannot hear the keys.",
        ),
    ],
)
def test_who_types_what_is_said_without_a_gap(card: Card, states: tuple[str, str], says: str) -> None:
    card.open("capturing", fields=[field("card_number", states[0], 4), field("expiry", states[1])])
    expect(card.root.locator(".explain")).to_have_text(says)


def test_a_row_does_not_grow_when_it_becomes_valid(card: Card) -> None:
    card.page.set_viewport_size({"width": 360, "height": 780})
    row = card.root.locator("[data-field=expiry]")
    card.open("capturing", fields=[field("expiry", "active", 4)])
    before = row.bounding_box()
    card.show("capturing", fields=[field("expiry", "valid", 4, masked="••••")])
    expect(row).to_have_attribute("data-state", "valid")
    after = row.bounding_box()
    assert before is not None
    assert after is not None
    assert after["height"] == before["height"]


def test_the_next_call_takes_the_place_of_an_ended_one_only(card: Card) -> None:
    shown = "document.querySelector('payment-card').getAttribute('reference')"
    card.open("ready")
    card.desk("show", scenario="ready", changes={"reference": OTHER})
    expect(card.page.locator("#calls li")).to_have_count(2)
    assert card.page.evaluate(shown) == REFERENCE
    card.desk("show", scenario="ended", changes={"reference": OTHER})
    card.show("ended")
    card.desk("show", scenario="ready", changes={"reference": "f" * 32})
    expect(card.page.locator(f"payment-card[reference='{'f' * 32}']")).to_be_visible()
    expect(card.root.locator(".title")).to_have_text("The line is open")


def test_evidence_ticks_one_by_one(card: Card) -> None:
    card.open("securing", evidence=evidence("partner", "fence"))
    held = {name: "yes" if name in {"partner", "fence"} else "no" for name in evidence()}
    for name, value in held.items():
        expect(card.root.locator(f"[data-proof={name}]")).to_have_attribute("data-held", value)
    expect(card.root.locator("[data-proof=agent_leg]")).to_contain_text("not yet")


def test_dots_fill_with_the_count_against_min_and_max(card: Card) -> None:
    dots = card.root.locator("[data-field=card_number] .dots i")
    card.open("capturing", fields=[field("card_number", "active", 2, min=12, max=19)])
    expect(dots).to_have_count(19)
    expect(dots.locator("xpath=self::i[@class='on']")).to_have_count(2)
    expect(dots.locator("xpath=self::i[@class='maybe']")).to_have_count(7)
    card.show("capturing", fields=[field("card_number", "active", 7, min=15, max=15, brand="amex")])
    expect(dots).to_have_count(15)
    expect(dots.locator("xpath=self::i[@class='on']")).to_have_count(7)
    row = card.root.locator("[data-field=card_number]")
    expect(row.locator(".brand")).to_have_text("Amex")
    expect(row.locator(".field-status")).to_have_text("7 of 15")


def test_an_invalid_field_says_why(card: Card) -> None:
    card.open("capturing_invalid")
    expect(card.root.locator("[data-field=expiry] .field-reason")).to_have_text("The card has expired.")
    expect(card.root.locator("[data-field=card_number] .masked")).to_contain_text("0005")


def test_results(card: Card) -> None:
    card.open("approved")
    expect(card.root.locator(".result")).to_contain_text("£42.50 paid")
    expect(card.root.locator(".result")).to_contain_text("Visa ending 4242")
    expect(card.root.locator(".result")).to_contain_text("A7K29Q")
    card.show("declined")
    expect(card.root.locator(".result")).to_contain_text("not enough funds")
    card.show("outcome_unknown")
    expect(card.root.locator(".band")).to_contain_text("Do not charge again")
    expect(card.button("charge")).to_be_hidden()


def test_a_paid_amount_is_said_and_not_asked_for(card: Card) -> None:
    """Back on the call nothing invites the agent to charge again: the amount is in the result, the button is not the main one."""
    card.open("paid_and_back")
    expect(card.root.locator(".result")).to_contain_text("£42.50 paid")
    expect(card.root.locator(".amount")).to_be_hidden()
    expect(card.root.locator(".explain")).to_contain_text("The payment is taken.")
    expect(card.button("secure")).to_have_text("Secure the line for another payment")
    assert card.button("secure").get_attribute("data-main") is None


def test_a_second_payment_of_a_call_begins_without_the_amount_of_the_first(card: Card) -> None:
    """The desk has forgotten the first charge by then; the box, and the page's own `amount`, must not bring it back."""
    card.open("captured")
    card.page.evaluate("document.querySelector('payment-card').setAttribute('amount', '4250')")
    card.show("approved")
    card.show("paid_and_back")
    card.show("secured")
    expect(card.root.locator("#amount")).to_have_value("")
    card.page.evaluate("document.querySelector('payment-card').setAttribute('amount', '1200')")
    expect(card.root.locator("#amount")).to_have_value("12.00")


def test_an_outcome_that_nobody_knows_leaves_no_amount_to_charge(card: Card) -> None:
    card.open("paid_and_back", result={"outcome": "unknown"}, allowed=[])
    expect(card.root.locator(".amount")).to_be_hidden()
    expect(card.root.locator(".result")).to_contain_text("outcome not known")


def test_an_old_result_does_not_stand_beside_a_new_card(card: Card) -> None:
    card.open("declined")
    result = card.desk("show", scenario="declined")["result"]
    card.show("capturing", result=result)
    expect(card.root.locator(".result")).to_be_hidden()


def test_a_notice_says_what_to_do(card: Card) -> None:
    card.open("secure_failed")
    expect(card.root.locator(".notice:visible")).to_contain_text("A phone refused to move its sound")
    expect(card.root.locator(".notice:visible")).to_contain_text("Try once more")


def test_payments_off_says_why(card: Card) -> None:
    card.open("payments_off", allowed=["secure"])  # even if the desk would allow it
    expect(card.root.locator(".explain")).to_have_text("The payment partner cannot be reached.")
    expect(card.button("secure")).to_be_hidden()


def test_a_carrier_that_is_not_trusted_is_named(card: Card) -> None:
    card.open(
        "payments_off", payments={"allowed": False, "reason": "carrier_not_trusted"}, allowed=["secure"]
    )
    expect(card.root.locator(".explain")).to_have_text(
        "This call came over a phone company that is not trusted with payments."
    )
    expect(card.button("secure")).to_be_hidden()


def test_payments_that_go_off_while_the_card_is_open_take_the_button_away(card: Card) -> None:
    card.open("ready")
    expect(card.button("secure")).to_be_visible()
    card.show("ready", payments={"allowed": False, "reason": "canary_failed"}, allowed=[])
    expect(card.root.locator(".explain")).to_contain_text("A test call heard card digits")
    expect(card.button("secure")).to_be_hidden()


def test_countdown_shows_only_deadlines_that_concern_the_agent(card: Card) -> None:
    card.open("ready")
    expect(card.root.locator(".ring")).to_be_hidden()
    card.show("capturing")
    expect(card.root.locator(".ring .seconds")).to_have_text(re.compile(r"^2\d$"))
    expect(card.root.locator(".deadline")).to_have_text("No digit by then: taking the card is stopped.")


def test_ten_seconds_before_the_end_it_is_said(card: Card) -> None:
    card.open("capturing")
    card.page.clock.install()
    card.page.clock.fast_forward(18_000)
    expect(card.root.locator("#polite")).to_contain_text("10 seconds left")


def test_an_older_snapshot_is_dropped(card: Card) -> None:
    card.open("secured")
    script = """async () => { const { feedFor } = await import("/static/card/feed.js");
      const call = document.querySelector("payment-card").call;
      const fetched = window.fetch;
      window.fetch = async () => new Response(JSON.stringify([{ ...call, version: call.version - 1, state: "ready" }]));
      await feedFor("").resync(); window.fetch = fetched; return document.querySelector("payment-card").state; }"""
    assert card.page.evaluate(script) == "secured"


def test_an_unknown_state_is_not_called_secure(card: Card) -> None:
    card.open("ready", state="teleported")
    expect(card.root).to_have_attribute("data-tone", "warning")
