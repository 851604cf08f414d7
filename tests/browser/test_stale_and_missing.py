"""What the console shows when data are old, missing or erased, and at unknown addresses."""

import orjson
import pytest
from playwright.async_api import Route, WebSocketRoute, expect

from tests.browser.console_page import ConsolePage
from tests.browser.demo_client import DemoClient

pytestmark = pytest.mark.asyncio(loop_scope="session")

STATUS, EXPORT = "/api/v1/admin/status", "/api/v1/me/export"
UNAVAILABLE = {
    "type": "/problems/database-unavailable",
    "title": "Database not available",
    "status": 503,
    "detail": "The database does not respond.",
    "instance": STATUS,
    "request_id": "1",
}


async def refuse(route: Route) -> None:
    """Answer as a service whose database is away."""
    body = orjson.dumps(UNAVAILABLE).decode()
    await route.fulfill(status=503, content_type="application/problem+json", body=body)


@pytest.mark.parametrize(
    "fragment", ["#/%", "#/student/%F0%9F", "#/student/toString", "#/toString"]
)
async def test_an_address_without_a_screen_is_named_so(console: ConsolePage, fragment: str) -> None:
    await console.sign_in("student", fragment)
    await expect(console.heading("This page does not exist")).to_be_visible()


@pytest.mark.parametrize(
    ("fragment", "role"), [("#/admin/people", "admin"), ("#/auditor", "auditor")]
)
async def test_without_the_role_there_is_only_a_message(
    console: ConsolePage, fragment: str, role: str
) -> None:
    await console.sign_in("student", fragment)
    await expect(console.heading("Role missing")).to_be_visible()
    main = console.page.get_by_role("main")
    await expect(main).to_contain_text(f"for people with the role {role}")
    await expect(main.get_by_role("heading")).to_have_count(1)
    await expect(main.get_by_role("button")).to_have_count(0)


async def test_nothing_is_called_well_while_easeboard_gives_no_status(
    console: ConsolePage, client: DemoClient
) -> None:
    await client.make_healthy()
    await console.sign_in("admin", "#/admin")
    lead = console.page.locator(".lead")
    await expect(lead).to_contain_text("Checked at")
    console.expect_refusal(503, STATUS)
    await console.page.route(f"**{STATUS}", refuse)
    await expect(lead).to_contain_text("No check has succeeded since")
    await expect(console.page.get_by_text("The data below were loaded at")).to_be_visible()
    await expect(console.page.locator(".notice-good")).to_have_count(0)


async def test_the_overview_names_a_rejected_token(
    console: ConsolePage, client: DemoClient
) -> None:
    connection = await client.make_healthy()
    await console.sign_in("student", "#/student")
    lead = console.page.locator(".lead")
    await expect(lead).to_contain_text("Up to date with Canvas as of")
    await client.control("expire_token")
    await client.sync(connection["id"])
    await expect(console.page.get_by_text("Canvas no longer accepts your token")).to_contain_text(
        "The data are of"
    )
    await expect(lead).to_contain_text("The last complete sync ended")
    await console.page.get_by_role("link", name="Enter a new token").click()
    await expect(console.heading("Canvas accounts")).to_be_visible()


async def test_the_overview_names_a_canvas_that_does_not_answer(
    console: ConsolePage, client: DemoClient
) -> None:
    connection = await client.make_healthy()
    await client.control("host_away", how="unavailable")
    await client.sync(connection["id"])
    await console.sign_in("student", "#/student")
    text = f"{connection['canvas_name']} did not answer at"
    await expect(console.page.get_by_text(text)).to_contain_text("The data are of")
    await expect(console.page.locator(".lead")).not_to_contain_text("Up to date")


async def test_a_person_who_is_erased_is_signed_out_everywhere(console: ConsolePage) -> None:
    """The stream is ended as the service ends it; the student of the other tests stays."""
    streams: list[WebSocketRoute] = []

    def follow(stream: WebSocketRoute) -> None:
        streams.append(stream)
        stream.connect_to_server()

    async def state_erasure(route: Route) -> None:
        response = await route.fetch()
        document = await response.json()
        document["account"]["erased_at"] = "2026-11-27T14:03:00Z"
        await route.fulfill(response=response, json=document)

    await console.page.route_web_socket("**/ws/sync-status", follow)
    await console.page.route(f"**{EXPORT}", state_erasure)
    await console.sign_in("student", "#/student")
    await expect(console.page.get_by_text("Live", exact=True)).to_be_visible()
    await streams[-1].close(code=4410)
    text = "You were signed out. Your data was erased on 27 Nov 2026, 15:03."
    await expect(console.page.get_by_text(text)).to_be_visible()


async def test_a_stream_that_is_lost_is_opened_again(console: ConsolePage) -> None:
    streams: list[WebSocketRoute] = []

    def follow(stream: WebSocketRoute) -> None:
        streams.append(stream)
        stream.connect_to_server()

    await console.page.route_web_socket("**/ws/sync-status", follow)
    await console.sign_in("student", "#/student")
    live = console.page.get_by_text("Live", exact=True)
    await expect(live).to_be_visible()
    await streams[-1].close(code=1012)
    await expect(live).to_have_count(0)
    await expect(live).to_be_visible()


async def test_a_read_without_an_answer_ends_and_is_repeated(console: ConsolePage) -> None:
    """The limit is shortened: half a minute is too long for a test."""
    page = console.page
    await page.add_init_script("""
        const timeout = AbortSignal.timeout.bind(AbortSignal);
        AbortSignal.timeout = milliseconds => timeout(Math.min(milliseconds, 2000));
    """)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    await page.route("**/api/v1/canvas/data", hold)
    await console.sign_in("student", "#/student/courses")
    await expect(page.get_by_role("alert").first).to_contain_text(
        "easeboard does not answer. Check your connection; the page tries again."
    )
    assert held
    await page.unroute_all()
    await expect(page.get_by_role("alert")).to_have_count(0)
