from pathlib import Path

import orjson
import pytest
from aiohttp import web
from yarl import URL

from domain.errors import CanvasResponseUnusable
from infrastructure.canvas.pagination import next_page_url
from tests.infrastructure.canvas.fake_servers import (
    TOKEN,
    FakeCanvasServer,
    json_response,
    open_client,
    serve_handler,
)
from tests.infrastructure.canvas.rows import course_row

RECORDED_LINKS = orjson.loads(
    (Path(__file__).parent / "bodies/headers/link-headers.json").read_bytes()
)
REQUESTED_URL = URL("https://canvas.example.edu/api/v1/courses")


@pytest.mark.parametrize(
    ("name", "query"),
    [
        (
            "ordinal_first_page",
            [
                ("enrollment_state", "active"),
                ("include[]", "term"),
                ("page", "2"),
                ("per_page", "2"),
            ],
        ),
        ("bookmark_first_page", [("page", "bookmark:WzEyMzQ1XQ"), ("per_page", "100")]),
        ("ordinal_last_page", None),
        ("single_page", None),
        ("bookmark_last_page", None),
    ],
)
def test_the_next_page_url_is_used_unchanged(
    name: str, query: list[tuple[str, str]] | None
) -> None:
    result = next_page_url(RECORDED_LINKS[name], REQUESTED_URL)
    assert (list(result.query.items()) if result else None) == query


@pytest.mark.parametrize(
    "link",
    [
        '</api/v1/courses?page=2>; rel="next"',
        "<https://canvas.example.edu/api/v1/courses?page=2>;rel=next",
        '<https://canvas.example.edu/api/v1/courses?page=2> ; title="a, b; c" ; REL="Prev NEXT"',
        '<https://canvas.example.edu:443/api/v1/courses?page=2>; rel="next"',
        '<http://canvas.example.edu/api/v1/courses?page=2>; rel="next"',
        '<https://canvas.example.edu/x>; rel="first",</api/v1/courses?page=2>; rel="next"',
    ],
)
def test_every_valid_link_syntax_is_understood(link: str) -> None:
    result = next_page_url(link, REQUESTED_URL)
    assert result
    assert result.origin() == REQUESTED_URL.origin()
    assert result.path_qs == "/api/v1/courses?page=2"


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/api/v1/courses?page=2",
        "//evil.example/api/v1/courses?page=2",
        "https://canvas.example.edu.evil.example/api/v1/courses",
        "https://canvas.example.edu:8443/api/v1/courses",
        "https://canvas.example.edu@evil.example/api/v1/courses",
        "https://me:secret@canvas.example.edu/api/v1/courses",
        "http://evil.example/api/v1/courses",
        "http://canvas.example.edu:8080/api/v1/courses",
        "ftp://canvas.example.edu/api/v1/courses",
        "/login/oauth2/token",
        "/api/v1/../../login",
        "/api/v1/%2e%2e/%2e%2e/login",
        "/api/v10/courses",
        "https://[::1/api/v1/courses",
        "https://canvas.example.edu:port/api/v1/courses",
        "javascript:alert(1)",
    ],
)
def test_a_link_to_another_origin_or_path_is_refused(target: str) -> None:
    with pytest.raises(CanvasResponseUnusable):
        next_page_url(f'<{target}>; rel="next"', REQUESTED_URL)


@pytest.mark.parametrize(
    "link",
    [
        "",
        "<>",
        "next",
        '<a>; rel="nextt"',
        "<" * 8000,
        "<a>" + "; a" * 4000,
        '<a>; rel="' + "x" * 8000,
    ],
)
def test_a_header_without_next_link_ends_the_list(link: str) -> None:
    assert next_page_url(link, REQUESTED_URL) is None


@pytest.mark.parametrize("count", [0, 1, 10, 11, 20, 35])
async def test_every_page_is_read(count: int) -> None:
    server = FakeCanvasServer([course_row(str(n)) for n in range(count)], page_size=10)
    async with (
        serve_handler(server) as origin,
        open_client(origin) as canvas,
        canvas.open_account(origin, TOKEN) as account,
    ):
        result = await account.list_courses()
        assert [course["canvas_id"] for course in result] == [str(n) for n in range(count)]
        assert account.requests["total"] == max(1, -(-count // 10))
    assert {request.query["per_page"] for request in server.requests} == {"100"}
    assert all(len(request.query.getall("include[]")) == 7 for request in server.requests)


@pytest.mark.parametrize(("page_step", "max_requests"), [(0, 1), (1, 100)])
async def test_endless_pages_are_an_error(page_step: int, max_requests: int) -> None:
    request_count = 0

    async def respond(request: web.Request) -> web.Response:
        nonlocal request_count
        request_count += 1
        page = int(request.query.get("page", "0"))
        next_url = request.url.update_query(page=page + page_step)
        return json_response([], headers={"Link": f'<{next_url}>; rel="next"'})

    async with (
        serve_handler(respond) as origin,
        open_client(origin) as canvas,
        canvas.open_account(origin, TOKEN) as account,
    ):
        with pytest.raises(CanvasResponseUnusable, match="end"):
            await account.list_courses()
    assert request_count <= max_requests + 1


async def test_a_failed_page_fails_the_whole_list() -> None:
    async def respond(request: web.Request) -> web.Response:
        if "page" in request.query:
            return web.Response(status=404)
        next_url = request.url.update_query(page=2)
        return json_response([course_row()], headers={"Link": f'<{next_url}>; rel="next"'})

    async with (
        serve_handler(respond) as origin,
        open_client(origin) as canvas,
        canvas.open_account(origin, TOKEN) as account,
    ):
        with pytest.raises(CanvasResponseUnusable):
            await account.list_courses()
