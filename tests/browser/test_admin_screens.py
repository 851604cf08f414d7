"""The main acts of an admin: what is wrong and why, connections, read models, the schedule."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.browser.conftest import at_both_widths
from tests.browser.console_page import ConsolePage
from tests.browser.demo_client import DemoClient

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def expired_token(client: DemoClient) -> AsyncIterator[None]:
    """Canvas has rejected the token of the student's connection."""
    connection = await client.make_healthy()
    await client.control("expire_token")
    await client.sync(connection["id"])
    yield
    await client.make_healthy()


@at_both_widths
@pytest.mark.usefixtures("expired_token")
async def test_a_rejected_token_is_wrong_with_its_reason_and_its_action(
    console: ConsolePage,
) -> None:
    await console.sign_in("admin", "#/admin")
    finding = (
        console.page.get_by_role("list", name="Findings")
        .get_by_role("listitem")
        .filter(has_text="token")
    )
    await expect(finding.first).to_be_visible()
    await expect(finding.first).to_contain_text("What to do:")
    await expect(finding.first.get_by_text("Runbook: ")).to_be_visible()
    await finding.first.get_by_role("link", name="Open connections").click()
    table = console.page.get_by_role("table", name="Connections, worst first")
    await expect(table).to_contain_text("rejects the token")


@at_both_widths
async def test_a_canvas_that_is_away_is_wrong_and_named(
    console: ConsolePage, client: DemoClient
) -> None:
    connection = await client.make_healthy()
    await client.control("host_away", how="unavailable")
    await client.sync(connection["id"])
    await console.sign_in("admin", "#/admin")
    findings = console.page.get_by_role("list", name="Findings")
    await expect(findings).to_contain_text("What to do:")
    await console.open("#/admin/connections", "Connections")
    host = client.demo.sandbox_url.removeprefix("http://")
    table = console.page.get_by_role("table", name="Connections, worst first")
    await expect(table.get_by_role("row").filter(has_text=host).first).to_contain_text("50")


@at_both_widths
async def test_a_read_model_is_rebuilt_from_the_screen(
    console: ConsolePage, client: DemoClient
) -> None:
    models = await client.items("/api/v1/admin/projections", role="admin")
    (version,) = [model["version"] for model in models if model["name"] == "sync_log"]
    await console.sign_in("admin", "#/admin/projections")
    card = console.card("sync_log")
    await card.get_by_role("button", name="Rebuild…").click()
    dialog = console.page.get_by_role("dialog", name="Rebuild sync_log?")
    await dialog.get_by_role("button", name="Rebuild", exact=True).click()
    await expect(console.toast("The rebuild has started")).to_be_visible()
    await expect(dialog).to_have_count(0)
    await expect(card).to_contain_text(f"Version{version + 1}")
    await expect(card).to_contain_text("in step")


@at_both_widths
async def test_the_schedule_shows_what_is_due(console: ConsolePage, client: DemoClient) -> None:
    await client.sync((await client.make_healthy())["id"])
    await console.sign_in("admin", "#/admin/schedule")
    hours = console.page.get_by_role("list", name="Due by hour").get_by_role("listitem")
    await expect(hours.first).to_be_visible()
    table = console.page.get_by_role("table", name="Due by host")
    await expect(table).to_contain_text(console.demo.sandbox_url.removeprefix("http://"))
    await expect(table).to_contain_text("Not held back")


async def test_a_paused_read_model_is_not_in_step(console: ConsolePage, client: DemoClient) -> None:
    path = "/api/v1/admin/projections/sync_log"
    await client.request("POST", f"{path}/pause", role="admin")
    try:
        await console.sign_in("admin", "#/admin/projections")
        await expect(console.card("sync_log")).to_contain_text("Paused")
        await expect(console.card("sync_log")).not_to_contain_text("in step")
        figures = console.page.locator(".figures")
        await expect(figures).to_contain_text("6 of 7")
        await console.open("#/admin", "What is wrong")
        await expect(figures).to_contain_text("6 of 7")
    finally:
        await client.request("POST", f"{path}/resume", role="admin")
