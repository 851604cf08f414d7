"""Debian's chromium, driven by Playwright."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

from playwright.async_api import Browser, Page, async_playwright

from tests.deadlines import scaled

CHROMIUM = Path("/usr/bin/chromium")
WAIT_MS = scaled(15.0) * 1000
HEIGHT = 900
LOCALE, TIME_ZONE = "en-GB", "Europe/Berlin"

Scheme = Literal["light", "dark"]


@asynccontextmanager
async def running_chromium() -> AsyncIterator[Browser]:
    """Run a browser without a window until the block ends."""
    # Chromium has no sandbox for root, as which containers of CI run it.
    arguments = ["--no-sandbox"] if os.getuid() == 0 else []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        await browser.close()


async def new_page(browser: Browser, width: int, scheme: Scheme = "light") -> Page:
    """Open a page with a profile of its own; nothing moves on it."""
    context = await browser.new_context(
        viewport={"width": width, "height": HEIGHT},
        color_scheme=scheme,
        reduced_motion="reduce",
        locale=LOCALE,
        timezone_id=TIME_ZONE,
        accept_downloads=True,
    )
    context.set_default_timeout(WAIT_MS)
    return await context.new_page()
