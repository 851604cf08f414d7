"""Builders of courses, groups, submissions and assignments as the Canvas client returns them."""

from typing import Any

from domain.canvas import Assignment, AssignmentGroup, Course, Group, Part, Submission


def course(canvas_id: str = "101", **overrides: Any) -> Course:
    """An active course; `overrides` replace its fields."""
    defaults = Course(
        canvas_id=canvas_id,
        name="Linear Algebra",
        course_code="MATH 2210",
        term=None,
        role="student",
        state="active",
        ended=False,
        favorite=True,
        teachers=[{"id": "7", "name": "Emmy Noether"}],
        time_zone="America/Denver",
        current_score=91.5,
        current_grade="A-",
        final_score=80.0,
        final_grade="B-",
        grading_period=None,
        has_grading_periods=False,
        weighted_periods=False,
        all_periods_shown=False,
        period_totals=None,
        course_totals=None,
        grading_scheme=None,
        grades_hidden=False,
        weighted=True,
        image_url="https://images.example/101",
        html_url="https://canvas.example/courses/101",
    )
    return defaults | overrides  # type: ignore[return-value]  # a TypedDict with some keys replaced


def restricted_course(canvas_id: str = "101", *, ended: bool = False) -> Course:
    """A restricted course: Canvas shows only its id, and whether it is listed with ended ones."""
    hidden = dict.fromkeys(course(), None)
    return (
        course(canvas_id)
        | hidden
        | {  # type: ignore[return-value]  # as above
            "canvas_id": canvas_id,
            "role": "student",
            "state": "restricted",
            "ended": ended,
            "has_grading_periods": False,
            "weighted_periods": False,
            "all_periods_shown": False,
            "favorite": False,
            "teachers": [],
            "grades_hidden": False,
            "weighted": False,
            "html_url": "https://canvas.example/courses/101",
        }
    )


def group(canvas_id: str = "11", **overrides: Any) -> AssignmentGroup:
    """An assignment group without drop rules; `overrides` replace its fields."""
    defaults = AssignmentGroup(
        id=canvas_id,
        name="Homework",
        weight=40.0,
        position=1,
        drop_lowest=0,
        drop_highest=0,
        never_drop=[],
    )
    return defaults | overrides  # type: ignore[return-value]  # a TypedDict with some keys replaced


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
        entered_score=9.5,
        entered_grade="9.5",
        late_policy_status=None,
        grade_is_current=True,
        submission_type="online_upload",
    )
    return defaults | overrides  # type: ignore[return-value]  # a TypedDict with some keys replaced


def hidden_grade(**overrides: Any) -> Submission:
    """A submission whose grade is not posted, so that score and grade are None."""
    return submission(score=None, grade=None, posted_at=None) | overrides  # type: ignore[return-value]  # as above


def unsubmitted(**overrides: Any) -> Submission:
    """A submission that Canvas keeps for a student who has handed in nothing."""
    nothing = dict.fromkeys(
        ("score", "grade", "submitted_at", "graded_at", "posted_at", "attempt", "submission_type")
    )
    return submission(state="unsubmitted", **nothing) | overrides  # type: ignore[return-value]  # as above


def part(tag: str = "reply_to_topic", **overrides: Any) -> Part:
    """A part of an assignment whose submission Canvas does not show."""
    defaults = Part(
        tag=tag,
        name=None,
        due_at="2026-09-11T05:59:59Z",
        unlock_at=None,
        lock_at=None,
        points_possible=5.0,
        submission=None,
    )
    return defaults | overrides  # type: ignore[return-value]  # a TypedDict with some keys replaced


def assignment(canvas_id: str = "5001", **overrides: Any) -> Assignment:
    """An assignment with a graded submission; `overrides` replace its fields."""
    defaults = Assignment(
        canvas_id=canvas_id,
        name="Problem set 1",
        group=Group(id="11", name="Homework", weight=40.0),
        position=1,
        due_at="2026-09-11T05:59:59Z",
        unlock_at=None,
        lock_at=None,
        locked_for_user=False,
        locked_by=None,
        lock_explanation=None,
        parts=[],
        published=True,
        omit_from_final_grade=False,
        post_manually=False,
        grading_period_id=None,
        score_statistics=None,
        points_possible=10.0,
        grading_type="points",
        submission_types=["online_upload"],
        html_url="https://canvas.example/courses/101/assignments/5001",
        submission=submission(),
    )
    return defaults | overrides  # type: ignore[return-value]  # a TypedDict with some keys replaced
