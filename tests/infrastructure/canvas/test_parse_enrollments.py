"""Role and state of a course, as its enrollments decide them."""

from typing import Any

import pytest

from infrastructure.canvas.parse_course import parse_course
from infrastructure.canvas.parse_enrollments import with_own_enrollments
from tests.infrastructure.canvas.rows import course_row, enrollment_row


def parsed_course(**fields: Any) -> dict[str, Any]:
    parsed = parse_course(course_row(**fields), "https://canvas.example")
    assert parsed
    return dict(parsed)


@pytest.mark.parametrize(
    ("rows", "role"),
    [
        ([enrollment_row()], "student"),
        ([enrollment_row(type="ta"), enrollment_row()], "student"),
        ([enrollment_row(type="ta"), enrollment_row(enrollment_state="completed")], "ta"),
        ([enrollment_row(type="TeacherEnrollment"), enrollment_row(type="designer")], "teacher"),
        ([enrollment_row(type="new type", role="ObserverEnrollment")], "observer"),
        ([enrollment_row(type="StudentViewEnrollment")], "student"),
        (None, "student"),
    ],
)
def test_the_role_is_that_of_the_live_enrollment(rows: Any, role: str) -> None:
    assert parsed_course(enrollments=rows)["role"] == role


@pytest.mark.parametrize(
    ("states", "state"),
    [
        (["active"], "active"),
        (["invited"], "active"),
        (["completed"], "concluded"),
        (["completed", "active"], "active"),
        (["deleted"], "withdrawn"),
        (["rejected", "deleted"], "withdrawn"),
        (["deleted", "completed"], "concluded"),
        (["inactive"], "concluded"),
    ],
)
def test_enrollments_decide_whether_a_course_has_ended(states: list[str], state: str) -> None:
    rows = [enrollment_row(enrollment_state=each) for each in states]
    assert parsed_course(enrollments=rows)["state"] == state


def test_the_enrollments_of_an_observed_student_are_left_out() -> None:
    own = enrollment_row(type="observer", user_id="42")
    row = course_row(enrollments=[enrollment_row(user_id="77"), own])
    assert with_own_enrollments(row, "42")["enrollments"] == [own]
    for unknown in ("1~42", None):
        assert with_own_enrollments(row, unknown) == row


PERIOD = {"current_grading_period_id": "5", "current_grading_period_title": "Q2"}
TOTALS = {"computed_current_score": 88.0, "computed_current_grade": "B"}


def test_the_grading_period_is_named_while_totals_are_hidden() -> None:
    row = enrollment_row(has_grading_periods=True, **PERIOD)
    parsed = parsed_course(enrollments=[row], hide_final_grades=True)
    assert parsed["grading_period"] == {"id": "5", "title": "Q2"}
    assert (parsed["grades_hidden"], parsed["current_score"]) == (True, None)


def test_without_a_current_period_totals_are_shown_only_if_the_course_permits_it() -> None:
    for permitted, score in ((True, 88.0), (False, None), (None, None)):
        row = enrollment_row(
            has_grading_periods=True, totals_for_all_grading_periods_option=permitted, **TOTALS
        )
        assert parsed_course(enrollments=[row])["current_score"] == score


def test_the_enrollment_with_the_most_values_states_the_totals() -> None:
    empty = dict.fromkeys(("computed_current_grade", "computed_final_score"))
    poor = enrollment_row(computed_current_score=50.0, computed_final_grade=None, **empty)
    rich = enrollment_row(computed_current_score=50.0, computed_current_grade="F")
    assert parsed_course(enrollments=[poor, rich])["current_grade"] == "F"
