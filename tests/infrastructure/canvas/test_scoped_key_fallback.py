from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from application.ports import FetchedCourse
from domain.canvas import Course
from domain.errors import (
    CanvasFailure,
    CanvasForbidden,
    CanvasTokenRejected,
    CanvasUnreachable,
)
from infrastructure.canvas.account import CanvasAccountReader
from tests.infrastructure.canvas.fake_servers import (
    TOKEN,
    FakeCanvasServer,
    json_response,
    open_client,
    page_response,
    serve_handler,
)
from tests.infrastructure.canvas.rows import assignment_row, course_row, submission_row

INCLUDE_FIELDS = ("term", "is_favorite", "concluded", "teachers", "image_download_url")
REJECTED_TOKEN_HEADERS = {"WWW-Authenticate": 'Bearer realm="canvas-lms"'}


def without(row: dict[str, Any], *names: str) -> dict[str, Any]:
    """A row without the fields that an include would add."""
    return {key: value for key, value in row.items() if key not in names}


def bare_course_row(canvas_id: str = "1", **fields: Any) -> dict[str, Any]:
    enrollment = {"type": "student", "role": "StudentEnrollment", "user_id": "42"}
    return without(course_row(canvas_id, **{"enrollments": [enrollment]} | fields), *INCLUDE_FIELDS)


def listed_enrollment(course_id: str = "1", **grades: Any) -> dict[str, Any]:
    """A row of the list of enrollments; without `grades` its totals are hidden."""
    page_fields = {"html_url": f"https://canvas.example/courses/{course_id}/grades/42"}
    return {"course_id": course_id, "type": "StudentEnrollment", "grades": page_fields | grades}


def grade_fields(score: float | None = 91.5, grade: str | None = "A-") -> dict[str, Any]:
    return {
        "current_score": score,
        "current_grade": grade,
        "final_score": 80.0,
        "final_grade": "B-",
    }


@dataclass
class ScopedKeyCanvas(FakeCanvasServer):
    """A Canvas that drops `include[]`."""

    enrollments: list[dict[str, Any]] = field(default_factory=list)
    favorites: list[dict[str, Any]] = field(default_factory=list)
    assignments: list[dict[str, Any]] = field(default_factory=list)
    submissions: list[dict[str, Any]] = field(default_factory=list)
    errors: dict[str, web.Response] = field(default_factory=dict)

    def _respond(self, request: web.Request) -> web.Response:
        end = request.path.rpartition("/")[2]
        if request.path in self.errors:
            error = self.errors[request.path]
            return json_response({"errors": []}, status=error.status, headers=error.headers)
        match request.path.split("/")[3:]:
            case ["users", "self", "enrollments" | "favorites", *_]:
                rows = self.enrollments if end == "enrollments" else self.favorites
                return page_response(request, rows, self.page_size)
            case ["courses", _, "assignment_groups"]:
                return json_response([{"id": "11", "name": "Homework", "group_weight": 40}])
            case ["courses", _, "assignments"]:
                return page_response(request, self.assignments, self.page_size)
            case ["courses", _, "students", "submissions"]:
                return page_response(request, self.submissions, self.page_size)
        return super()._respond(request)

    def paths(self) -> list[str]:
        return [request.path.removeprefix("/api/v1/") for request in self.requests]


@asynccontextmanager
async def open_account(server: FakeCanvasServer) -> AsyncIterator[CanvasAccountReader]:
    async with (
        serve_handler(server) as origin,
        open_client(origin) as canvas,
        canvas.open_account(origin, TOKEN) as account,
    ):
        yield account


async def list_courses(server: FakeCanvasServer) -> list[Course]:
    async with open_account(server) as account:
        return (await account.list_courses()).courses


async def fetch_courses(server: FakeCanvasServer) -> list[FetchedCourse]:
    async with open_account(server) as account:
        return [
            fetched
            async for fetched in account.fetch_courses((await account.list_courses()).courses, {})
        ]


def totals_of(course: Course) -> tuple[Any, ...]:
    return (
        course["current_score"],
        course["current_grade"],
        course["final_score"],
        course["final_grade"],
        course["grades_hidden"],
    )


async def test_totals_and_favourites_come_from_their_own_lists() -> None:
    server = ScopedKeyCanvas(
        [
            bare_course_row("1"),
            bare_course_row("2"),
            bare_course_row("3"),
        ],
        enrollments=[
            listed_enrollment("1", **grade_fields()),
            listed_enrollment("2"),
            listed_enrollment("3", **grade_fields(None, None)),
            listed_enrollment("9", **grade_fields()),
        ],
        favorites=[{"id": 2, "name": "Two"}],
        page_size=2,
    )
    one, two, three = await list_courses(server)
    assert totals_of(one) == (91.5, "A-", 80.0, "B-", False)
    assert totals_of(two) == (None, None, None, None, True)
    assert totals_of(three) == (None, None, 80.0, "B-", False)
    assert [course["favorite"] for course in (one, two, three)] == [False, True, False]
    assert (one["term"], one["teachers"], one["name"]) == (None, [], "Linear Algebra")
    query = next(request.query for request in server.requests if "enrollments" in request.path)
    assert query.getall("type[]") == ["StudentEnrollment"]
    assert query.getall("state[]") == ["active", "invited", "completed"]
    assert query["per_page"] == "100"


async def test_the_section_with_totals_is_used() -> None:
    rows = [
        listed_enrollment(),
        listed_enrollment(**grade_fields(None, None) | {"final_score": None, "final_grade": None}),
    ]
    for enrollments in (
        [*rows, listed_enrollment(**grade_fields())],
        [listed_enrollment(**grade_fields()), *rows],
    ):
        [course] = await list_courses(ScopedKeyCanvas([bare_course_row()], enrollments=enrollments))
        assert totals_of(course) == (91.5, "A-", 80.0, "B-", False)


