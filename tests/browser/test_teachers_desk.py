"""The teacher's desk: a change of the sandbox is on the student's screen, without a reload."""

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Locator, expect

from tests.browser.chromium import TIME_ZONE
from tests.browser.conftest import NARROW, at_both_widths
from tests.browser.console_page import ConsolePage
from tests.browser.demo_client import DemoClient

pytestmark = pytest.mark.asyncio(loop_scope="session")


def student_panel(console: ConsolePage) -> Locator:
    return console.page.get_by_role("complementary", name="The student's screen")


async def open_desk(console: ConsolePage) -> None:
    await console.sign_in("student", "#/desk")
    await expect(console.button("Set the grade")).to_be_visible()
    await expect(student_panel(console).get_by_text("Connected")).to_be_visible()
    await console.page.evaluate("window.isSamePage = true")


async def is_same_page(console: ConsolePage) -> bool:
    return bool(await console.page.evaluate("window.isSamePage === true"))


@at_both_widths
async def test_a_grade_that_is_set_appears_on_the_students_screen(console: ConsolePage) -> None:
    await open_desk(console)
    assignment = (
        await console.page.get_by_label("Assignment", exact=True)
        .locator("option:checked")
        .inner_text()
    )
    score = console.page.get_by_label("Score")
    new = await score.input_value()
    await console.button("Set the grade").click()
    await expect(console.toast(assignment)).to_contain_text(new)
    change = student_panel(console).get_by_role("listitem").filter(has_text=assignment).first
    await expect(change).to_contain_text(f"→ {new}")
    assert await is_same_page(console)


async def test_a_moved_due_date_appears_on_the_students_screen(
    console: ConsolePage, width: int
) -> None:
    await open_desk(console)
    assignment = (
        await console.page.get_by_label("Assignment", exact=True)
        .locator("option:checked")
        .inner_text()
    )
    day = datetime.now(ZoneInfo(TIME_ZONE)) + timedelta(days=3 if width == NARROW else 4)
    await console.page.get_by_label("Due", exact=True).fill(f"{day:%Y-%m-%d}T14:30")
    await console.button("Move the due date").click()
    written = f"{day.day} {day:%b %Y}, 14:30"
    await expect(console.page.get_by_text(f"Now {written}")).to_be_visible()
    await console.open("#/student/assignments", "Assignments")
    row = console.page.get_by_role("listitem").filter(has_text=assignment).first
    await expect(row).to_contain_text(written)
    assert await is_same_page(console)


async def test_a_course_that_ends_leaves_the_students_current_courses(
    console: ConsolePage, client: DemoClient
) -> None:
    await open_desk(console)
    course = console.page.get_by_label("Course", exact=True).locator("option:checked")
    course_id, name = await course.get_attribute("value"), await course.inner_text()
    entry = student_panel(console).get_by_role("link", name=name, exact=True)
    await expect(entry).to_be_visible()
    try:
        await console.button("Conclude the course").click()
        await expect(console.toast(f"{name} has ended")).to_be_visible()
        # The course stays the shown one, although it is the last of the list now.
        await expect(console.button("Reopen the course")).to_be_visible()
        await expect(console.card("End of the course")).to_contain_text(f"{name} has ended")
        await expect(console.button("Conclude the course")).to_have_count(0)
        await expect(entry).to_have_count(0)
        await console.button("Reopen the course").click()
        await expect(console.toast(f"{name} is open again")).to_be_visible()
        await expect(entry).to_be_visible()
    finally:
        await client.control("conclude_course", course_id=course_id, concluded=False)


async def test_a_due_date_before_2000_is_refused_with_a_sentence(console: ConsolePage) -> None:
    await open_desk(console)
    await console.page.get_by_label("Due", exact=True).fill("0001-01-01T00:00")
    await console.button("Move the due date").click()
    await expect(console.page.get_by_role("alert")).to_contain_text("from 2000 to 2100")


@at_both_widths
async def test_an_expired_token_is_replaced_on_the_desk(console: ConsolePage) -> None:
    # A sync may be under way when the desk wants another one.
    console.expect_refusal(409, "/api/v1/canvas/connections/")
    await open_desk(console)
    panel = student_panel(console)
    await console.button("Expire the token").click()
    await expect(panel.get_by_text("Token rejected")).to_be_visible()
    await console.button("Issue a new token").click()
    await console.button("Repair the connection with it").click()
    await expect(panel.get_by_text("Connected")).to_be_visible()
    assert await is_same_page(console)


async def test_canvas_goes_away_and_comes_back(console: ConsolePage) -> None:
    await open_desk(console)
    panel = student_panel(console)
    await console.button("Take Canvas away").click()
    await expect(panel.get_by_text("Last sync failed")).to_be_visible()
    await console.button("Bring Canvas back").click()
    await expect(panel.get_by_text("Connected")).to_be_visible()


async def test_without_the_checkbox_no_sync_is_started(
    console: ConsolePage, client: DemoClient
) -> None:
    await open_desk(console)
    requests: list[str] = []
    console.page.on("request", lambda request: requests.append(f"{request.method} {request.url}"))
    await console.page.get_by_label("Sync after each change").uncheck()
    hint = console.page.get_by_text(re.compile(r"^Now .* points\.$"))
    before = await hint.inner_text()
    await console.button("Set the grade").click()
    await expect(hint).not_to_have_text(before)
    assert [line for line in requests if line.startswith("POST") and line.endswith("/sync")] == []
    await client.sync((await client.make_healthy())["id"])


async def test_an_auditor_switches_to_the_student(console: ConsolePage) -> None:
    await console.sign_in("auditor", "#/desk")
    await console.button("Use as student").click()
    await expect(console.button("Set the grade")).to_be_visible()


async def test_a_sandbox_that_refuses_is_explained(console: ConsolePage) -> None:
    await open_desk(console)
    await console.page.get_by_label("Score").fill("")
    await console.page.evaluate(
        "document.querySelectorAll('form').forEach((form) => { form.noValidate = true })"
    )
    await console.button("Set the grade").click()
    await expect(console.page.get_by_role("alert")).to_contain_text("Enter the score as a number")
