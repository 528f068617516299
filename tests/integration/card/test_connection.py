"""When the desk goes away the card says so, keeps the last known state apart from the truth, and comes back by itself."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.integration.card.conftest import Card
from tests.support.card_scenarios import OTHER, REFERENCE

pytestmark = pytest.mark.integration


def test_a_lost_connection_is_shown_and_secure_is_not_claimed(card: Card) -> None:
    card.open("secured")
    card.desk("set", down=True, drop=True)
    expect(card.root).to_have_attribute("data-live", "no")
    expect(card.root).to_have_attribute("data-tone", "stale")
    expect(card.root.locator(".title")).to_have_text("Last known: the line is secure")
    expect(card.root.locator(".notice:visible")).to_contain_text("Connection to the desk lost")
    expect(card.root.locator("#urgent")).to_contain_text("Connection to the desk lost")
    expect(card.button("capture")).to_be_hidden()
    expect(card.button("cancel")).to_be_visible()  # the way back stays open: a press may still arrive
    expect(card.page.locator("#calls")).to_contain_text("Last known")


def test_it_comes_back_with_what_happened_meanwhile(card: Card) -> None:
    card.open("capturing")
    card.desk("set", down=True, drop=True)
    expect(card.root).to_have_attribute("data-live", "no")
    card.desk("show", scenario="captured")
    card.desk("set", down=False)
    expect(card.root).to_have_attribute("data-live", "yes", timeout=15_000)
    expect(card.root).to_have_attribute("data-state", "captured")
    expect(card.root.locator("#polite")).to_contain_text("Connection to the desk is back")
    streams = card.desk("seen")["streams"]
    assert streams[0]["last-event-id"] == ""
    assert int(streams[-1]["last-event-id"]) >= 2


def test_a_short_break_is_not_an_alarm(card: Card) -> None:
    card.open("secured")
    card.page.evaluate("""() => { window.tones = []; const root = document.querySelector("payment-card").shadowRoot;
      new MutationObserver(() => window.tones.push(root.querySelector(".card").dataset.tone))
        .observe(root.querySelector(".card"), { attributeFilter: ["data-tone"] }); }""")
    before = len(card.desk("seen")["streams"])
    card.desk("set", drop=True)
    card.page.wait_for_function(
        "(n) => fetch('/test/seen').then((r) => r.json()).then((s) => s.streams.length > n && s.open === 1)",
        arg=before,
    )
    expect(card.root).to_have_attribute("data-live", "yes")
    assert "stale" not in card.page.evaluate("window.tones")


def test_a_silent_line_is_a_lost_line(card: Card) -> None:
    """No byte for 7 s, two pings and more: the TCP connection may live, the desk is not heard."""
    card.open("secured")
    card.page.clock.install()
    card.page.reload()
    expect(card.root).to_have_attribute("data-live", "yes")
    card.desk("set", down=True)  # the open stream stays open and says nothing
    card.page.clock.fast_forward(6_000)
    expect(card.root).to_have_attribute("data-live", "yes")
    card.page.clock.fast_forward(1_100)
    card.page.clock.fast_forward(1_100)
    expect(card.root).to_have_attribute("data-live", "no")


def test_a_call_the_desk_no_longer_knows_is_over(card: Card) -> None:
    card.open("secured")
    card.desk("set", forget=REFERENCE, drop=True)
    expect(card.root).to_have_attribute("data-state", "ended")
    expect(card.root.locator(".notice:visible")).to_contain_text("no longer knows this call")
    expect(card.root.locator(".actions button:visible")).to_have_count(0)


def test_signed_out_offers_the_way_in(card: Card) -> None:
    card.open("ready")
    card.desk("set", signed_in=False, drop=True)
    link = card.root.get_by_role("link", name="Sign in again")
    expect(link).to_be_visible()
    expect(link).to_have_attribute("href", "/login")


def test_two_cards_share_one_connection(card: Card) -> None:
    card.open("ready")
    before = card.desk("seen")["open"]
    card.page.evaluate(f"""() => {{ const more = document.createElement("payment-card");
      more.setAttribute("reference", "{REFERENCE}"); document.body.append(more); }}""")
    expect(card.page.locator("payment-card").nth(1).locator(".title")).to_have_text("The line is open")
    assert card.desk("seen")["open"] == before == 1


def test_another_call_keeps_the_connection(card: Card) -> None:
    card.open("ready")
    before = len(card.desk("seen")["streams"])
    card.desk("show", scenario="secured", changes={"reference": OTHER})
    card.page.evaluate(f"document.querySelector('payment-card').setAttribute('reference', '{OTHER}')")
    expect(card.root.locator(".title")).to_have_text("The line is secure")
    assert len(card.desk("seen")["streams"]) == before


def test_a_removed_card_leaves(card: Card) -> None:
    card.open("ready")
    card.page.evaluate("document.querySelector('payment-card').remove()")
    card.desk("show", scenario="secured")
    expect(card.page.locator("#calls")).to_contain_text("The line is secure")


def test_server_sent_events_are_parsed_as_the_standard_says(card: Card) -> None:
    card.open("ready")
    chunks = [
        "\r\nevent: call\r",
        "\nid: 7\ndata: one\ndata: two\n",
        "\n: comment\n\ndata:x\n\n",
        "data: unfinished\n",
    ]
    script = """async (chunks) => { const { eventParser } = await import("/static/card/feed.js");
      const out = []; const parse = eventParser((event) => out.push([event.type, event.data, event.id]));
      chunks.forEach(parse); return out; }"""
    assert card.page.evaluate(script, chunks) == [["call", "one\ntwo", "7"], ["message", "x", "7"]]


def test_the_desk_may_live_behind_a_path(card: Card) -> None:
    """As in docs/how-to/embed-the-card.md: a CRM's web server forwards /callseal/ to the desk."""
    card.open("ready")
    card.page.goto("about:blank")
    asked: list[str] = []
    card.page.on("request", lambda request: asked.append(request.url.removeprefix(card.base)))
    card.page.goto(f"{card.base}/callseal/")
    expect(card.root).to_have_attribute("data-live", "yes")
    expect(card.page.locator("payment-card .unstyled")).to_have_count(0)
    card.button("secure").click()
    expect(card.button("secure")).to_have_text("Securing…")
    card.page.get_by_role("button", name="Log out").click()
    card.page.wait_for_url(f"{card.base}/callseal/login")
    card.page.get_by_label("Name").fill("robin")
    card.page.get_by_label("Password").fill("right")
    # By the button: a key that comes before the browser has drawn the page may go nowhere. (Enter: test_security.py.)
    with card.page.expect_response(f"{card.base}/callseal/v1/login") as answer:
        card.page.get_by_role("button", name="Sign in").click()
    assert answer.value.status == 200
    card.page.wait_for_url(f"{card.base}/callseal/")
    assert asked
    assert [path for path in asked if not path.startswith("/callseal/")] == []
