"""Operations on checkpointed discussions and their parts."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from infrastructure.canvas_sandbox.control.assignment_operations import new_assignment
from infrastructure.canvas_sandbox.discussion_parts import aggregate_parts, with_parts
from infrastructure.canvas_sandbox.grade_format import format_grade
from infrastructure.canvas_sandbox.model import Submission
from infrastructure.canvas_sandbox.sandbox_clock import parse_time
from infrastructure.canvas_sandbox.state import SandboxState

TimeInput = datetime | str | float


class DiscussionOperations:
    """Adds discussions, and changes their parts and the work on them."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state

    def add_discussion(
        self,
        course_id: int | str,
        name: str,
        *,
        parts: Sequence[Mapping[str, Any]],
        group: int = 0,
    ) -> str:
        """Add a discussion of parts with `tag`, `points` and `due_at`; returns its id."""
        course = self._state.courses[int(course_id)]
        specified = [
            (str(part["tag"]), float(part["points"]), _time(part.get("due_at"))) for part in parts
        ]
        added = with_parts(new_assignment(course, name, group, self._state.clock.now()), specified)
        course.assignments[added.id] = added
        self._state.record_change(course)
        return str(added.id)

    def move_part(self, assignment_id: int | str, tag: str, due_at: TimeInput | None) -> None:
        """Change the due date of a part, or remove it."""
        course, discussion = self._state.find_assignment(int(assignment_id))
        part = discussion.part(tag)
        part.due_at = _time(due_at)
        part.updated_at = self._state.clock.now()
        self._state.record_change(course)

    def submit_part(
        self,
        assignment_id: int | str,
        tag: str,
        *,
        at: TimeInput | None = None,
        student: int = 0,
    ) -> None:
        """Hand in one part of a discussion, for the first time or again."""
        part = self._part_to_change(assignment_id, tag, student)
        part.submitted_at = self._state.clock.now() if at is None else parse_time(at)
        part.attempt = (part.attempt or 0) + 1
        part.grade_matches = part.graded_at is None
        part.state, part.late_policy = "submitted", None
        self._aggregate(assignment_id, student)

    def grade_part(
        self,
        assignment_id: int | str,
        tag: str,
        score: float | None,
        *,
        posted: bool = True,
        student: int = 0,
    ) -> None:
        """Grade one part of a discussion; None removes its grade."""
        part, now = self._part_to_change(assignment_id, tag, student), self._state.clock.now()
        course, _ = self._state.find_assignment(int(assignment_id))
        part.score = part.entered_score = score
        part.grade = part.entered_grade = format_grade(part.assignment, score, course.scheme)
        part.grade_matches = True
        is_graded = score is not None
        part.graded_at, part.grader_id = (now, course.teachers[0].id) if is_graded else (None, None)
        part.posted_at = now if posted and is_graded else None
        ungraded = "unsubmitted" if part.submitted_at is None else "submitted"
        part.state = "graded" if is_graded else ungraded
        self._aggregate(assignment_id, student)

    def _part_to_change(self, assignment_id: int | str, tag: str, student: int) -> Submission:
        course, discussion = self._state.find_assignment(int(assignment_id))
        subject = self._state.students[student]
        self._state.record_change(course, subject)
        return self._state.work_to_change(subject, course)[discussion.id].part(tag)

    def _aggregate(self, assignment_id: int | str, student: int) -> None:
        course, discussion = self._state.find_assignment(int(assignment_id))
        work = self._state.work(self._state.students[student], course)
        aggregate_parts(work[discussion.id], course.scheme, self._state.clock.now())


def _time(value: TimeInput | None) -> int | None:
    return None if value is None else parse_time(value)
