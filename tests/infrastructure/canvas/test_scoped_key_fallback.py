from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from application.ports import Sighting
from domain.canvas import Course
from domain.errors import (
    CanvasFailure,
    CanvasForbidden,
    CanvasTokenRejected,
    CanvasUnreachable,
)
from infrastructure.canvas.account import CanvasAccount
from tests.infrastructure.canvas.fake_servers import (
    TOKEN,
    Student,
    client_of,
    json_answer,
    paged,
    serving,
)
from tests.infrastructure.canvas.rows import assignment_row, course_row, submission_row

DROPPED = ("term", "is_favorite", "concluded", "teachers", "image_download_url")
DEAD = {"WWW-Authenticate": 'Bearer realm="canvas-lms"'}


def bare(row: dict[str, Any], *names: str) -> dict[str, Any]:
    """A row without what an include would have added."""
    return {key: value for key, value in row.items() if key not in names}


def bare_course(canvas_id: str = "1", **other: Any) -> dict[str, Any]:
    seat = {"type": "student", "role": "StudentEnrollment", "user_id": "42"}
    return bare(course_row(canvas_id, **{"enrollments": [seat]} | other), *DROPPED)


def enrolled(course_id: str = "1", **grades: Any) -> dict[str, Any]:
    """A row of the enrollments; with no grades given, hidden ones."""
    page = {"html_url": f"https://canvas.example/courses/{course_id}/grades/42"}
    return {"course_id": course_id, "type": "StudentEnrollment", "grades": page | grades}


def totals(score: float | None = 91.5, grade: str | None = "A-") -> dict[str, Any]:
    return {
        "current_score": score,
        "current_grade": grade,
        "final_score": 80.0,
        "final_grade": "B-",
    }


@dataclass
class Scoped(Student):
    """A Canvas that drops `include[]`."""

    enrollments: list[dict[str, Any]] = field(default_factory=list)
    favorites: list[dict[str, Any]] = field(default_factory=list)
    assignments: list[dict[str, Any]] = field(default_factory=list)
    submissions: list[dict[str, Any]] = field(default_factory=list)
    refusals: dict[str, web.Response] = field(default_factory=dict)

    def _answer(self, request: web.Request) -> web.Response:
        end = request.path.rpartition("/")[2]
        if request.path in self.refusals:
            refusal = self.refusals[request.path]
            return json_answer({"errors": []}, status=refusal.status, headers=refusal.headers)
        match request.path.split("/")[3:]:
            case ["users", "self", "enrollments" | "favorites", *_]:
                what = self.enrollments if end == "enrollments" else self.favorites
                return paged(request, what, self.page)
            case ["courses", _, "assignment_groups"]:
                return json_answer([{"id": "11", "name": "Homework", "group_weight": 40}])
            case ["courses", _, "assignments"]:
                return paged(request, self.assignments, self.page)
            case ["courses", _, "students", "submissions"]:
                return paged(request, self.submissions, self.page)
        return super()._answer(request)

    def paths(self) -> list[str]:
        return [request.path.removeprefix("/api/v1/") for request in self.asked]


@asynccontextmanager
async def account_of(student: Student) -> AsyncIterator[CanvasAccount]:
    async with (
        serving(student) as origin,
        client_of(origin) as canvas,
        canvas.account(origin, TOKEN) as account,
    ):
        yield account


async def courses_of(student: Student) -> list[Course]:
    async with account_of(student) as account:
        return await account.courses()


async def seen_by(student: Student) -> list[Sighting]:
    async with account_of(student) as account:
        return [seen async for seen in account.sightings(await account.courses())]


def total_of(course: Course) -> tuple[Any, ...]:
    return (
        course["current_score"],
        course["current_grade"],
        course["final_score"],
        course["final_grade"],
        course["grades_hidden"],
    )


async def test_totals_and_favourites_come_from_elsewhere() -> None:
    student = Scoped(
        [bare_course("1"), bare_course("2"), bare_course("3")],
        enrollments=[
            enrolled("1", **totals()),
            enrolled("2"),
            enrolled("3", **totals(None, None)),
            enrolled("9", **totals()),
        ],
        favorites=[{"id": 2, "name": "Two"}],
        page=2,
    )
    one, two, three = await courses_of(student)
    assert total_of(one) == (91.5, "A-", 80.0, "B-", False)
    assert total_of(two) == (None, None, None, None, True)
    assert total_of(three) == (None, None, 80.0, "B-", False)
    assert [course["favorite"] for course in (one, two, three)] == [False, True, False]
    assert (one["term"], one["teachers"], one["name"]) == (None, [], "Linear Algebra")
    query = next(request.query for request in student.asked if "enrollments" in request.path)
    assert query.getall("type[]") == ["StudentEnrollment"]
    assert query.getall("state[]") == ["active"]
    assert query["per_page"] == "100"


async def test_among_several_sections_the_one_with_totals_counts() -> None:
    rows = [enrolled(), enrolled(**totals(None, None) | {"final_score": None, "final_grade": None})]
    for enrollments in ([*rows, enrolled(**totals())], [enrolled(**totals()), *rows]):
        [course] = await courses_of(Scoped([bare_course()], enrollments=enrollments))
        assert total_of(course) == (91.5, "A-", 80.0, "B-", False)


