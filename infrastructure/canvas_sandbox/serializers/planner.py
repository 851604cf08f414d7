"""The JSON of planner items."""

from typing import Any, NamedTuple

from infrastructure.canvas_sandbox.model import Assignment, Course, Submission
from infrastructure.canvas_sandbox.sandbox_clock import format_time
from infrastructure.canvas_sandbox.serializers.assignment import plannable_id
from infrastructure.canvas_sandbox.serializers.course import image_url
from infrastructure.canvas_sandbox.submission_flags import is_late, is_missing

PLANNABLE_TYPES = {
    "online_quiz": "quiz",
    "discussion_topic": "discussion_topic",
    "wiki_page": "wiki_page",
}
PART_TYPE = "sub_assignment"
REQUIRED_REPLIES = 1
PAGE_PATHS = {"quiz": "quizzes", "discussion_topic": "discussion_topics", "wiki_page": "pages"}


class PlannedItem(NamedTuple):
    """An assignment with a due date, or a part of a discussion, with the student's submission.

    `course_name` is the name that the student sees, `domain` the host in URLs. `whole` is the
    discussion of a part.
    """

    course: Course
    course_name: str
    item: Assignment
    work: Submission | None
    now: int
    domain: str
    whole: Assignment | None = None


def serialize_planner_item(planned: PlannedItem) -> dict[str, Any]:
    """Serialize an item; a quiz, topic or part gets its own id. There is no score.

    Of the discussion of a part, only the address contains the id.
    """
    course, item, work, whole = planned.course, planned.item, planned.work, planned.whole
    kind = PLANNABLE_TYPES.get(item.submission_type, "assignment") if whole is None else PART_TYPE
    id_, extra = _identity(item, kind)
    page_id = whole.id if whole else id_
    page = f"/courses/{course.id}/{PAGE_PATHS.get(kind, 'assignments')}/{page_id}"
    return {
        "context_type": "Course",
        "course_id": course.id,
        "plannable_id": id_,
        "planner_override": None,
        "plannable_type": kind,
        "new_activity": False,
        "submissions": _submission_fields(work, planned.now) if work else False,
        "plannable_date": format_time(item.due_at),
        "plannable": _plannable(item, id_, extra),
        **({"details": {"reply_to_entry_required_count": REQUIRED_REPLIES}} if whole else {}),
        "html_url": _work_page(course, (whole or item).id, work) or page,
        "context_name": planned.course_name,
        "context_image": image_url(course, planned.domain),
    }


def _identity(item: Assignment, kind: str) -> tuple[int, dict[str, Any]]:
    """The id of the plannable, and the fields that identify it further."""
    if kind == PART_TYPE:
        return item.id, {"sub_assignment_tag": item.tag}
    if kind == "assignment":
        return item.id, {}
    return plannable_id(item), {"assignment_id": item.id}


def _plannable(subject: Assignment, id_: int, extra: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": id_,
        **extra,
        "title": subject.name,
        "created_at": format_time(subject.created_at),
        "updated_at": format_time(subject.updated_at),
        "points_possible": subject.points,
        "due_at": format_time(subject.due_at),
    }


def _work_page(course: Course, assignment_id: int, work: Submission | None) -> str | None:
    """The page of the submission, to which the item links once there is something to see."""
    if work is None or (work.attempt is None and not work.is_graded):
        return None
    return f"/courses/{course.id}/assignments/{assignment_id}/submissions/{work.user_id}"


def _submission_fields(work: Submission, now: int) -> dict[str, Any]:
    """The flags of a submission; `graded` does not depend on whether the grade is posted."""
    return {
        "submitted": work.submitted_at is not None,
        "excused": bool(work.excused),
        "graded": work.is_graded,
        "posted_at": format_time(work.posted_at),
        "late": is_late(work),
        "missing": is_missing(work, now),
        "needs_grading": work.needs_grading,
        "has_feedback": False,
        "redo_request": False,
    }
