"""Which courses Canvas lists for a user, with which of the user's enrollments.

Source: `CoursesController#courses_for_user` and `app/models/enrollment/query_builder.rb` of
canvas-lms. There are three ways: SQL by course states if `state[]` is sent, the participating
enrollments for `enrollment_state=active`, and otherwise the current and invited ones, which the
other values of `enrollment_state` only reduce.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from infrastructure.canvas_sandbox.enrolled_students import Enrollment, Seat, Student
from infrastructure.canvas_sandbox.enrollment_states import (
    dated_state,
    effective_state,
    is_restricted,
)
from infrastructure.canvas_sandbox.model import Course

CLAIMED_STATES = frozenset({"unpublished", "created", "claimed"})
"""Values of `state[]` for courses that are not published."""
REDUCED_STATES = {
    "completed": frozenset({"completed"}),
    "invited_or_pending": frozenset({"invited", "accepted"}),
}
"""To which effective states a value of `enrollment_state` reduces the list without `state[]`."""
INVITED_OR_PENDING = frozenset({"invited", "pending_invited", "pending_active"})


class ListedCourse(NamedTuple):
    """A course in a list, with the enrollments that the list shows."""

    course: Course
    seat: Seat
    enrollments: list[Enrollment]


class ListFilter(NamedTuple):
    """The parameters of the list: `enrollment_state`, `state[]`, and the type of enrollment."""

    enrollment_state: str | None = None
    course_states: frozenset[str] = frozenset()
    enrollment_type: str | None = None

    def matches(self, enrollment: Enrollment, course: Course, now: int) -> bool:
        """Whether the list contains a course for this enrollment."""
        if self.enrollment_type and enrollment.type != self.enrollment_type:
            return False
        if self.course_states:
            return _is_in_course_states(enrollment, course, self.course_states) and _is_by_date(
                enrollment, course, self.enrollment_state, now
            )
        if not _is_current_or_invited(enrollment, course):
            return False
        if self.enrollment_state == "active":
            return enrollment.state == dated_state(enrollment, course, now) == "active"
        wanted = REDUCED_STATES.get(self.enrollment_state or "")
        return wanted is None or effective_state(enrollment, course, now) in wanted


PARTICIPATING = ListFilter("active")
"""The courses that planner and to-do list cover."""


def list_courses_of(
    student: Student, courses: Iterable[Course], list_filter: ListFilter, now: int
) -> list[ListedCourse]:
    """The courses of a student that a list contains, sorted by nickname or name."""
    listed = []
    for course in courses:
        seat = student.seats.get(course.id)
        if seat is None:
            continue
        shown = [item for item in seat.enrollments if list_filter.matches(item, course, now)]
        if shown:
            listed.append(ListedCourse(course, seat, shown))
    return sort_by_shown_name(listed)


def sort_by_shown_name(listed: Iterable[ListedCourse]) -> list[ListedCourse]:
    """Sort courses by nickname or name, as Canvas sorts them."""
    return sorted(
        listed,
        key=lambda item: ((item.seat.nickname or item.course.name).casefold(), item.course.id),
    )


def _is_current_or_invited(enrollment: Enrollment, course: Course) -> bool:
    if enrollment.state not in {"active", "invited"}:
        return False
    if course.state == "available":
        return True
    return course.state == "unpublished" and enrollment.is_staff


def _is_in_course_states(
    enrollment: Enrollment, course: Course, course_states: frozenset[str]
) -> bool:
    match course.state:
        case "available":
            return "available" in course_states and enrollment.state in {"active", "invited"}
        case "unpublished":
            return bool(course_states & CLAIMED_STATES) and (
                enrollment.state == "active"
                or (enrollment.state == "invited" and enrollment.is_staff)
            )
        case _:
            return course.state in course_states and enrollment.state == course.state


BY_DATE: dict[str, Callable[[str, bool], bool]] = {
    "active": lambda state, _: state == "active",
    "invited_or_pending": lambda state, restricted: state in INVITED_OR_PENDING and not restricted,
    "completed": lambda state, restricted: state == "completed" and not restricted,
}


def _is_by_date(enrollment: Enrollment, course: Course, state: str | None, now: int) -> bool:
    matches = BY_DATE.get(state or "")
    return matches is None or matches(
        dated_state(enrollment, course, now), is_restricted(enrollment, course, now)
    )
