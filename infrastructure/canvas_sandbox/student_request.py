"""A request of one student, with the lookups that routes need."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from infrastructure.canvas_sandbox.enrolled_students import Enrollment, Student
from infrastructure.canvas_sandbox.enrollment_states import (
    CURRENT_STATES,
    effective_state,
    may_read,
    sees_drafts,
)
from infrastructure.canvas_sandbox.error_responses import (
    ErrorResponse,
    access_denied,
    record_not_found,
)
from infrastructure.canvas_sandbox.listed_courses import ListedCourse
from infrastructure.canvas_sandbox.model import SHARD, Assignment, Course, Work
from infrastructure.canvas_sandbox.paginators import ListRequest
from infrastructure.canvas_sandbox.serializers.course import EnrolledCourse
from infrastructure.canvas_sandbox.serializers.view import CourseView
from infrastructure.canvas_sandbox.state import SandboxState

TRUE_VALUES = frozenset({"true", "1", "on", "yes"})


class RouteResult(NamedTuple):
    """The result of a route.

    `link` is the `Link` header. The result depends only on `course`, or on all if it is None.
    """

    document: Any
    link: str | None = None
    course: Course | None = None
    is_cacheable: bool = True


@dataclass(frozen=True)
class StudentRequest:
    """The student, the request and its time; `now` is in seconds since 1970."""

    state: SandboxState
    student: Student
    list_request: ListRequest
    now: int

    @property
    def domain(self) -> str:
        """The host in URLs of response bodies."""
        return self.state.options.domain

    @cached_property
    def includes(self) -> frozenset[str]:
        """The values of `include[]`."""
        return frozenset(self.list_parameter("include"))

    @cached_property
    def excludes(self) -> frozenset[str]:
        """The values of `exclude_response_fields[]`."""
        return frozenset(self.list_parameter("exclude_response_fields"))

    def parameter(self, name: str) -> str | None:
        """The last value of a parameter; None if it is absent."""
        return self.list_request.parameter(name)

    def list_parameter(self, name: str) -> list[str]:
        """The values of a list parameter, written `name[]` or `name`."""
        return [value for key, value in self.list_request.query if key in (name, f"{name}[]")]

    def is_set(self, name: str) -> bool:
        """Whether a parameter has a value that means true."""
        return (self.parameter(name) or "").lower() in TRUE_VALUES

    def id_parameter(self, name: str) -> set[int]:
        """The ids in a list parameter; invalid ones are left out."""
        return {
            number
            for text in self.list_parameter(name)
            if (number := parse_canvas_id(text)) is not None
        }

    def require_self(self, text: str) -> None:
        """Check that the user id in a path is that of the student.

        Raises: ErrorResponse if it is another user's (denied) or unknown (404).
        """
        user_id = self.student.person.id if text == "self" else parse_canvas_id(text)
        if user_id is None or not self.state.students.has_user(user_id):
            raise ErrorResponse(record_not_found())
        if user_id != self.student.person.id:
            raise self.access_denied()

    def require_course(self, text: str) -> Course:
        """Find a course by the id in a path.

        Raises: ErrorResponse if it is unknown or deleted (404), or if it is restricted or the
        student is not enrolled (denied).
        """
        course = self.state.courses.get(parse_canvas_id(text) or 0)
        if course is None or course.state == "deleted":
            raise ErrorResponse(record_not_found())
        if not may_read(self.enrollments(course), course, self.now):
            raise self.access_denied()
        return course

    def enrollments(self, course: Course) -> list[Enrollment]:
        """The enrollments of the student in a course, in any state."""
        seat = self.student.seats.get(course.id)
        return seat.enrollments if seat else []

    def visible_assignments(self, course: Course) -> list[Assignment]:
        """The assignments that the student sees: staff sees drafts too."""
        if sees_drafts(self.enrollments(course), course, self.now):
            return list(course.assignments.values())
        return course.published_assignments()

    def require_assignment(self, course: Course, text: str) -> Assignment:
        """Find an assignment that the student sees by the id in a path.

        Raises: ErrorResponse (404) if there is none.
        """
        wanted = parse_canvas_id(text)
        for assignment in self.visible_assignments(course):
            if assignment.id == wanted:
                return assignment
        raise ErrorResponse(record_not_found())

    def all_work(self, course: Course) -> Work:
        """The student's submissions to all assignments of a course, drafts included."""
        found = self._work_by_course.get(course.id)
        if found is None:
            found = self._work_by_course[course.id] = self.state.work(self.student, course)
        return found

    def work(self, course: Course) -> Work:
        """The student's submissions to published assignments."""
        work = self.all_work(course)
        return {id_: item for id_, item in work.items() if item.assignment.present}

    @cached_property
    def _work_by_course(self) -> dict[int, Work]:
        return {}

    def listed_alone(self, course: Course) -> ListedCourse:
        """A course outside of a list: with all current enrollments, none if they have ended."""
        seat = self.student.seats[course.id]
        return ListedCourse(
            course, seat, [item for item in seat.enrollments if item.state in CURRENT_STATES]
        )

    def enrolled_course(self, listed: ListedCourse) -> EnrolledCourse:
        """A course with the enrollments that are shown, and the totals of the student."""
        course = listed.course
        return EnrolledCourse(
            listed,
            self.student.person,
            self.state.totals(self.student, course),
            self.now,
            is_closed=all(
                effective_state(item, course, self.now) == "inactive" for item in listed.enrollments
            ),
        )

    def view(self, course: Course) -> CourseView:
        """What the JSON of the items of a course depends on, for this request."""
        return CourseView(
            course,
            self.state.page_origin,
            self.now,
            self.excludes,
            self.includes,
            is_staff=sees_drafts(self.enrollments(course), course, self.now),
        )

    def access_denied(self) -> ErrorResponse:
        """The error for data that the student has no permission to read."""
        return ErrorResponse(access_denied(self.state.options.denial_status))


def parse_canvas_id(text: str) -> int | None:
    """Parse an id in a path: `29520`, or `7752~29520` on another shard; None if not valid."""
    parts = re.fullmatch(r"(?:(\d{1,6})~)?(\d{1,19})", text)
    return int(parts[1] or 0) * SHARD + int(parts[2]) if parts else None


def filter_by_ids(ids: set[int], items: Collection[Any]) -> list[Any]:
    """The items with one of these ids; all items if there are no ids."""
    return [item for item in items if not ids or item.id in ids]
