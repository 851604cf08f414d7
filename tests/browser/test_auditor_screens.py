"""The main acts of an auditor: the time machine, differences, events with proofs, verification."""

import re

import pytest
from playwright.async_api import Locator, expect

from tests.browser.conftest import at_both_widths
from tests.browser.console_page import ConsolePage
from tests.browser.demo_client import DemoClient, Document

pytestmark = pytest.mark.asyncio(loop_scope="session")


def row_of(console: ConsolePage, change: Document) -> Locator:
    """The row of an assignment in the view of the time machine."""
    table = console.page.get_by_role("table", name="Assignments")
    return table.get_by_role("row").filter(has_text=change["assignment_name"]).first


async def open_time_machine(console: ConsolePage, connection_id: str, query: str) -> None:
    await console.sign_in("auditor", f"#/auditor/connection/{connection_id}?{query}")
    await console.give_purpose()
    await expect(console.heading("What the student saw")).to_be_visible()


async def test_the_purpose_is_asked_once_and_connections_are_found(
    console: ConsolePage, client: DemoClient, width: int
) -> None:
    connection = await client.make_healthy()
    await console.sign_in("auditor", "#/auditor")
    await expect(console.heading("Why do you read this?")).to_be_visible()
    await console.give_purpose(f"complaint {width}")
    await console.page.get_by_role("link", name=connection["canvas_user"]["name"]).first.click()
    await expect(console.heading("What the student saw")).to_be_visible()
    purpose = console.page.get_by_role("region", name="Purpose of your readings")
    await expect(purpose).to_contain_text(f"complaint {width}")
    await console.open("#/auditor/readings", "Who read what")
    table = console.page.get_by_role("table", name="Readings")
    await expect(table).to_contain_text(f"complaint {width}")


@at_both_widths
async def test_the_time_machine_shows_an_earlier_score_and_the_difference(
    console: ConsolePage, client: DemoClient
) -> None:
    connection = await client.make_healthy()
    old = await client.change_grade(1)
    new = await client.change_grade(1)
    before, after = (f"{change['current']['score']:g}" for change in (old, new))
    await open_time_machine(console, connection["id"], f"as_of={new['changed_at']}")
    await expect(row_of(console, new)).to_contain_text(after)
    changed_here = console.card("Changed at this moment")
    await expect(changed_here).to_contain_text(new["assignment_name"])
    await console.button("Compare with the change before").click()
    difference = console.card("Compare with another moment")
    await expect(difference).to_contain_text(f"{before}")
    await expect(difference).to_contain_text(f"{after}")
    slider = console.page.get_by_role("slider", name="Moment")
    await slider.focus()
    await console.page.keyboard.press("ArrowLeft")
    await expect(row_of(console, new)).to_contain_text(before)
    await expect(console.page.get_by_label("Date and time")).not_to_have_value("")
    assert "as_of=" in console.page.url


@at_both_widths
async def test_an_event_is_shown_with_its_sentence_and_its_proof(
    console: ConsolePage, client: DemoClient
) -> None:
    change = await client.newest_change()
    connection = await client.make_healthy()
    path = f"/api/v1/audit/connections/{connection['id']}/events?type=GradeChanged&limit=500"
    await client.wait_until_sealed(path)
    await console.sign_in("auditor", f"#/auditor/events/{connection['id']}?type=GradeChanged")
    await console.give_purpose()
    event = console.page.locator("details.event").filter(has_text=change["assignment_name"]).first
    await event.locator("summary").first.click()
    await event.get_by_role("button", name="Show the proof").click()
    checks = event.locator(".checks li")
    await expect(checks).to_have_count(3)
    for check in await checks.all_inner_texts():
        assert check.startswith("Correct: ")


@at_both_widths
async def test_the_whole_log_is_verified(console: ConsolePage, client: DemoClient) -> None:
    await client.make_healthy()
    await console.sign_in("auditor", "#/auditor/proofs")
    await console.give_purpose()
    await console.button("Verify the whole log now").click()
    await expect(console.card("Verify the log")).to_contain_text("No difference was found")


@pytest.mark.parametrize(
    ("screen", "query"),
    [
        ("connection", "as_of=garbage"),
        ("connection", "as_of=1"),
        ("connection", "as_of=2026-02-30T00:00:00Z"),
        ("connection", "from=999999"),
        ("events", "since=20"),
    ],
)
async def test_a_link_without_a_valid_moment_shows_no_history(
    console: ConsolePage, client: DemoClient, screen: str, query: str
) -> None:
    connection = await client.make_healthy()
    await console.sign_in("auditor", f"#/auditor/{screen}/{connection['id']}?{query}")
    await console.give_purpose()
    notice = console.page.get_by_role("alert")
    await expect(notice).to_contain_text("This link has no valid moment.")
    await expect(console.page.locator("main h2")).to_have_count(0)
    await notice.get_by_role("link").click()
    await expect(notice).to_have_count(0)
    await expect(console.page.locator("main h2").first).to_be_visible()


@pytest.mark.parametrize("name", ["as_of", "from"])
async def test_a_moment_in_the_future_is_now_and_the_screen_states_so(
    console: ConsolePage, client: DemoClient, name: str
) -> None:
    connection = await client.make_healthy()
    await open_time_machine(console, connection["id"], f"{name}=2099-01-01T00:00:00Z")
    await expect(
        console.page.get_by_text("A moment of this link is in the future.")
    ).to_be_visible()
    await expect(console.heading("The student's view now", 2)).to_be_visible()
    await expect(console.page.locator("main")).not_to_contain_text("2099")


async def test_commands_of_proofs_have_the_names_of_the_files(
    console: ConsolePage, client: DemoClient
) -> None:
    await client.make_healthy()
    await console.sign_in("auditor", "#/auditor/proofs")
    await console.give_purpose()
    names: list[str] = []
    for button in ("Download the checkpoint", "Download the key"):
        async with console.page.expect_download() as download:
            await console.button(re.compile(f"^{button}")).first.click()
        names.append((await download.value).suggested_filename)
    checkpoint, key = names
    command = f"easeboard audit verify --since {checkpoint} --vkey {key}"
    await expect(console.page.get_by_text(command)).to_be_visible()


async def test_the_figure_of_current_courses_counts_the_rows_that_are_current(
    console: ConsolePage, client: DemoClient
) -> None:
    connection = await client.make_healthy()
    courses = await client.items("/api/v1/canvas/courses")
    current = [each for each in courses if (each["state"], each["role"]) == ("active", "student")]
    await open_time_machine(console, connection["id"], "")
    figure = console.page.locator(".figure").filter(has_text="Current courses")
    await expect(figure).to_contain_text(str(len(current)))
    badges = console.page.get_by_role("table", name="Courses").locator(".badge")
    await expect(badges.get_by_text("Current", exact=True)).to_have_count(len(current))
