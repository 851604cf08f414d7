"""Parses rows of the change feeds to entries that are compared with known assignments."""

import re
from typing import Any

from domain.change_feed import (
    FeedEntry,
    PlannerStatus,
    graded_state_hash,
    part_state_hash,
    planner_state_hash,
)
from infrastructure.canvas.json_fields import (
    as_object,
    parse_id,
    parse_number,
    parse_text,
    parse_time,
)
from infrastructure.canvas.parse_submission import parse_submission

ASSIGNMENT_PLANNABLE_TYPES = frozenset({"assignment", "quiz", "discussion_topic"})
"""Types of planner items that are assignments; quizzes and topics have ids of their own too."""
PART_PLANNABLE_TYPE = "sub_assignment"
"""The type of a planner item that is a part of an assignment; its id is not that assignment's."""
ASSIGNMENT_URL = re.compile(r"/courses/[0-9~]+/assignments/([0-9~]+)")


def parse_graded_submission(row: Any) -> FeedEntry | None:
    """Parse a row of `GET /users/self/graded_submissions`; None if it has no course id."""
    row = as_object(row)
    assignment = as_object(row.get("assignment"))
    assignment_id = parse_id(row.get("assignment_id")) or parse_id(assignment.get("id"))
    course_id = parse_id(assignment.get("course_id"))
    submission = parse_submission(row)
    state_hash = graded_state_hash(submission)
    if course_id is None or assignment_id is None or state_hash is None:
        return None
    return FeedEntry("graded", course_id, assignment_id, state_hash, submission["graded_at"])


def is_planner_item(row: Any) -> bool:
    """Return whether a row is an item of the planner, also one that is not an assignment."""
    return parse_text(as_object(row).get("plannable_type")) is not None


def parse_planner_item(row: Any) -> FeedEntry | None:
    """Parse an item of `GET /planner/items`; None if it is not an assignment of a course."""
    row = as_object(row)
    plannable = as_object(row.get("plannable"))
    kind = parse_text(row.get("plannable_type"))
    course_id = parse_id(row.get("course_id"))
    due_at = parse_time(plannable.get("due_at")) or parse_time(row.get("plannable_date"))
    if not (course_id and due_at):
        return None
    if kind == PART_PLANNABLE_TYPE:
        return _parse_part(row, plannable, course_id, due_at)
    assignment_id = parse_id(plannable.get("assignment_id"))
    if assignment_id is None and kind == "assignment":
        assignment_id = parse_id(row.get("plannable_id"))
    if kind not in ASSIGNMENT_PLANNABLE_TYPES or not assignment_id:
        return None
    state_hash = planner_state_hash(
        parse_text(plannable.get("title")),
        due_at,
        parse_number(plannable.get("points_possible")),
        _parse_status(as_object(row.get("submissions"))),
    )
    return FeedEntry("planned", course_id, assignment_id, state_hash, due_at)


def _parse_part(
    row: dict[str, Any], plannable: dict[str, Any], course_id: str, due_at: str
) -> FeedEntry | None:
    """Parse the item of a part; None if Canvas does not show which assignment it belongs to.

    Newer versions of Canvas show the id of the assignment only in the URL.
    """
    found = ASSIGNMENT_URL.search(parse_text(row.get("html_url")) or "")
    assignment_id = parse_id(plannable.get("assignment_id")) or parse_id(found and found[1])
    tag = parse_text(plannable.get("sub_assignment_tag"))
    if not (assignment_id and tag):
        return None
    points = parse_number(plannable.get("points_possible"))
    status = _parse_part_status(as_object(row.get("submissions")))
    fresh_hash, begun_hash = (
        part_state_hash(due_at, points, status, has_begun=has_begun) for has_begun in (False, True)
    )
    return FeedEntry("planned", course_id, assignment_id, fresh_hash, due_at, tag, begun_hash)


def _parse_part_status(row: dict[str, Any]) -> PlannerStatus:
    """Parse the status of a part; a grade that is not posted does not count, as in the lists."""
    status = _parse_status(row)
    is_unposted = "posted_at" in row and status.posted_at is None
    return status._replace(graded=status.graded and not is_unposted)


def _parse_status(row: dict[str, Any]) -> PlannerStatus:
    return PlannerStatus(
        submitted=row.get("submitted") is True,
        graded=row.get("graded") is True and row.get("excused") is not True,
        excused=row.get("excused") is True,
        late=row.get("late") is True,
        missing=row.get("missing") is True,
        posted_at=parse_time(row.get("posted_at")),
    )
