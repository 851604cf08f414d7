"""The JSON of planner items."""

from typing import Any

from infrastructure.canvas_sandbox.model import Assignment, Course, Submission
from infrastructure.canvas_sandbox.sandbox_clock import format_time
from infrastructure.canvas_sandbox.serializers.assignment import plannable_id
from infrastructure.canvas_sandbox.serializers.submission import is_late, is_missing

PLANNABLE_TYPES = {"online_quiz": "quiz", "discussion_topic": "discussion_topic"}
PAGE_PATHS = {"quiz": "quizzes", "discussion_topic": "discussion_topics"}


def serialize_planner_item(
    subject: Assignment, work: Submission | None, course: Course, name: str, now: int
) -> dict[str, Any]:
    """Serialize an assignment with a due date; a quiz or topic gets its own id. There is no score.

    `name` is the name that the student sees for the course.
    """
    kind = PLANNABLE_TYPES.get(subject.submission_type, "assignment")
    is_assignment = kind == "assignment"
    id_ = subject.id if is_assignment else plannable_id(subject)
    return {
        "context_type": "Course",
        "course_id": course.id,
        "plannable_id": id_,
        "planner_override": None,
        "plannable_type": kind,
        "new_activity": False,
        "submissions": _submission_fields(work, now) if work else False,
        "plannable_date": format_time(subject.due_at),
        "plannable": {
            "id": id_,
            **({} if is_assignment else {"assignment_id": subject.id}),
            "title": subject.name,
            "created_at": format_time(subject.created_at),
            "updated_at": format_time(subject.updated_at),
            "points_possible": subject.points,
            "due_at": format_time(subject.due_at),
        },
        "html_url": f"/courses/{course.id}/{PAGE_PATHS.get(kind, 'assignments')}/{id_}",
        "context_name": name,
        "context_image": None,
    }


def _submission_fields(work: Submission, now: int) -> dict[str, Any]:
    graded = work.state == "graded" and not work.hidden
    return {
        "submitted": work.submitted_at is not None,
        "excused": bool(work.excused),
        "graded": graded,
        "posted_at": format_time(work.posted_at),
        "late": is_late(work),
        "missing": is_missing(work, now),
        "needs_grading": work.state in {"submitted", "pending_review"},
        "has_feedback": False,
        "redo_request": False,
    }
