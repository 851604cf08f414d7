"""Rows of the lists over all courses, turned into what is compared with memory."""

from typing import Any

from domain.change_feed import Glimpse, Status, graded_mark, planned_mark
from infrastructure.canvas.json_fields import id_of, number, record, text, time
from infrastructure.canvas.parse_assignment import parse_submission

GRADABLE = frozenset({"assignment", "quiz", "discussion_topic"})
"""What the planner calls an assignment; quizzes and topics have ids of their own."""


def parse_graded(row: Any) -> Glimpse | None:
    """A row of `GET /users/self/graded_submissions`; None where it is not told of which course."""
    row = record(row)
    assignment = record(row.get("assignment"))
    assignment_id = id_of(row.get("assignment_id")) or id_of(assignment.get("id"))
    course_id = id_of(assignment.get("course_id"))
    submission = parse_submission(row)
    mark = graded_mark(submission)
    if course_id is None or assignment_id is None or mark is None:
        return None
    return Glimpse("graded", course_id, assignment_id, mark, submission["graded_at"])


def parse_planned(row: Any) -> Glimpse | None:
    """An item of `GET /planner/items`; None for what is no assignment of a course."""
    row = record(row)
    plannable = record(row.get("plannable"))
    kind = text(row.get("plannable_type"))
    course_id = id_of(row.get("course_id"))
    assignment_id = id_of(plannable.get("assignment_id"))
    if assignment_id is None and kind == "assignment":
        assignment_id = id_of(row.get("plannable_id"))
    due_at = time(plannable.get("due_at")) or time(row.get("plannable_date"))
    if kind not in GRADABLE or not (course_id and assignment_id and due_at):
        return None
    mark = planned_mark(
        text(plannable.get("title")),
        due_at,
        number(plannable.get("points_possible")),
        _status(record(row.get("submissions"))),
    )
    return Glimpse("planned", course_id, assignment_id, mark, due_at)


def _status(row: dict[str, Any]) -> Status:
    return Status(
        submitted=row.get("submitted") is True,
        excused=row.get("excused") is True,
        late=row.get("late") is True,
        missing=row.get("missing") is True,
        posted_at=time(row.get("posted_at")),
    )
