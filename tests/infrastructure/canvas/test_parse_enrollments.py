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
