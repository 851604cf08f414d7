"""Operations on courses and assignments."""

from datetime import datetime
from typing import Any

from infrastructure.canvas_sandbox.generator.generate_work import empty_submission
from infrastructure.canvas_sandbox.model import Assignment, Course, Submission
from infrastructure.canvas_sandbox.sandbox_clock import DAY_SECONDS, format_time, parse_time
from infrastructure.canvas_sandbox.situations import Situation
from infrastructure.canvas_sandbox.state import SandboxState

TimeInput = datetime | str | float


class CourseOperations:
    """Lists and changes courses and the assignments in them."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state

    def courses(self, *, student: int = 0) -> list[dict[str, Any]]:
        """List every course with its id, names, flags, totals and number of assignments."""
        subject = self._state.students[student]
        return [
            {
                "id": str(course.id),
                "name": course.name,
                "nickname": subject.enrollments[course.id].nickname,
                "present": subject.enrollments[course.id].present,
                "restricted": course.restricted,
                "totals_hidden": course.totals_hidden,
                "concluded": course.concluded,
                "weighted": course.weighted,
                "current_score": self._state.totals(subject, course)[0].current,
                "final_score": self._state.totals(subject, course)[0].final,
                "assignments": len(course.published_assignments()),
            }
            for course in self._state.courses.values()
        ]

    def assignments(self, course_id: int | str, *, student: int = 0) -> list[dict[str, Any]]:
        """List the assignments of a course with a student's work, hidden grades included."""
        course = self._course(course_id)
        work = self._state.work(self._state.students[student], course)
        return [
            _assignment_document(item, work.get(item.id)) for item in course.assignments.values()
        ]

    def add_assignment(
        self,
        course_id: int | str,
        name: str,
        *,
        points: float | None = 10.0,
        due_at: TimeInput | None = None,
        grading_type: str = "points",
        submission_type: str = "online_upload",
        group: int = 0,
    ) -> str:
        """Publish an assignment in the group with the index `group`; returns its id."""
        course, now = self._course(course_id), self._state.clock.now()
        position = len(course.assignments) + 1
        last = max(course.assignments, default=course.groups[0].id * 100)
        added = Assignment(
            id=last + 1,
            name=name,
            group=course.groups[group],
            position=position,
            description="",
            due_at=None if due_at is None else parse_time(due_at),
            unlock_at=None,
            lock_at=None,
            points=points,
            grading_type=grading_type,
            submission_type=submission_type,
            created_at=now,
            updated_at=now,
            situation=Situation(),
        )
        course.assignments[added.id] = added
        for student in self._state.students:
            self._state.work(student, course).setdefault(added.id, empty_submission(added, student))
        self._state.record_change(course)
        return str(added.id)

    def move_due_date(self, assignment_id: int | str, due_at: TimeInput | None) -> None:
        """Change the due date of an assignment, or remove it."""
        self._edited_assignment(assignment_id).due_at = (
            None if due_at is None else parse_time(due_at)
        )

    def lock_assignment(
        self,
        assignment_id: int | str,
        *,
        unlock_at: TimeInput | None = None,
        lock_at: TimeInput | None = None,
    ) -> None:
        """Set when an assignment unlocks and locks; without times it is always open."""
        assignment = self._edited_assignment(assignment_id)
        assignment.unlock_at = None if unlock_at is None else parse_time(unlock_at)
        assignment.lock_at = None if lock_at is None else parse_time(lock_at)

    def rename_assignment(self, assignment_id: int | str, name: str) -> None:
        """Rename an assignment."""
        self._edited_assignment(assignment_id).name = name

    def remove_assignment(self, assignment_id: int | str) -> None:
        """Unpublish an assignment: it is no longer in any list."""
        self._edited_assignment(assignment_id).present = False

    def restore_assignment(self, assignment_id: int | str) -> None:
        """Publish a removed assignment again, with its submissions."""
        self._edited_assignment(assignment_id).present = True

    def withdraw_course(self, course_id: int | str, *, student: int | None = None) -> None:
        """End the enrollment of one student, or of all."""
        self._set_enrolled(course_id, student, present=False)

    def restore_course(self, course_id: int | str, *, student: int | None = None) -> None:
        """Restore the enrollment of one student, or of all."""
        self._set_enrolled(course_id, student, present=True)

    def restrict_course(self, course_id: int | str, *, restricted: bool = True) -> None:
        """Close a course by its dates, so that Canvas shows only its id, or open it."""
        self._course(course_id, changed=True).restricted = restricted

    def conclude_course(self, course_id: int | str, *, concluded: bool = True) -> None:
        """End the term of a course, or extend it; the students stay enrolled."""
        course = self._course(course_id, changed=True)
        course.concluded = concluded
        ends = self._state.clock.now() + (-DAY_SECONDS if concluded else 70 * DAY_SECONDS)
        course.term = course.term._replace(ends=ends)

    def hide_totals(self, course_id: int | str, *, hidden: bool = True) -> None:
        """Hide the totals of a course, as `hide_final_grades` does, or show them."""
        self._course(course_id, changed=True).totals_hidden = hidden

    def rename_course(self, course_id: int | str, name: str) -> None:
        """Rename a course."""
        self._course(course_id, changed=True).name = name

    def _course(self, course_id: int | str, *, changed: bool = False) -> Course:
        course = self._state.courses[int(course_id)]
        if changed:
            self._state.record_change(course)
        return course

    def _edited_assignment(self, assignment_id: int | str) -> Assignment:
        course, assignment = self._state.find_assignment(int(assignment_id))
        self._state.record_change(course)
        assignment.updated_at = self._state.clock.now()
        return assignment

    def _set_enrolled(self, course_id: int | str, student: int | None, *, present: bool) -> None:
        course = self._course(course_id, changed=True)
        students = self._state.students
        for subject in students if student is None else [students[student]]:
            subject.enrollments[course.id].present = present


def _assignment_document(assignment: Assignment, work: Submission | None) -> dict[str, Any]:
    return {
        "id": str(assignment.id),
        "name": assignment.name,
        "due_at": format_time(assignment.due_at),
        "points_possible": assignment.points,
        "grading_type": assignment.grading_type,
        "present": assignment.present,
        "assigned": work is not None,
        "state": work.state if work else None,
        "score": work.score if work else None,
        "grade": work.grade if work else None,
        "posted": work is not None and work.posted_at is not None,
        "excused": bool(work and work.excused),
    }
