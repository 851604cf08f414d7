"""Operations on courses and terms."""

from datetime import datetime
from typing import Any

from infrastructure.canvas_sandbox.enrolled_students import Seat
from infrastructure.canvas_sandbox.model import Course
from infrastructure.canvas_sandbox.sandbox_clock import DAY_SECONDS, parse_time
from infrastructure.canvas_sandbox.state import SandboxState

TimeInput = datetime | str | float


class CourseOperations:
    """Lists and changes courses."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state

    def courses(self, *, student: int = 0) -> list[dict[str, Any]]:
        """List every course with its id, names, flags, totals and number of assignments."""
        subject, now = self._state.students[student], self._state.clock.now()
        return [
            {
                "id": str(course.id),
                "name": course.name,
                "nickname": seat.nickname,
                "present": seat.present,
                "role": seat.enrollments[0].role if seat.enrollments else None,
                "state": course.state,
                "term_id": str(course.term.id),
                "restricted": course.restricted,
                "totals_hidden": course.totals_hidden,
                "concluded": course.is_concluded(now),
                "weighted": course.weighted,
                "current_score": self._state.totals(subject, course).whole.current,
                "final_score": self._state.totals(subject, course).whole.final,
                "assignments": len(course.published_assignments()),
            }
            for course in self._state.courses.values()
            for seat in [subject.seats.get(course.id, Seat([]))]
        ]

    def restrict_course(self, course_id: int | str, *, restricted: bool = True) -> None:
        """Close a course by its dates a moment ago, so that lists show only its id, or open it."""
        self._changed(course_id).restricted = restricted

    def conclude_course(self, course_id: int | str, *, concluded: bool = True) -> None:
        """End the term of a course, or extend it; the section of the students stays open."""
        course = self._changed(course_id)
        now = self._state.clock.now()
        ends = now + (-DAY_SECONDS if concluded else 70 * DAY_SECONDS)
        course.term = course.term._replace(ends=ends)
        course.section_dates = (None, None) if concluded else None

    def end_course(
        self, course_id: int | str, *, hard: bool = False, restricted: bool = False
    ) -> None:
        """End a course by its end date, or conclude it (`hard`), perhaps with closed access."""
        course = self._changed(course_id)
        course.restricts_past_view = restricted
        if hard:
            course.state = "completed"
            self._move_enrollments(course, {"active", "invited"}, "completed")
        else:
            course.has_own_dates, course.section_dates = True, None
            course.ends = self._state.clock.now() - 1

    def reopen_course(self, course_id: int | str) -> None:
        """Undo that a course ended, was deleted or unpublished; its enrollments are active."""
        course = self._changed(course_id)
        course.state, course.restricted, course.restricts_past_view = "available", False, False
        course.has_own_dates, course.section_dates = True, None
        course.starts, course.ends = None, self._state.clock.now() + 70 * DAY_SECONDS
        self._move_enrollments(course, {"completed", "deleted"}, "active")

    def end_term(self, term_id: int | str, *, restricted: bool = False) -> None:
        """End all courses of a term by its end date, perhaps with closed access."""
        courses = [item for item in self._state.courses.values() if item.term.id == int(term_id)]
        if not courses:
            raise LookupError(f"no course of term {term_id}")
        for course in courses:
            course.term = course.term._replace(ends=self._state.clock.now() - 1)
            course.restricts_past_view = restricted
            self._state.record_change(course)

    def set_course_dates(
        self,
        course_id: int | str,
        *,
        starts_at: TimeInput | None = None,
        ends_at: TimeInput | None = None,
    ) -> None:
        """Set own dates of a course; without both, those of its term apply again."""
        course = self._changed(course_id)
        course.starts = None if starts_at is None else parse_time(starts_at)
        course.ends = None if ends_at is None else parse_time(ends_at)
        course.has_own_dates = starts_at is not None or ends_at is not None

    def restrict_views(
        self, course_id: int | str, *, past: bool = False, future: bool = False
    ) -> None:
        """Close a course to students after its end, or before its start."""
        course = self._changed(course_id)
        course.restricts_past_view, course.restricts_future_view = past, future

    def delete_course(self, course_id: int | str) -> None:
        """Delete a course with its enrollments."""
        course = self._changed(course_id)
        course.state = "deleted"
        self._move_enrollments(course, None, "deleted")

    def unpublish_course(self, course_id: int | str, *, unpublished: bool = True) -> None:
        """Hide a course from its students, or publish it again."""
        self._changed(course_id).state = "unpublished" if unpublished else "available"

    def rename_course(self, course_id: int | str, name: str) -> None:
        """Rename a course."""
        self._changed(course_id).name = name

    def _changed(self, course_id: int | str) -> Course:
        course = self._state.courses[int(course_id)]
        self._state.record_change(course)
        return course

    def _move_enrollments(self, course: Course, states: set[str] | None, to: str) -> None:
        """Change the state of all enrollments that are in one of these states; None is any."""
        for student in self._state.students:
            seat = student.seats.get(course.id)
            for enrollment in seat.enrollments if seat else ():
                if states is None or enrollment.state in states:
                    enrollment.state = to
