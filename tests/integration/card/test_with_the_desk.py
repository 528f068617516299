"""One paid call in a real browser on the real desk, which has a partner, an edge and a platform behind real sockets."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import async_playwright, expect

from tests.integration.desk.conftest import anyio_backend, here, limits  # noqa: F401 - fixtures
from tests.support import chromium
from tests.support.desk_places import DESK_URL, PASSWORDS

pytestmark = [pytest.mark.integration, pytest.mark.anyio]

FIELDS = ["card_number", "expiry", "security_code"]


async def test_a_paid_call_in_the_browser(here: Any) -> None:  # noqa: F811
    faults: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium.PROGRAM, args=chromium.HEADLESS)
        page = await browser.new_page(reduced_motion="reduce")
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)

        await page.goto(DESK_URL)
        await page.wait_for_url(f"{DESK_URL}/login")
        await page.get_by_label("Name").fill("alice")
        await page.get_by_label("Password").fill(PASSWORDS["alice"])
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.locator("#agent")).to_have_text("Alice Okafor")

        _, token = await here.offer()
        card = page.locator("payment-card .card")
        title = card.locator(".title")
        await expect(title).to_have_text("The line is open")
        await expect(card.locator(".caller")).to_have_text("+44 7700 900123")
        await card.get_by_role("button", name="Secure the line").click()
        await expect(title).to_have_text("The line is secure")
        await expect(card.locator("[data-held=yes]")).to_have_count(4)

        await card.get_by_role("button", name="Ask for the card").click()
        await expect(card).to_have_attribute("data-state", "capturing")
        await here.partner.type_card(token, FIELDS)
        await expect(card).to_have_attribute("data-state", "captured")
        await expect(card.locator("[data-field=card_number] .masked")).to_have_text(re.compile("4242$"))

        await card.get_by_label("Amount").fill("42.50")
        await card.get_by_role("button", name="Charge £42.50").click()
        await expect(title).to_have_text("Payment approved")
        await expect(card.locator(".result")).to_contain_text("A1B2C3")
        await card.get_by_role("button", name="Back to the call").click()
        await expect(title).to_have_text("The line is open")
        assert here.partner.verbs().count("charge") == 1

        await page.get_by_role("button", name="Log out").click()
        await page.wait_for_url(f"{DESK_URL}/login")
        await browser.close()
    assert [fault for fault in faults if not fault.startswith("Failed to load resource")] == []
