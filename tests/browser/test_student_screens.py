"""The main acts of a student, against the live service and the sandbox."""

import re
from pathlib import Path

import pytest
from playwright.async_api import Locator, WebSocket, expect

from infrastructure.seals.receipts.receipt_file import parse_receipt
from infrastructure.seals.receipts.verify_receipt import verify_receipt
from infrastructure.seals.signatures import parse_vkey
from tests.browser.conftest import at_both_widths
from tests.browser.console_page import ConsolePage
from tests.browser.demo_client import DemoClient, other_score

pytestmark = pytest.mark.asyncio(loop_scope="session")

SLOW_CANVAS_MS, CANVAS_MS = 400, 120
CURRENT_COURSES = "/api/v1/canvas/courses?state=active"


def number_of_assignments(console: ConsolePage) -> Locator:
    """The line above the list of assignments."""
    return console.page.get_by_role("status").get_by_text(re.compile(r"^\d+ assignments?$"))


@at_both_widths
async def test_an_account_is_connected_and_its_courses_appear(
    console: ConsolePage, client: DemoClient
) -> None:
    connection = await client.make_healthy()
    await client.request("DELETE", f"/api/v1/canvas/connections/{connection['id']}")
    await client.control("set_latency", latency_ms=SLOW_CANVAS_MS)
    console.expect_refusal(422, "/api/v1/canvas/setup")
    page = console.page
    await console.sign_in("student", "#/student")
    await page.get_by_label("Canvas address").fill(f"{client.demo.sandbox_url}/courses/1")
    token = page.get_by_label("Access token")
    await token.fill("7752~wrong")
    await console.button("Connect").click()
    await expect(token).to_have_attribute("aria-invalid", "true")
    await expect(token).to_have_accessible_description(re.compile("token", re.IGNORECASE))
    await token.fill(await client.control("issue_token"))
    await console.button("Connect").click()
    progress = page.get_by_role("progressbar", name=re.compile("^Sync of "))
    await expect(progress.first).to_be_visible()
    await client.control("set_latency", latency_ms=CANVAS_MS)
    await expect(progress).to_have_count(0)
    await console.open("#/student/courses", "Courses")
    courses = await client.assignments()
    await expect(page.get_by_role("link", name=courses[0]["course"])).to_be_visible()


@at_both_widths
async def test_a_grade_arrives_by_a_live_message_without_a_reload(
    console: ConsolePage, client: DemoClient
) -> None:
    messages: list[str] = []

    def collect(socket: WebSocket) -> None:
        socket.on("framereceived", lambda frame: messages.append(str(frame)))

    console.page.on("websocket", collect)
    await console.sign_in("student", "#/student")
    await expect(console.page.get_by_text("Live", exact=True)).to_be_visible()
    await console.page.evaluate("window.isSamePage = true")
    assignment = (await client.assignments())[-1]
    score = other_score(assignment)
    await client.set_grade(assignment["id"], score)
    await expect(console.toast(assignment["name"])).to_contain_text(f"{score:g}")
    card = console.card("Newest grade changes")
    entry = card.get_by_role("listitem").filter(has_text=assignment["name"]).first
    await expect(entry).to_contain_text(f"{score:g}")
    assert any('"type":"grade"' in message.replace(" ", "") for message in messages)
    assert await console.page.evaluate("window.isSamePage === true")


@at_both_widths
async def test_what_if_shows_another_total_and_records_nothing(
    console: ConsolePage, client: DemoClient
) -> None:
    change = await client.change_grade()
    await console.sign_in("student", f"#/student/courses/{change['course_id']}")
    result = console.page.get_by_role("status", name="Result of what if")
    real = await result.text_content() or ""
    field = console.page.get_by_label(f"Score of {change['assignment_name']}", exact=True)
    await field.fill("0")
    # The lowest score may be dropped, so not every figure changes.
    await expect(result).not_to_have_text(real)
    await console.button("Use the real scores again").click()
    await expect(result).to_have_text(real)
    assert (await client.newest_change())["id"] == change["id"]


@at_both_widths
async def test_a_receipt_is_downloaded_and_proves_the_grade(
    console: ConsolePage, client: DemoClient, tmp_path: Path
) -> None:
    change = await client.newest_change()
    # A new grade has a receipt only after some seconds; the page requests it again.
    console.expect_refusal(503, "/api/v1/me/grades/")
    console.expect_refusal(409, "/api/v1/me/grades/")
    await console.sign_in("student", "#/student/grades")
    name = f"Receipt of {change['assignment_name']}"
    async with console.page.expect_download() as download:
        await console.page.get_by_role("button", name=name).first.click()
    path = tmp_path / "receipt.json"
    await (await download.value).save_as(path)
    command = f"easeboard receipt verify {(await download.value).suggested_filename} --vkey vkey"
    await expect(console.page.get_by_text(command)).to_be_visible()
    keys = [parse_vkey(line) for line in (await client.text("/api/v1/audit/key")).splitlines()]
    assert verify_receipt(parse_receipt(path.read_bytes()), keys).statement


