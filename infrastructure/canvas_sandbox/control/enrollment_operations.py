"""Operations on the enrollments of students."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from infrastructure.canvas_sandbox.enrolled_students import (
    ENROLLMENT_STATES,
    ROLE_IDS,
    Enrollment,
    Seat,
    Student,
)
from infrastructure.canvas_sandbox.enrollment_states import effective_state
from infrastructure.canvas_sandbox.generator.generate_students import new_enrollment
from infrastructure.canvas_sandbox.model import Course
from infrastructure.canvas_sandbox.sandbox_clock import parse_time
from infrastructure.canvas_sandbox.state import SandboxState

TimeInput = datetime | str | float


class EnrollmentOperations:
    """Lists, adds and changes enrollments."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state

    def enrollments(self, *, student: int = 0) -> list[dict[str, Any]]:
        """List the enrollments of a student with their states: stored, and by dates."""
        now = self._state.clock.now()
        return [
            {
                "id": str(item.id),
                "course_id": str(course.id),
                "role": item.role,
                "section": item.section,
                "state": item.state,
                "effective_state": effective_state(item, course, now),
            }
            for course in self._state.courses.values()
            if (seat := self._state.students[student].seats.get(course.id))
            for item in seat.enrollments
        ]

    def enroll(
        self,
        course_id: int | str,
        *,
        student: int = 0,
        role: str = "student",
        state: str = "active",
    ) -> str:
        """Enroll a student in a further section of a course; returns the enrollment's id."""
        _check("role", role, ROLE_IDS)
        _check("state", state, ENROLLMENT_STATES)
        course, subject = self._changed(course_id), self._state.students[student]
        seat = subject.seats.setdefault(course.id, Seat([]))
        section = max((item.section for item in seat.enrollments), default=-1) + 1
        added = new_enrollment(student, course, section=section, role=role, state=state)
        seat.enrollments.append(added)
        return str(added.id)

    def invite(self, course_id: int | str, *, student: int = 0, role: str = "student") -> str:
        """Invite a student to a course; returns the enrollment's id."""
        return self.enroll(course_id, student=student, role=role, state="invited")

    def set_enrollment_state(
        self, course_id: int | str, state: str, *, student: int = 0, section: int | None = None
    ) -> None:
        """Set the stored state of a student's enrollment in one section, or in all."""
        _check("state", state, ENROLLMENT_STATES)
        for enrollment in self._selected(course_id, student, section):
            enrollment.state = state

    def set_enrollment_dates(
        self,
        course_id: int | str,
        *,
        starts_at: TimeInput,
        ends_at: TimeInput,
        student: int = 0,
        section: int | None = None,
    ) -> None:
        """Set own dates of a student's enrollment; they replace those of course and term."""
        starts, ends = parse_time(starts_at), parse_time(ends_at)
        for enrollment in self._selected(course_id, student, section):
            enrollment.starts, enrollment.ends = starts, ends
        self._state.courses[int(course_id)].other_dates += [starts, ends]

    def override_total(
        self,
        course_id: int | str,
        score: float | None,
        *,
        student: int = 0,
        section: int | None = None,
    ) -> None:
        """Override the totals of a student with a final grade; None removes it."""
        for enrollment in self._selected(course_id, student, section):
            enrollment.override_score = score

    def withdraw_course(self, course_id: int | str, *, student: int | None = None) -> None:
        """Delete the enrollments of one student, or of all."""
        for enrollment in self._of_students(course_id, student):
            enrollment.state = "deleted"

    def restore_course(self, course_id: int | str, *, student: int | None = None) -> None:
        """Make the enrollments of one student, or of all, active again."""
        for enrollment in self._of_students(course_id, student):
            enrollment.state = "active"

    def _changed(self, course_id: int | str) -> Course:
        course = self._state.courses[int(course_id)]
        self._state.record_change(course)
        return course

    def _selected(
        self, course_id: int | str, student: int, section: int | None
    ) -> Iterable[Enrollment]:
        course = self._changed(course_id)
        return self._state.students[student].seats[course.id].selected(section)

    def _of_students(self, course_id: int | str, student: int | None) -> Iterable[Enrollment]:
        course, students = self._changed(course_id), self._state.students
        subjects: Iterable[Student] = students if student is None else [students[student]]
        for subject in subjects:
            seat = subject.seats.get(course.id)
            yield from seat.enrollments if seat else ()


def _check(what: str, value: str, known: Iterable[str]) -> None:
    if value not in known:
        raise ValueError(f"there is no {what} {value!r}; use one of {', '.join(known)}")