@pytest.mark.parametrize(
    "rows",
    [
        [course_row("1"), bare_course("2")],
        [bare_course("1"), bare_course("2") | {"term": None}],
        [bare_course("1"), bare_course("2") | {"teachers": []}],
        [bare_course("1"), bare_course("2") | {"is_favorite": False}],
        [bare_course("1", enrollments=[])],
        [bare(course_row("1"), *DROPPED), bare_course("2")],
        [bare_course("1", access_restricted_by_date=True)],
        [{"id": "1", "access_restricted_by_date": True}],
        [],
    ],
)
async def test_includes_that_were_heard_are_not_made_up_for(rows: list[dict[str, Any]]) -> None:
    student = Scoped(rows)
    found = await courses_of(student)
    assert student.paths() == ["courses"]
    assert [course["canvas_id"] for course in found] == [row["id"] for row in rows]


async def test_hidden_totals_are_not_looked_for() -> None:
    student = Scoped([bare_course("1", hide_final_grades=True)], favorites=[{"id": "1"}])
    [course] = await courses_of(student)
    assert (course["favorite"], course["grades_hidden"]) == (True, True)
    assert student.paths() == ["courses", "users/self/favorites/courses"]


async def test_a_course_whose_totals_are_told_nowhere_fails_alone() -> None:
    student = Scoped(
        [bare_course("1"), bare_course("2")],
        enrollments=[enrolled("1", **totals())],
        assignments=[assignment_row("7")],
    )
    seen = {one.course["canvas_id"]: one for one in await seen_by(student)}
    assert seen["1"].failure is None
    assert type(seen["2"].failure) is CanvasForbidden
    assert seen["2"].assignments is None
    assert "courses/2/assignment_groups" not in student.paths()


@pytest.mark.parametrize(
    ("refusal", "failure", "words"),
    [
        (web.Response(status=401), CanvasForbidden, "includes"),
        (web.Response(status=403), CanvasForbidden, "includes"),
        (web.Response(status=500), CanvasUnreachable, "includes"),
        (
            web.Response(status=401, headers=DEAD),
            CanvasTokenRejected,
            r"make a new one in Canvas\.$",
        ),
    ],
)
async def test_totals_that_cannot_be_read_are_no_nulls(
    refusal: web.Response, failure: type[CanvasFailure], words: str
) -> None:
    student = Scoped([bare_course()], refusals={"/api/v1/users/self/enrollments": refusal})
    with pytest.raises(failure, match=words) as raised:
        await courses_of(student)
    assert type(raised.value) is failure


async def test_favourites_that_may_not_be_read_are_none() -> None:
    path = "/api/v1/users/self/favorites/courses"
    student = Scoped([bare_course()], enrollments=[enrolled(**totals())])
    student.refusals[path] = web.Response(status=401)
    [course] = await courses_of(student)
    assert (course["favorite"], course["current_score"]) == (False, 91.5)
    student.refusals[path] = web.Response(status=502)
    with pytest.raises(CanvasUnreachable):
        await courses_of(student)


async def test_submissions_come_from_a_list_of_their_own() -> None:
    student = Scoped(
        [course_row("1")],
        assignments=[bare(assignment_row(id_), "submission") for id_ in ("7", "8", "9")],
        submissions=[
            submission_row(id="70", assignment_id="7", score=7.0),
            submission_row(id="80", assignment_id=8, score=8.0),
            submission_row(id="60", assignment_id="6"),
        ],
        page=2,
    )
    [seen] = await seen_by(student)
    assert seen.failure is None
    scores = {
        item["canvas_id"]: item["submission"] and item["submission"]["score"]
        for item in seen.assignments or ()
    }
    assert scores == {"7": 7.0, "8": 8.0, "9": None}
    asked = student.asked[-1]
    assert asked.path == "/api/v1/courses/1/students/submissions"
    assert asked.query.getall("student_ids[]") == ["self"]
    assert asked.query["per_page"] == "100"


@pytest.mark.parametrize(
    "assignments", [[], [assignment_row("7"), bare(assignment_row("8"), "submission")]]
)
async def test_submissions_that_came_along_are_not_asked_for(
    assignments: list[dict[str, Any]],
) -> None:
    student = Scoped([course_row("1")], assignments=assignments)
    [seen] = await seen_by(student)
    assert [item["submission"] is None for item in seen.assignments or ()] == [
        "submission" not in row for row in assignments
    ]
    assert "courses/1/students/submissions" not in student.paths()


@pytest.mark.parametrize(
    ("refusal", "failure"),
    [
        (web.Response(status=401), CanvasForbidden),
        (web.Response(status=403), CanvasForbidden),
        (web.Response(status=503), CanvasUnreachable),
    ],
)
async def test_submissions_that_cannot_be_read_are_that_courses_failure(
    refusal: web.Response, failure: type[CanvasFailure]
) -> None:
    student = Scoped([course_row("1")], assignments=[bare(assignment_row("7"), "submission")])
    student.refusals["/api/v1/courses/1/students/submissions"] = refusal
    [seen] = await seen_by(student)
    assert type(seen.failure) is failure
    assert "includes" in str(seen.failure)
    assert seen.assignments is None
