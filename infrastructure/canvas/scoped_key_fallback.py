"""Reads what is missing with a scoped developer key: Canvas silently drops each `include[]`.

This happens if "Allow include parameters" is off for the developer key of the token.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from domain.canvas import Assignment, Course, Totals
from domain.errors import CanvasFailure, CanvasForbidden, CanvasTokenRejected
from infrastructure.canvas.json_fields import as_object, parse_id
from infrastructure.canvas.parse_enrollments import (
    NO_TOTALS,
    most_complete,
    parse_enrollment_totals,
    shows_totals,
    student_enrollments,
)
from infrastructure.canvas.parse_submission import parse_submission

FetchRows = Callable[[str, list[tuple[str, str]]], AsyncIterator[Any]]
"""Fetches a path below `/api/v1` with a query; yields the rows of all pages."""

INCLUDE_FIELDS = ("term", "teachers", "is_favorite")
ENROLLMENTS_QUERY = [
    ("type[]", "StudentEnrollment"),
    ("state[]", "active"),
    ("state[]", "invited"),
    ("state[]", "completed"),
    ("per_page", "100"),
]
FAVORITES_QUERY = [("per_page", "100")]
SUBMISSIONS_QUERY = [("student_ids[]", "self"), ("per_page", "100")]


class DroppedIncludes:
    """Detects from the rows of `GET /courses` whether Canvas dropped the includes."""

    def __init__(self) -> None:
        self._has_included_fields = False
        self._listed_ids: set[str] = set()
        self._ids_without_totals: set[str] = set()

    def inspect(self, row: Any) -> None:
        """Look for included fields in one row; a restricted course is no evidence."""
        row = as_object(row)
        enrollments, id_ = student_enrollments(row), parse_id(row.get("id"))
        self._has_included_fields |= any(key in row for key in INCLUDE_FIELDS) or any(
            map(shows_totals, enrollments)
        )
        if enrollments and id_ and row.get("access_restricted_by_date") is not True:
            self._listed_ids.add(id_)
            if row.get("hide_final_grades") is not True:
                self._ids_without_totals.add(id_)

    @property
    def are_dropped(self) -> bool:
        """Whether no row has an included field, although at least one row should."""
        return not self._has_included_fields and bool(self._listed_ids)

    async def fill_missing(self, courses: dict[str, Course], fetch_rows: FetchRows) -> set[str]:
        """If the includes were dropped, fetch totals and favorites and set them in `courses`.

        Returns the ids of courses whose totals are still unknown.

        Raises: CanvasFailure if a request fails, with the scope that the developer key needs.
        """
        if not self.are_dropped:
            return set()
        totals = (
            await _fetch_totals(self._ids_without_totals, fetch_rows)
            if self._ids_without_totals
            else {}
        )
        favorites = await _fetch_favorites(fetch_rows)
        for id_ in self._listed_ids & courses.keys():
            courses[id_]["favorite"] = id_ in favorites
        for id_, course_totals in totals.items():
            _set_totals(courses[id_], course_totals)
        return self._ids_without_totals - totals.keys()


def unknown_totals_failure(course_id: str) -> CanvasForbidden:
    """The failure of a course whose totals are unknown, so that its known state is kept."""
    return CanvasForbidden(
        f"The token's developer key does not allow includes, and Canvas shows the totals of course"
        f" {course_id} in no other way, so they are unknown."
    )


def has_periods(assignments: Iterable[Assignment]) -> bool:
    """Return whether a course has grading periods, which the submissions name."""
    return any(assignment["grading_period_id"] for assignment in assignments)


def without_totals(course: Course) -> Course:
    """Return a course with grading periods without totals.

    Only an include shows which period is the current one, so it is not known which totals count.
    """
    return {**course, **NO_TOTALS, "has_grading_periods": True}


async def attach_submissions(
    course_id: str, assignments: dict[str, Assignment], fetch_rows: FetchRows
) -> None:
    """Fetch the submissions of a course and set them in assignments that have none.

    Raises: CanvasFailure if a request fails, with the scope that the developer key needs.
    """
    own_rows: dict[str, dict[str, Any]] = {}
    with _explain_missing_scope("/courses/:id/students/submissions"):
        async for row in fetch_rows(f"courses/{course_id}/students/submissions", SUBMISSIONS_QUERY):
            id_ = parse_id(as_object(row).get("assignment_id"))
            if id_ in assignments:
                own_rows[id_] = row
    for id_, assignment in assignments.items():
        own_row = own_rows.get(id_)
        assignment["submission"] = parse_submission(own_row) if own_row else None
        assignment["grading_period_id"] = parse_id(own_row and own_row.get("grading_period_id"))


async def _fetch_totals(course_ids: set[str], fetch_rows: FetchRows) -> dict[str, Totals | None]:
    totals: dict[str, Totals | None] = {}
    with _explain_missing_scope("/users/:user_id/enrollments"):
        async for row in fetch_rows("users/self/enrollments", ENROLLMENTS_QUERY):
            id_ = parse_id(as_object(row).get("course_id"))
            if id_ in course_ids:
                totals[id_] = most_complete([totals.get(id_), parse_enrollment_totals(row)])
    return totals


async def _fetch_favorites(fetch_rows: FetchRows) -> set[str | None]:
    """Fetch the ids of favorite courses; empty if the token may not read them.

    A student without favorites gets the courses that Canvas shows on the dashboard.
    """
    try:
        favorites = fetch_rows("users/self/favorites/courses", FAVORITES_QUERY)
        return {parse_id(as_object(row).get("id")) async for row in favorites}
    except CanvasForbidden:
        return set()


def _set_totals(course: Course, totals: Totals | None) -> None:
    shown = totals or NO_TOTALS
    course["current_score"], course["current_grade"] = (
        shown["current_score"],
        shown["current_grade"],
    )
    course["final_score"], course["final_grade"] = shown["final_score"], shown["final_grade"]
    course["course_totals"] = totals
    course["grades_hidden"] = totals is None


@contextmanager
def _explain_missing_scope(path: str) -> Iterator[None]:
    """Add the missing scope of the developer key to the message of a failure."""
    try:
        yield
    except CanvasTokenRejected:
        raise
    except CanvasFailure as failure:
        raise type(failure)(
            f"{failure.detail} The token's developer key does not allow includes, so the scope"
            f" url:GET|/api/v1{path} is needed."
        ) from failure
