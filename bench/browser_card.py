"""The agent's page in a real Chromium: in which frame does the card show a call?"""

from __future__ import annotations

from types import TracebackType
from typing import Self

from playwright.async_api import Browser, Page, Playwright, async_playwright

CHROMIUM = "/usr/bin/chromium"
ARGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")

# A look in every frame, and the time of the frame after it: then it is painted.
_WATCH = """
window.seen = {};
const look = () => {
  const reference = document.querySelector("payment-card")?.call?.reference;
  if (reference && !(reference in window.seen)) {
    window.seen[reference] = null;
    requestAnimationFrame(() => { window.seen[reference] = performance.timeOrigin + performance.now(); });
  }
  requestAnimationFrame(look);
};
requestAnimationFrame(look);
"""


class BrowserCard:
    """One agent signed in at the desk. `async with` starts and ends the browser."""

    def __init__(self, url: str, login: str, password: str) -> None:
        self._url = url
        self._login = (login, password)
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None
        self._page: Page | None = None

    async def __aenter__(self) -> Self:
        self._playwright = await async_playwright().start()
        self._browser = await self._playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGS))
        self._page = await self._browser.new_page(reduced_motion="reduce")
        await self._page.goto(self._url)
        await self._page.wait_for_url(f"{self._url}/login")
        await self._page.get_by_label("Name").fill(self._login[0])
        await self._page.get_by_label("Password").fill(self._login[1])
        await self._page.get_by_role("button", name="Sign in").click()
        await self._page.locator("#line[data-line=live]").wait_for()
        await self._page.evaluate(_WATCH)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._browser is not None:
            await self._browser.close()
        if self._playwright is not None:
            await self._playwright.stop()

    async def painted(self, reference: str) -> float:
        """When the frame that shows this call was painted (unix s). Raises playwright's `TimeoutError` after 8 s."""
        if self._page is None:
            raise RuntimeError("the browser is not open")
        shown = await self._page.wait_for_function(
            "reference => window.seen[reference]", arg=reference, timeout=8000
        )
        return float(await shown.json_value()) / 1000
