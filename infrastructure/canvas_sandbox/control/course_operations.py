"""What teachers and the registrar do to courses and assignments."""

from datetime import datetime
from typing import Any

from infrastructure.canvas_sandbox.generator.generate_work import blank
from infrastructure.canvas_sandbox.generator.situations import Situation
from infrastructure.canvas_sandbox.model import Assignment, Course, Submission
from infrastructure.canvas_sandbox.sandbox_clock import DAY, instant, iso
from infrastructure.canvas_sandbox.state import Campus

Moment = datetime | str | float


class Catalogue:
    """Courses, and the assignments in them."""

    _campus: Campus

    def courses(self, *, student: int = 0) -> list[dict[str, Any]]:
        """Every course with its id, names, flags, totals and number of assignments."""
        learner = self._campus.students[student]
        return [
            {
                "id": str(course.id),
                "name": course.name,
                "nickname": learner.enrollments[course.id].nickname,
                "present": learner.enrollments[course.id].present,
                "restricted": course.restricted,
                "totals_hidden": course.totals_hidden,
                "concluded": course.concluded,
                "weighted": course.weighted,
                "current_score": self._campus.totals(learner, course)[0].current,
                "final_score": self._campus.totals(learner, course)[0].final,
                "assignments": len(course.shown()),
            }
            for course in self._campus.courses.values()
        ]

    def assignments(self, course_id: int | str, *, student: int = 0) -> list[dict[str, Any]]:
        """Every assignment of a course with a student's work, hidden grades included."""
        course = self._course(course_id)
        work = self._campus.work(self._campus.students[student], course)
        return [_told(item, work.get(item.id)) for item in course.assignments.values()]

    def add_assignment(
        self,
        course_id: int | str,
        name: str,
        *,
        points: float | None = 10.0,
        due_at: Moment | None = None,
        grading_type: str = "points",
        submission_type: str = "online_upload",
        group: int = 0,
    ) -> str:
        """Publish one more assignment in the course's `group`-th group; gives its id."""
        course, now = self._course(course_id), self._campus.clock.now()
        position = len(course.assignments) + 1
        last = max(course.assignments, default=course.groups[0].id * 100)
        added = Assignment(
            id=last + 1,
            name=name,
            group=course.groups[group],
            position=position,
            description="",
            due_at=None if due_at is None else instant(due_at),
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
        for student in self._campus.students:
            self._campus.work(student, course).setdefault(added.id, blank(added, student))
        self._campus.changed(course)
        return str(added.id)

    def move_due_date(self, assignment_id: int | str, due_at: Moment | None) -> None:
        """Give an assignment another due date, or none."""
        self._edit(assignment_id).due_at = None if due_at is None else instant(due_at)

    def lock_assignment(
        self,
        assignment_id: int | str,
        *,
        unlock_at: Moment | None = None,
        lock_at: Moment | None = None,
    ) -> None:
        """Set when an assignment opens and closes; neither leaves it open."""
        assignment = self._edit(assignment_id)
        assignment.unlock_at = None if unlock_at is None else instant(unlock_at)
        assignment.lock_at = None if lock_at is None else instant(lock_at)

    def rename_assignment(self, assignment_id: int | str, name: str) -> None:
        """Give an assignment another name."""
        self._edit(assignment_id).name = name

    def remove_assignment(self, assignment_id: int | str) -> None:
        """Unpublish an assignment: it is gone from every list."""
        self._edit(assignment_id).present = False

    def restore_assignment(self, assignment_id: int | str) -> None:
        """Bring a removed assignment back, with the work on it."""
        self._edit(assignment_id).present = True

    def withdraw_course(self, course_id: int | str, *, student: int | None = None) -> None:
        """End one student's enrollment, or everybody's."""
        self._enroll(course_id, student, present=False)

    def restore_course(self, course_id: int | str, *, student: int | None = None) -> None:
        """Take a withdrawal back."""
        self._enroll(course_id, student, present=True)

    def restrict_course(self, course_id: int | str, *, restricted: bool = True) -> None:
        """Close a course by its dates, so that only its id is shown; or open it."""
        self._course(course_id, changed=True).restricted = restricted

    def conclude_course(self, course_id: int | str, *, concluded: bool = True) -> None:
        """Let a course's term be over; the student stays enrolled."""
        course = self._course(course_id, changed=True)
        course.concluded = concluded
        ends = self._campus.clock.now() + (-DAY if concluded else 70 * DAY)
        course.term = course.term._replace(ends=ends)

    def hide_totals(self, course_id: int | str, *, hidden: bool = True) -> None:
        """Hide a course's totals, as `hide_final_grades` does; or show them."""
        self._course(course_id, changed=True).totals_hidden = hidden

    def rename_course(self, course_id: int | str, name: str) -> None:
        """Give a course another name."""
        self._course(course_id, changed=True).name = name

    def _course(self, course_id: int | str, *, changed: bool = False) -> Course:
        course = self._campus.courses[int(course_id)]
        if changed:
            self._campus.changed(course)
        return course

    def _edit(self, assignment_id: int | str) -> Assignment:
        course, assignment = self._campus.find(int(assignment_id))
        self._campus.changed(course)
        assignment.updated_at = self._campus.clock.now()
        return assignment

    def _enroll(self, course_id: int | str, student: int | None, *, present: bool) -> None:
        course = self._course(course_id, changed=True)
        students = self._campus.students
        for learner in students if student is None else [students[student]]:
            learner.enrollments[course.id].present = present


def _told(assignment: Assignment, work: Submission | None) -> dict[str, Any]:
    return {
        "id": str(assignment.id),
        "name": assignment.name,
        "due_at": iso(assignment.due_at),
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
