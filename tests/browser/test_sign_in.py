"""Signing in to the console as a role, and out again."""

import re

import pytest
from playwright.async_api import expect

from tests.browser.conftest import at_both_widths
from tests.browser.console_page import ConsolePage

pytestmark = pytest.mark.asyncio(loop_scope="session")

STUDENT, AUDITOR = re.compile("^Student "), re.compile("^Auditor ")
PARTS = {
    "student": ["Student", "Teacher's desk"],
    "auditor": ["Student", "Auditor", "Teacher's desk"],
    "admin": ["Student", "Auditor", "Admin", "Teacher's desk"],
}


@at_both_widths
@pytest.mark.parametrize("role", PARTS)
async def test_a_role_reaches_its_parts(console: ConsolePage, role: str) -> None:
    await console.sign_in(role)
    links = console.page.get_by_role("navigation", name="Parts").get_by_role("link")
    await expect(links).to_have_text(PARTS[role])
    await expect(console.page.get_by_text("Live", exact=True)).to_be_visible()


async def test_a_reload_and_the_button_end_the_session(console: ConsolePage) -> None:
    await console.sign_in("student")
    await console.page.reload()
    await expect(console.button(STUDENT)).to_be_visible()
    await console.button(STUDENT).click()
    await console.button("Sign out").click()
    await expect(console.button(AUDITOR)).to_be_visible()


async def test_the_address_of_a_screen_survives_signing_in(console: ConsolePage) -> None:
    await console.sign_in("student", "#/student/assignments?status=graded")
    await expect(console.heading("Assignments")).to_be_visible()
    assert console.page.url.endswith("#/student/assignments?status=graded")


async def test_the_policy_permits_no_foreign_script(console: ConsolePage) -> None:
    response = await console.page.goto(f"{console.demo.url}/")
    assert response
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
