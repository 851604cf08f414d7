"""The planner's items: what is due when, over all courses."""

from typing import Any

from infrastructure.canvas_sandbox.model import Assignment, Course, Submission
from infrastructure.canvas_sandbox.sandbox_clock import iso
from infrastructure.canvas_sandbox.serializers.assignment import own_id
from infrastructure.canvas_sandbox.serializers.submission import is_late, is_missing

PLANNABLE = {"online_quiz": "quiz", "discussion_topic": "discussion_topic"}
PAGES = {"quiz": "quizzes", "discussion_topic": "discussion_topics"}


def planner_item(
    subject: Assignment, work: Submission | None, course: Course, name: str, now: int
) -> dict[str, Any]:
    """One dated assignment, a quiz or topic under the id it has as such; never with a score."""
    kind = PLANNABLE.get(subject.submission_type, "assignment")
    plain = kind == "assignment"
    id_ = subject.id if plain else own_id(subject)
    return {
        "context_type": "Course",
        "course_id": course.id,
        "plannable_id": id_,
        "planner_override": None,
        "plannable_type": kind,
        "new_activity": False,
        "submissions": _submissions(work, now) if work else False,
        "plannable_date": iso(subject.due_at),
        "plannable": {
            "id": id_,
            **({} if plain else {"assignment_id": subject.id}),
            "title": subject.name,
            "created_at": iso(subject.created_at),
            "updated_at": iso(subject.updated_at),
            "points_possible": subject.points,
            "due_at": iso(subject.due_at),
        },
        "html_url": f"/courses/{course.id}/{PAGES.get(kind, 'assignments')}/{id_}",
        "context_name": name,
        "context_image": None,
    }


def _submissions(work: Submission, now: int) -> dict[str, Any]:
    graded = work.state == "graded" and not work.hidden
    return {
        "submitted": work.submitted_at is not None,
        "excused": bool(work.excused),
        "graded": graded,
        "posted_at": iso(work.posted_at),
        "late": is_late(work),
        "missing": is_missing(work, now),
        "needs_grading": work.state in {"submitted", "pending_review"},
        "has_feedback": False,
        "redo_request": False,
    }
