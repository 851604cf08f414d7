"""Reading Canvas with a scoped developer key, which drops every `include[]` without a word."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from domain.canvas import Assignment, Course, Submission
from domain.errors import CanvasFailure, CanvasForbidden, CanvasTokenRejected
from infrastructure.canvas.json_fields import id_of, record
from infrastructure.canvas.parse_assignment import parse_submission
from infrastructure.canvas.parse_course import Totals, best, enrolled_totals, seats, shows_totals

Rows = Callable[[str, list[tuple[str, str]]], AsyncIterator[Any]]
"""Asks for a path below `/api/v1` with a query; gives the rows of all its pages."""

INCLUDED = ("term", "teachers", "is_favorite")
ENROLLMENTS = [("type[]", "StudentEnrollment"), ("state[]", "active"), ("per_page", "100")]
FAVORITES = [("per_page", "100")]
SUBMISSIONS = [("student_ids[]", "self"), ("per_page", "100")]


class Includes:
    """Whether a listing of courses shows anything that only an include brings."""

    def __init__(self) -> None:
        self._heard = False
        self._taken: set[str] = set()
        self._silent: set[str] = set()

    def look(self, row: Any) -> None:
        """Take one more course into account; a restricted one says nothing either way."""
        row = record(row)
        own, id_ = seats(row), id_of(row.get("id"))
        self._heard |= any(key in row for key in INCLUDED) or any(map(shows_totals, own))
        if own and id_ and row.get("access_restricted_by_date") is not True:
            self._taken.add(id_)
            if row.get("hide_final_grades") is not True:
                self._silent.add(id_)

    @property
    def dropped(self) -> bool:
        """Whether all were dropped, though there were courses to show some."""
        return not self._heard and bool(self._taken)

    async def make_up(self, courses: dict[str, Course], rows: Rows) -> set[str]:
        """Where all were dropped, put totals and favourites in; gives courses still without."""
        if not self.dropped:
            return set()
        totals = await _totals(self._silent, rows) if self._silent else {}
        favorites = await _favorites(rows)
        for id_ in self._taken & courses.keys():
            courses[id_]["favorite"] = id_ in favorites
        for id_, told in totals.items():
            _put(courses[id_], told)
        return self._silent - totals.keys()


def no_totals(course_id: str) -> CanvasForbidden:
    """Why a course is left as it was known."""
    return CanvasForbidden(
        f"The token's developer key does not allow includes, and Canvas lists no enrollment in"
        f" course {course_id} either, so its totals are unknown."
    )


async def put_submissions(course_id: str, found: dict[str, Assignment], rows: Rows) -> None:
    """Give assignments that came without any submission those of the course's own list."""
    own: dict[str, Submission] = {}
    with _explained("/courses/:id/students/submissions"):
        async for row in rows(f"courses/{course_id}/students/submissions", SUBMISSIONS):
            id_ = id_of(record(row).get("assignment_id"))
            if id_ in found:
                own[id_] = parse_submission(row)
    for id_, assignment in found.items():
        assignment["submission"] = own.get(id_)


async def _totals(wanted: set[str], rows: Rows) -> dict[str, Totals | None]:
    found: dict[str, Totals | None] = {}
    with _explained("/users/:user_id/enrollments"):
        async for row in rows("users/self/enrollments", ENROLLMENTS):
            id_ = id_of(record(row).get("course_id"))
            if id_ in wanted:
                found[id_] = best([found.get(id_), enrolled_totals(row)])
    return found


async def _favorites(rows: Rows) -> set[str | None]:
    """Those starred; Canvas lists the courses it would show where no star was ever set."""
    try:
        found = rows("users/self/favorites/courses", FAVORITES)
        return {id_of(record(row).get("id")) async for row in found}
    except CanvasForbidden:
        return set()


def _put(course: Course, totals: Totals | None) -> None:
    shown = totals or Totals()
    course["current_score"], course["current_grade"] = shown.current_score, shown.current_grade
    course["final_score"], course["final_grade"] = shown.final_score, shown.final_grade
    course["grades_hidden"] = totals is None


@contextmanager
def _explained(path: str) -> Iterator[None]:
    """Say with a failure what the developer key lacks; raises one of the same kind."""
    try:
        yield
    except CanvasTokenRejected:
        raise
    except CanvasFailure as failure:
        raise type(failure)(
            f"{failure.detail} The token's developer key does not allow includes, so the scope"
            f" url:GET|/api/v1{path} is needed."
        ) from failure