@pytest.mark.parametrize(
    "rows",
    [
        [course_row("1"), bare_course_row("2")],
        [bare_course_row("1"), bare_course_row("2") | {"term": None}],
        [bare_course_row("1"), bare_course_row("2") | {"teachers": []}],
        [
            bare_course_row("1"),
            bare_course_row("2") | {"is_favorite": False},
        ],
        [bare_course_row("1", enrollments=[])],
        [without(course_row("1"), *INCLUDE_FIELDS), bare_course_row("2")],
        [bare_course_row("1", access_restricted_by_date=True)],
        [{"id": "1", "access_restricted_by_date": True}],
        [],
    ],
)
async def test_present_includes_cause_no_fallback_requests(rows: list[dict[str, Any]]) -> None:
    server = ScopedKeyCanvas(rows)
    courses = await list_courses(server)
    assert server.paths() == ["courses"]
    assert [course["canvas_id"] for course in courses] == [row["id"] for row in rows]


async def test_hidden_totals_are_not_requested_again() -> None:
    server = ScopedKeyCanvas(
        [bare_course_row("1", hide_final_grades=True)], favorites=[{"id": "1"}]
    )
    [course] = await list_courses(server)
    assert (course["favorite"], course["grades_hidden"]) == (True, True)
    assert server.paths() == ["courses", "users/self/favorites/courses"]


async def test_a_course_without_totals_in_any_list_fails_alone() -> None:
    server = ScopedKeyCanvas(
        [bare_course_row("1"), bare_course_row("2")],
        enrollments=[listed_enrollment("1", **grade_fields())],
        assignments=[assignment_row("7")],
    )
    fetched = {item.course["canvas_id"]: item for item in await fetch_courses(server)}
    assert fetched["1"].failure is None
    assert type(fetched["2"].failure) is CanvasForbidden
    assert fetched["2"].assignments is None
    assert "courses/2/assignment_groups" not in server.paths()


@pytest.mark.parametrize(
    ("error", "failure", "message"),
    [
        (web.Response(status=401), CanvasForbidden, "includes"),
        (web.Response(status=403), CanvasForbidden, "includes"),
        (web.Response(status=500), CanvasUnreachable, "includes"),
        (
            web.Response(status=401, headers=REJECTED_TOKEN_HEADERS),
            CanvasTokenRejected,
            r"create a new one in Canvas\.$",
        ),
    ],
)
async def test_unreadable_totals_are_an_error_instead_of_null(
    error: web.Response, failure: type[CanvasFailure], message: str
) -> None:
    server = ScopedKeyCanvas([bare_course_row()], errors={"/api/v1/users/self/enrollments": error})
    with pytest.raises(failure, match=message) as raised:
        await list_courses(server)
    assert type(raised.value) is failure


async def test_forbidden_favourites_are_treated_as_empty() -> None:
    path = "/api/v1/users/self/favorites/courses"
    server = ScopedKeyCanvas([bare_course_row()], enrollments=[listed_enrollment(**grade_fields())])
    server.errors[path] = web.Response(status=401)
    [course] = await list_courses(server)
    assert (course["favorite"], course["current_score"]) == (False, 91.5)
    server.errors[path] = web.Response(status=502)
    with pytest.raises(CanvasUnreachable):
        await list_courses(server)


async def test_missing_submissions_are_read_from_their_own_list() -> None:
    server = ScopedKeyCanvas(
        [course_row("1")],
        assignments=[without(assignment_row(id_), "submission") for id_ in ("7", "8", "9")],
        submissions=[
            submission_row(id="70", assignment_id="7", score=7.0),
            submission_row(id="80", assignment_id=8, score=8.0),
            submission_row(id="60", assignment_id="6"),
        ],
        page_size=2,
    )
    [fetched] = await fetch_courses(server)
    assert fetched.failure is None
    scores = {
        item["canvas_id"]: item["submission"] and item["submission"]["score"]
        for item in fetched.assignments or ()
    }
    assert scores == {"7": 7.0, "8": 8.0, "9": None}
    request = server.requests[-1]
    assert request.path == "/api/v1/courses/1/students/submissions"
    assert request.query.getall("student_ids[]") == ["self"]
    assert request.query["per_page"] == "100"


@pytest.mark.parametrize(
    "assignments", [[], [assignment_row("7"), without(assignment_row("8"), "submission")]]
)
async def test_present_submissions_are_not_requested_again(
    assignments: list[dict[str, Any]],
) -> None:
    server = ScopedKeyCanvas([course_row("1")], assignments=assignments)
    [fetched] = await fetch_courses(server)
    assert [item["submission"] is None for item in fetched.assignments or ()] == [
        "submission" not in row for row in assignments
    ]
    assert "courses/1/students/submissions" not in server.paths()


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (web.Response(status=401), CanvasForbidden),
        (web.Response(status=403), CanvasForbidden),
        (web.Response(status=503), CanvasUnreachable),
    ],
)
async def test_unreadable_submissions_fail_only_their_course(
    error: web.Response, failure: type[CanvasFailure]
) -> None:
    server = ScopedKeyCanvas(
        [course_row("1")], assignments=[without(assignment_row("7"), "submission")]
    )
    server.errors["/api/v1/courses/1/students/submissions"] = error
    [fetched] = await fetch_courses(server)
    assert type(fetched.failure) is failure
    assert "includes" in str(fetched.failure)
    assert fetched.assignments is None
