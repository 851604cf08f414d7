"""Operations on assignments."""

from datetime import datetime
from typing import Any

from infrastructure.canvas_sandbox.model import Assignment, Course, Submission
from infrastructure.canvas_sandbox.sandbox_clock import format_time, parse_time
from infrastructure.canvas_sandbox.state import SandboxState

TimeInput = datetime | str | float


class AssignmentOperations:
    """Lists, adds and changes assignments."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state

    def assignments(self, course_id: int | str, *, student: int = 0) -> list[dict[str, Any]]:
        """List the assignments of a course with a student's work, hidden grades included."""
        course = self._state.courses[int(course_id)]
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
        published: bool = True,
        omitted: bool = False,
        post_manually: bool = False,
    ) -> str:
        """Add an assignment to the group with the index `group`; returns its id."""
        course = self._state.courses[int(course_id)]
        added = new_assignment(course, name, group, self._state.clock.now())
        added.due_at = None if due_at is None else parse_time(due_at)
        added.points, added.grading_type = points, grading_type
        added.submission_type, added.present = submission_type, published
        added.omitted, added.post_manually = omitted, post_manually
        course.assignments[added.id] = added
        self._state.record_change(course)
        return str(added.id)

    def move_due_date(self, assignment_id: int | str, due_at: TimeInput | None) -> None:
        """Change the due date of an assignment, or remove it."""
        self._edited(assignment_id).due_at = None if due_at is None else parse_time(due_at)

    def lock_assignment(
        self,
        assignment_id: int | str,
        *,
        unlock_at: TimeInput | None = None,
        lock_at: TimeInput | None = None,
    ) -> None:
        """Set when an assignment unlocks and locks; without times it is always open."""
        assignment = self._edited(assignment_id)
        assignment.unlock_at = None if unlock_at is None else parse_time(unlock_at)
        assignment.lock_at = None if lock_at is None else parse_time(lock_at)

    def lock_in_module(self, assignment_id: int | str, module: str | None) -> None:
        """Lock an assignment until a module with this name is unlocked; None unlocks it."""
        self._edited(assignment_id).module = module

    def rename_assignment(self, assignment_id: int | str, name: str) -> None:
        """Rename an assignment."""
        self._edited(assignment_id).name = name

    def remove_assignment(self, assignment_id: int | str) -> None:
        """Unpublish an assignment: students no longer see it, staff sees a draft."""
        self._edited(assignment_id).present = False

    def restore_assignment(self, assignment_id: int | str) -> None:
        """Publish a removed assignment again, with its submissions."""
        self._edited(assignment_id).present = True

    def omit_assignment(self, assignment_id: int | str, *, omitted: bool = True) -> None:
        """Leave an assignment out of all totals, or let it count."""
        self._edited(assignment_id).omitted = omitted

    def set_post_policy(self, assignment_id: int | str, *, manual: bool = True) -> None:
        """Let a teacher post the grades of an assignment, or post each at once."""
        self._edited(assignment_id).post_manually = manual

    def set_points(self, assignment_id: int | str, points: float | None) -> None:
        """Change the points that are possible; scores do not change."""
        self._edited(assignment_id).points = points

    def set_submission_type(self, assignment_id: int | str, submission_type: str) -> None:
        """Change the submission type; several are separated by commas."""
        self._edited(assignment_id).submission_type = submission_type

    def _edited(self, assignment_id: int | str) -> Assignment:
        course, assignment = self._state.find_assignment(int(assignment_id))
        self._state.record_change(course)
        assignment.updated_at = self._state.clock.now()
        return assignment


def new_assignment(course: Course, name: str, group: int, now: int) -> Assignment:
    """Create an assignment with the next free id of a course, without adding it."""
    last = max(course.assignments, default=course.groups[0].id * 100)
    return Assignment(
        id=last + 1,
        name=name,
        group=course.groups[group],
        position=len(course.assignments) + 1,
        description="",
        due_at=None,
        unlock_at=None,
        lock_at=None,
        points=10.0,
        grading_type="points",
        submission_type="online_upload",
        created_at=now,
        updated_at=now,
    )


def _assignment_document(assignment: Assignment, work: Submission | None) -> dict[str, Any]:
    return {
        "id": str(assignment.id),
        "name": assignment.name,
        "due_at": format_time(assignment.due_at),
        "points_possible": assignment.points,
        "grading_type": assignment.grading_type,
        "submission_type": assignment.submission_type,
        "group_id": str(assignment.group.id),
        "present": assignment.present,
        "omitted": assignment.omitted,
        "module": assignment.module,
        "parts": [
            {"id": str(part.id), "tag": part.tag, "due_at": format_time(part.due_at)}
            for part in assignment.parts
        ],
        "assigned": work is not None,
        "state": work.state if work else None,
        "score": work.score if work else None,
        "grade": work.grade if work else None,
        "posted": work is not None and work.posted_at is not None,
        "excused": bool(work and work.excused),
    }
