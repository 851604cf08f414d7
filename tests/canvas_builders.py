"""Builders of courses, submissions and assignments as the Canvas client returns them."""

from typing import Any

from domain.canvas import Assignment, Course, Group, Submission


def course(canvas_id: str = "101", **overrides: Any) -> Course:
    """An active course; `overrides` replace its fields."""
    defaults = Course(
        canvas_id=canvas_id,
        name="Linear Algebra",
        course_code="MATH 2210",
        term=None,
        state="active",
        favorite=True,
        teachers=[{"id": "7", "name": "Emmy Noether"}],
        time_zone="America/Denver",
        current_score=91.5,
        current_grade="A-",
        final_score=80.0,
        final_grade="B-",
        grades_hidden=False,
        weighted=True,
        image_url="https://images.example/101?sig=1",
        html_url="https://canvas.example/courses/101",
    )
    return defaults | overrides  # type: ignore[return-value]  # a TypedDict with some keys replaced


def restricted_course(canvas_id: str = "101") -> Course:
    """A restricted course: Canvas shows only its id."""
    hidden = dict.fromkeys(course(), None)
    return (
        course(canvas_id)
        | hidden
        | {  # type: ignore[return-value]  # as above
            "canvas_id": canvas_id,
            "state": "restricted",
            "favorite": False,
            "teachers": [],
            "grades_hidden": False,
            "weighted": False,
            "html_url": "https://canvas.example/courses/101",
        }
    )


def submission(**overrides: Any) -> Submission:
    """A submission with a posted grade; `overrides` replace its fields."""
    defaults = Submission(
        state="graded",
        score=9.5,
        grade="9.5",
        submitted_at="2026-09-10T04:00:00Z",
        graded_at="2026-09-12T18:00:00Z",
        posted_at="2026-09-12T18:00:00Z",
        excused=False,
        late=False,
        missing=False,
        points_deducted=None,
        attempt=1,
    )
    return defaults | overrides  # type: ignore[return-value]  # a TypedDict with some keys replaced


def hidden_grade(**overrides: Any) -> Submission:
    """A submission whose grade is not posted, so that score and grade are None."""
    return submission(score=None, grade=None, posted_at=None) | overrides  # type: ignore[return-value]  # as above


def assignment(canvas_id: str = "5001", **overrides: Any) -> Assignment:
    """An assignment with a graded submission; `overrides` replace its fields."""
    defaults = Assignment(
        canvas_id=canvas_id,
        name="Problem set 1",
        group=Group(id="11", name="Homework", weight=40.0),
        due_at="2026-09-11T05:59:59Z",
        unlock_at=None,
        lock_at=None,
        points_possible=10.0,
        grading_type="points",
        submission_types=["online_upload"],
        html_url="https://canvas.example/courses/101/assignments/5001",
        submission=submission(),
    )
    return defaults | overrides  # type: ignore[return-value]  # a TypedDict with some keys replaced
