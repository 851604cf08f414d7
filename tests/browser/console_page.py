"""A page of the browser that shows the console, and what goes wrong in it."""

import re
from pathlib import Path
from urllib.parse import urlsplit

from playwright.async_api import ConsoleMessage, Locator, Page, Request, expect

from tests.browser.demo_process import DemoAddresses

MAX_STEPS = 80
"""So many keys reach each part of a screen."""
STATUS = re.compile(r"status of (\d+)")


class ConsolePage:
    """The console in a browser.

    `faults` collects errors of the page, violations of the Content-Security-Policy and requests
    that fail, except those that a test names with `expect_refusal`.
    """

    def __init__(self, page: Page, demo: DemoAddresses) -> None:
        self.page = page
        self.demo = demo
        self.faults: list[str] = []
        self._refusals: list[tuple[int, str]] = []
        page.on("console", self._record_message)
        page.on("pageerror", lambda error: self.faults.append(f"exception: {error}"))
        page.on("requestfailed", self._record_failure)

    def expect_refusal(self, status: int, path: str) -> None:
        """Let a request whose path begins with `path` be answered with `status` from now on."""
        self._refusals.append((status, path))

    async def sign_in(self, role: str, fragment: str = "") -> None:
        """Open the console at the address of a screen, and sign in as a role."""
        await self.page.goto(f"{self.demo.url}/{fragment}")
        await self.button(re.compile(f"^{role} ", re.IGNORECASE)).click()
        await expect(self.page.get_by_role("navigation", name="Parts")).to_be_visible()

    async def open(self, fragment: str, heading: str | re.Pattern[str] | None = None) -> None:
        """Go to the address of a screen without a reload; wait for its heading."""
        await self.page.evaluate("fragment => { location.hash = fragment }", fragment)
        if heading is not None:
            await expect(self.heading(heading)).to_be_visible()

    async def give_purpose(self, purpose: str = "a test of the console") -> None:
        """Enter why an auditor reads, which is asked once."""
        await self.page.get_by_label("Purpose").fill(purpose)
        await self.button("Continue").click()

    async def wait_for_data(self) -> None:
        """Wait until the screen is drawn and loads nothing."""
        await expect(self.page.locator("main h1")).to_be_visible()
        await expect(self.page.locator(".loading")).to_have_count(0)

    def heading(self, name: str | re.Pattern[str], level: int = 1) -> Locator:
        """The heading of a screen, or of a part of it."""
        return self.page.get_by_role("heading", name=name, level=level)

    def button(self, name: str | re.Pattern[str]) -> Locator:
        """The button with this name."""
        return self.page.get_by_role("button", name=name, exact=isinstance(name, str))

    def card(self, title: str) -> Locator:
        """The innermost section with this heading of level 2."""
        heading = self.page.get_by_role("heading", name=title, exact=True)
        return self.page.locator("section").filter(has=heading).last

    def toast(self, text: str | re.Pattern[str]) -> Locator:
        """The short message above the page that contains this text."""
        return self.page.locator(".toast").filter(has_text=text).first

    async def press_until(self, text: str, key: str, then: str) -> None:
        """Press a key until the element with the focus begins with this text; then press `then`."""
        script = "document.activeElement.innerText ?? ''"
        for _ in range(MAX_STEPS):
            await self.page.keyboard.press(key)
            if (await self.page.evaluate(script)).startswith(text):
                await self.page.keyboard.press(then)
                return
        raise AssertionError(f"{MAX_STEPS} times {key} do not reach {text!r}")

    async def overflow(self) -> int:
        """By how many pixels the page is wider than its window."""
        script = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        return int(await self.page.evaluate(script))

    async def save_evidence(self, folder: Path) -> str:
        """Write a screenshot into a folder; return its path, the address and the text shown."""
        path = folder / "page.png"
        await self.page.screenshot(path=path, full_page=True)
        text = await self.page.locator("body").inner_text()
        return f"{path}\n{self.page.url}\n{text}"

    def _record_message(self, message: ConsoleMessage) -> None:
        if message.type not in {"error", "warning"}:
            return
        url = message.location["url"]
        status = STATUS.search(message.text)
        if status and self._is_expected(int(status[1]), url):
            return
        self.faults.append(f"{message.type}: {message.text} ({url})")

    def _is_expected(self, status: int, url: str) -> bool:
        path = urlsplit(url).path
        return any(status == given and path.startswith(begin) for given, begin in self._refusals)

    def _record_failure(self, request: Request) -> None:
        # A screen that is left aborts what it loads.
        if request.failure != "net::ERR_ABORTED":
            self.faults.append(f"request failed: {request.method} {request.url} {request.failure}")
