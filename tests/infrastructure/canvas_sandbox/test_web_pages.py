"""Tests of the pages to which links of the sandbox lead."""

from tests.infrastructure.canvas_sandbox.sandbox_client import (
    SandboxClient,
    SandboxResponse,
    open_sandbox_client,
)


async def fetch(client: SandboxClient, path: str) -> SandboxResponse:
    return await client(f"{client.sandbox.url}{path}", token=None)


async def test_links_of_responses_lead_to_pages() -> None:
    async with open_sandbox_client(links_to_itself=True) as client:
        assignments = await client.assignments("1001")
        for item in list(assignments.values())[:3]:
            assert item["html_url"].startswith(client.sandbox.url)
            page = await client(item["html_url"], token=None)
            assert (page.status, page.headers["Content-Type"]) == (200, "text/html")


async def test_links_lead_to_another_domain_by_default(client: SandboxClient) -> None:
    assignments = await client.assignments("1001")
    assert assignments[10000]["html_url"].startswith("https://canvas.sandbox.example/courses/1001/")


async def test_a_page_shows_what_a_student_sees(client: SandboxClient) -> None:
    client.sandbox.control.rename_course("1001", "Logic <script>")
    client.sandbox.control.set_grade("10000", 3.5)
    client.sandbox.control.set_grade("10001", 4.25, posted=False)

    course = (await fetch(client, "/courses/1001")).body.decode()
    assert "Logic &lt;script&gt;" in course
    assert "<script>" not in course
    assert "3.5 of" in course
    assert "4.25 of" not in course
    assert 'href="/courses/1001/assignments/10000"' in course
    assert "/courses/1001" in (await fetch(client, "/")).body.decode()
    assert "3.5 of" in (await fetch(client, "/courses/1001/assignments/10000")).body.decode()


async def test_pages_of_what_is_not_there_are_404(client: SandboxClient) -> None:
    client.sandbox.control.remove_assignment("10000")
    for path in (
        "/courses/5",
        "/courses/x",
        "/courses/1001/assignments/9",
        "/courses/1001/assignments/10000",
    ):
        assert (await fetch(client, path)).status == 404, path


async def test_pages_are_away_with_the_host(client: SandboxClient) -> None:
    client.sandbox.control.host_away()
    for path in ("/", "/courses/1001"):
        assert (await fetch(client, path)).status == 503
