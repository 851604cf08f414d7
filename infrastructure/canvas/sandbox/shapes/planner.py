"""The planner's items: what is due when, over all courses."""

from typing import Any

from infrastructure.canvas.sandbox.instants import iso
from infrastructure.canvas.sandbox.school import Assignment, Course, Submission
from infrastructure.canvas.sandbox.shapes.submission import is_late, is_missing

PLANNABLE = {"online_quiz": "quiz", "discussion_topic": "discussion_topic"}


def planner_item(
    subject: Assignment, work: Submission | None, course: Course, name: str, now: int
) -> dict[str, Any]:
    """One dated assignment; it never shows a score."""
    return {
        "context_type": "Course",
        "course_id": course.id,
        "plannable_id": subject.id,
        "planner_override": None,
        "plannable_type": PLANNABLE.get(subject.submission_type, "assignment"),
        "new_activity": False,
        "submissions": _submissions(work, now) if work else False,
        "plannable_date": iso(subject.due_at),
        "plannable": {
            "id": subject.id,
            "title": subject.name,
            "created_at": iso(subject.created_at),
            "updated_at": iso(subject.updated_at),
            "points_possible": subject.points,
            "due_at": iso(subject.due_at),
        },
        "html_url": f"/courses/{course.id}/assignments/{subject.id}",
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
