from pathlib import Path

import orjson
import pytest
from aiohttp import web
from yarl import URL

from domain.errors import CanvasAnswerUnusable
from infrastructure.canvas.pagination import next_page
from tests.infrastructure.canvas.fake_servers import TOKEN, Student, client_of, json_answer, serving
from tests.infrastructure.canvas.rows import course_row

LINKS = orjson.loads((Path(__file__).parent / "bodies/headers/link-headers.json").read_bytes())
ASKED = URL("https://canvas.example.edu/api/v1/courses")


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
def test_the_next_page_is_followed_as_canvas_gives_it(
    name: str, query: list[tuple[str, str]] | None
) -> None:
    found = next_page(LINKS[name], ASKED)
    assert (list(found.query.items()) if found else None) == query


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
def test_every_way_of_writing_a_link_is_understood(link: str) -> None:
    found = next_page(link, ASKED)
    assert found
    assert found.origin() == ASKED.origin()
    assert found.path_qs == "/api/v1/courses?page=2"


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
def test_a_link_that_leads_elsewhere_is_not_followed(target: str) -> None:
    with pytest.raises(CanvasAnswerUnusable):
        next_page(f'<{target}>; rel="next"', ASKED)


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
def test_a_header_that_names_no_next_page_ends_the_list(link: str) -> None:
    assert next_page(link, ASKED) is None


@pytest.mark.parametrize("many", [0, 1, 10, 11, 20, 35])
async def test_every_page_is_read(many: int) -> None:
    student = Student([course_row(str(n)) for n in range(many)], page=10)
    async with (
        serving(student) as origin,
        client_of(origin) as canvas,
        canvas.account(origin, TOKEN) as account,
    ):
        found = await account.courses()
        assert [course["canvas_id"] for course in found] == [str(n) for n in range(many)]
        assert account.requests["total"] == max(1, -(-many // 10))
    assert {request.query["per_page"] for request in student.asked} == {"100"}
    assert all(len(request.query.getall("include[]")) == 7 for request in student.asked)


@pytest.mark.parametrize(("step", "most"), [(0, 1), (1, 100)])
async def test_pages_without_end_are_given_up(step: int, most: int) -> None:
    asked = 0

    async def answer(request: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        page = int(request.query.get("page", "0"))
        there = request.url.update_query(page=page + step)
        return json_answer([], headers={"Link": f'<{there}>; rel="next"'})

    async with (
        serving(answer) as origin,
        client_of(origin) as canvas,
        canvas.account(origin, TOKEN) as account,
    ):
        with pytest.raises(CanvasAnswerUnusable, match="end"):
            await account.courses()
    assert asked <= most + 1


async def test_a_page_that_fails_fails_the_list() -> None:
    async def answer(request: web.Request) -> web.Response:
        if "page" in request.query:
            return web.Response(status=404)
        there = request.url.update_query(page=2)
        return json_answer([course_row()], headers={"Link": f'<{there}>; rel="next"'})

    async with (
        serving(answer) as origin,
        client_of(origin) as canvas,
        canvas.account(origin, TOKEN) as account,
    ):
        with pytest.raises(CanvasAnswerUnusable):
            await account.courses()
