"""What holds for each screen: its title, its headings, its width, and what axe finds."""

from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from tests.browser.chromium import HEIGHT, Scheme
from tests.browser.conftest import at_both_widths
from tests.browser.console_page import ConsolePage
from tests.browser.console_screens import SCREENS, Screen, ids_for_addresses
from tests.browser.demo_client import DemoClient

pytestmark = pytest.mark.asyncio(loop_scope="session")

LOOKS: tuple[tuple[int, Scheme], ...] = ((360, "light"), (1280, "dark"))
SCHEMES: tuple[Scheme, ...] = ("light", "dark")


async def open_screen(console: ConsolePage, client: DemoClient, screen: Screen) -> None:
    fragment = screen.fragment.format(**await ids_for_addresses(client))
    await console.sign_in(screen.role, fragment)
    if screen.role == "auditor":
        await console.give_purpose()
    if screen.heading:
        await expect(console.heading(screen.heading)).to_be_visible()
    await console.wait_for_data()


async def violations(page: Page) -> list[str]:
    """What axe finds on a page: the rule, the element, and what is wrong with it."""
    response: dict[str, Any] = (await Axe().run(page)).response
    return [
        f"{found['id']}: {node['html'][:200]} {node['failureSummary']}"
        for found in response["violations"]
        for node in found["nodes"]
    ]


@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen.name)
async def test_a_screen_is_accessible_and_fits_its_window(
    console: ConsolePage, client: DemoClient, screen: Screen
) -> None:
    await open_screen(console, client, screen)
    page, found = console.page, []
    for width, scheme in LOOKS:
        await page.set_viewport_size({"width": width, "height": HEIGHT})
        await page.emulate_media(color_scheme=scheme)
        if overflow := await console.overflow():
            found.append(f"{width} px: the page is {overflow} px too wide")
        found += [f"{width} px, {scheme}: {each}" for each in await violations(page)]
    assert found == []
    assert await page.locator("h1").count() == 1
    heading = await page.locator("h1").inner_text()
    await expect(page).to_have_title(f"{heading} · easeboard")


@at_both_widths
async def test_the_page_on_which_one_signs_in_is_accessible(console: ConsolePage) -> None:
    await console.page.goto(f"{console.demo.url}/")
    await expect(console.heading("Sign in for development as", 2)).to_be_visible()
    found = []
    for scheme in SCHEMES:
        await console.page.emulate_media(color_scheme=scheme)
        found += await violations(console.page)
    assert found == []
    assert await console.overflow() == 0


async def test_an_unknown_address_is_explained(console: ConsolePage) -> None:
    await console.sign_in("student", "#/student/nothing-here")
    await expect(console.heading("This page does not exist")).to_be_visible()