@at_both_widths
async def test_the_filter_of_assignments_is_part_of_the_address(
    console: ConsolePage, client: DemoClient
) -> None:
    await console.sign_in("student", "#/student/assignments")
    await console.page.get_by_label("Status").select_option("graded")
    items = await client.items("/api/v1/canvas/assignments?status=graded&limit=500")
    current = {course["id"] for course in await client.items(CURRENT_COURSES)}
    of_current = [item for item in items if item["course_id"] in current]
    assert len(of_current) < len(items)
    await expect(number_of_assignments(console)).to_have_text(f"{len(of_current)} assignments")
    await console.page.get_by_label("Include ended courses").check()
    await expect(number_of_assignments(console)).to_have_text(f"{len(items)} assignments")
    assert "ended=1" in console.page.url
    badges = console.page.locator("main .assignments > li .badge")
    assert set(await badges.all_inner_texts()) <= {"Graded", "Late"}
    assert "status=graded" in console.page.url
    await console.page.get_by_label("Search").fill(items[0]["name"])
    await expect(console.page).to_have_url(re.compile("&q="))
    entries = console.page.locator("main .assignments > li")
    await expect(entries.first).to_contain_text(items[0]["name"])
    await console.button("Clear the filters").click()
    await expect(console.page).to_have_url(re.compile("#/student/assignments$"))


@pytest.mark.parametrize(
    ("query", "figure"),
    [
        ("status=missing", "missing"),
        ("status=overdue", "overdue"),
        ("status=upcoming", "upcoming"),
        ("status=submitted", "submitted"),
        ("status=graded", "graded"),
        ("due=7-days", "due_this_week"),
        ("", "total"),
    ],
)
async def test_a_figure_of_the_dashboard_is_the_length_of_a_list(
    console: ConsolePage, client: DemoClient, query: str, figure: str
) -> None:
    stats = await client.request("GET", "/api/v1/dashboard/stats")
    count = stats["assignments"][figure]
    await console.sign_in("student", f"#/student/assignments?{query}")
    if count:
        expected = f"{count} assignment{'s' if count != 1 else ''}"
        await expect(number_of_assignments(console)).to_have_text(expected)
    else:
        await expect(console.page.get_by_text("No assignment matches.")).to_be_visible()


@pytest.mark.parametrize(
    ("fragment", "heading"),
    [
        ("#/student/courses", "Courses"),
        ("#/student/assignments", "Assignments"),
        ("#/student/grades", "Grade history"),
    ],
)
async def test_without_an_account_a_screen_leads_to_its_connection(
    console: ConsolePage, client: DemoClient, fragment: str, heading: str
) -> None:
    connection = await client.make_healthy()
    await client.request("DELETE", f"/api/v1/canvas/connections/{connection['id']}")
    await console.sign_in("student", fragment)
    await expect(console.heading(heading)).to_be_visible()
    await expect(console.page.get_by_text("No Canvas account is connected yet.")).to_be_visible()
    main = console.page.locator("main")
    await expect(main).not_to_contain_text("first sync")
    await expect(main).not_to_contain_text("the first one is complete")
    await main.get_by_role("link", name="Connect one").click()
    await expect(console.heading("Canvas accounts")).to_be_visible()


async def test_a_negative_score_is_refused_in_a_what_if(
    console: ConsolePage, client: DemoClient
) -> None:
    change = await client.newest_change()
    await console.sign_in("student", f"#/student/courses/{change['course_id']}")
    result = console.page.get_by_role("status", name="Result of what if")
    real = await result.text_content() or ""
    field = console.page.get_by_label(f"Score of {change['assignment_name']}", exact=True)
    await field.fill("-5")
    await expect(field).to_have_accessible_description(re.compile("0 or more"))
    await expect(result).to_have_text(real)


async def test_the_student_reads_who_looked_and_why(
    console: ConsolePage, client: DemoClient, width: int
) -> None:
    connection = await client.make_healthy()
    purpose = f"complaint {width}"
    path = f"/api/v1/audit/connections/{connection['id']}/view?as_of=2026-01-02T12:00:00Z"
    await client.request("GET", path, role="auditor", headers={"Purpose": purpose})
    await console.sign_in("student", "#/student/privacy")
    table = console.page.get_by_role("table", name="Who looked at your data")
    row = table.get_by_role("row").filter(has_text=purpose).first
    await expect(row).to_contain_text("What you saw (at 2 Jan 2026, 13:00:00)")


@at_both_widths
async def test_a_rejected_token_is_replaced_on_the_screen_of_the_account(
    console: ConsolePage, client: DemoClient
) -> None:
    connection = await client.make_healthy()
    await console.sign_in("student", "#/student/connections")
    card = console.card(connection["canvas_name"])
    await expect(card.get_by_text("Connected")).to_be_visible()
    await client.control("expire_token")
    await client.sync(connection["id"])
    await expect(card.get_by_text("Token rejected")).to_be_visible()
    await card.get_by_label("New access token").fill(await client.control("issue_token"))
    await card.get_by_role("button", name="Save the token").click()
    await expect(card.get_by_text("Connected")).to_be_visible()


async def test_a_grade_is_found_with_the_keyboard_alone(
    console: ConsolePage, client: DemoClient
) -> None:
    change = await client.newest_change()
    await console.page.goto(f"{console.demo.url}/")
    await expect(console.button(re.compile("^Student "))).to_be_visible()
    await console.press_until("Student", "Tab", "Enter")
    await expect(console.heading("Overview")).to_be_visible()
    await console.wait_for_data()
    await console.press_until("Skip to the content", "Tab", "Enter")
    await console.press_until(change["assignment_name"], "Tab", "Enter")
    await expect(console.page.locator("[aria-current=true]").first).to_be_visible()
    await expect(console.page).to_have_url(re.compile("#/student/courses/.*change="))
