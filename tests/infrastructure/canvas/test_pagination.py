from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web
from yarl import URL

from domain.errors import CanvasResponseUnusable
from infrastructure.canvas.pagination import next_page_url
from tests.infrastructure.canvas.direct_api import api_of, open_api, read_list
from tests.infrastructure.canvas.fake_servers import (
    FAST_LIMITS,
    FakeCanvasServer,
    json_response,
    open_forbidden_server,
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
    "origin",
    [
        "https://old-name.example",
        "//canvas.instructure.com",
        "http://canvas.example.edu:8080",
        "https://canvas.example.edu:8443",
        "https://canvas.example.edu.evil.example",
        "https://me:secret@canvas.example.edu",
        "https://canvas.example.edu@evil.example",
    ],
)
def test_path_and_query_of_a_link_are_used_at_our_origin(origin: str) -> None:
    result = next_page_url(f'<{origin}/api/v1/courses?page=2>; rel="next"', REQUESTED_URL)
    assert str(result) == "https://canvas.example.edu/api/v1/courses?page=2"


@pytest.mark.parametrize(
    "target",
    [
        "ftp://canvas.example.edu/api/v1/courses",
        "/login/oauth2/token",
        "https://old-name.example/courses",
        "/api/v1/../../login",
        "/api/v1/%2e%2e/%2e%2e/login",
        "/api/v10/courses",
        "https://[::1/api/v1/courses",
        "https://canvas.example.edu:port/api/v1/courses",
        "javascript:alert(1)",
    ],
)
def test_a_link_to_another_path_is_refused(target: str) -> None:
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
    async with api_of(server) as api:
        rows = await read_list(api, query=[("include[]", "term"), ("include[]", "teachers")])
        assert [row["id"] for row in rows] == [str(n) for n in range(count)]
        assert api.requests["total"] == max(1, -(-count // 10))
    assert {request.query["per_page"] for request in server.requests} == {"100"}
    assert all(
        request.query.getall("include[]") == ["term", "teachers"] for request in server.requests
    )


async def test_the_next_page_is_requested_from_our_origin_alone() -> None:
    async with open_forbidden_server() as forbidden:
        other_origin = f"http://127.0.0.1:{forbidden.port}"

        async def respond(request: web.Request) -> web.Response:
            if "page" in request.query:
                return json_response([{"id": "2"}])
            link = f'<{other_origin}/api/v1/courses?page=2>; rel="next"'
            return json_response([{"id": "1"}], headers={"Link": link})

        async with (
            serve_handler(respond) as origin,
            open_api(origin, FAST_LIMITS, other_origin) as api,
        ):
            assert await read_list(api) == [{"id": "1"}, {"id": "2"}]
    assert forbidden.connections == 0


@pytest.mark.parametrize(("page_step", "max_requests"), [(0, 1), (1, 100)])
async def test_endless_pages_are_an_error(page_step: int, max_requests: int) -> None:
    request_count = 0

    async def respond(request: web.Request) -> web.Response:
        nonlocal request_count
        request_count += 1
        page = int(request.query.get("page", "0"))
        next_url = request.url.update_query(page=page + page_step)
        return json_response([], headers={"Link": f'<{next_url}>; rel="next"'})

    async with api_of(respond) as api:
        with pytest.raises(CanvasResponseUnusable, match="end"):
            await read_list(api)
    assert request_count <= max_requests + 1


async def test_the_same_rows_on_every_page_exceed_the_limit() -> None:
    request_count = 0

    async def respond(request: web.Request) -> web.Response:
        nonlocal request_count
        request_count += 1
        next_url = request.url.update_query(page=request_count + 1)
        rows = [{"id": str(n)} for n in range(100)]
        return json_response(rows, headers={"Link": f'<{next_url}>; rel="next"'})

    async with api_of(respond) as api:
        with pytest.raises(CanvasResponseUnusable, match="more than 250 courses"):
            await read_list(api, max_rows=250)
    assert request_count == 3


async def test_a_failed_page_fails_the_whole_list() -> None:
    async def respond(request: web.Request) -> web.Response:
        if "page" in request.query:
            return web.Response(status=400)
        next_url = request.url.update_query(page=2)
        return json_response([course_row()], headers={"Link": f'<{next_url}>; rel="next"'})

    async with api_of(respond) as api:
        with pytest.raises(CanvasResponseUnusable):
            await read_list(api)


@pytest.mark.parametrize("body", [{"courses": []}, None, "[]", 1])
async def test_a_response_that_is_not_a_list_is_an_error(body: Any) -> None:
    async def respond(_: web.Request) -> web.Response:
        return json_response(body)

    async with api_of(respond) as api:
        with pytest.raises(CanvasResponseUnusable, match="not a list"):
            await read_list(api)
