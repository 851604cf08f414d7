from pathlib import Path
from typing import Any

import orjson
import pytest

from infrastructure.canvas.parse_assignment import parse_assignment, parse_group
from infrastructure.canvas.parse_course import parse_course, student_id
from tests.canvas_builders import assignment, course, restricted, submission
from tests.infrastructure.canvas.rows import (
    assignment_row,
    course_row,
    enrollment_row,
    group_row,
    submission_row,
)

BODIES = Path(__file__).parent / "bodies"
ORIGIN = "https://canvas.example"
FALL = {"id": "3", "name": "Fall", "start_at": "2026-08-20T06:00:00Z", "end_at": None}


def body(name: str) -> Any:
    return orjson.loads((BODIES / name).read_bytes())


def course_of(**other: Any) -> dict[str, Any]:
    found = parse_course(course_row(**other), ORIGIN)
    assert found
    return dict(found)


def submission_of(row: Any, student: str | None = "42") -> dict[str, Any] | None:
    group = parse_group(group_row())
    assert group
    found = parse_assignment(assignment_row(submission=row), group, student)
    assert found
    return dict(found["submission"]) if found["submission"] else None


def test_a_course_is_stored_as_a_student_sees_it() -> None:
    assert parse_course(course_row(), ORIGIN) == course(term=FALL)


def test_a_restricted_course_has_an_id_and_no_name() -> None:
    row = {"id": 101, "access_restricted_by_date": True}
    assert parse_course(row, ORIGIN) == restricted()


def test_an_assignment_is_stored_with_its_group_and_submission() -> None:
    group = parse_group(group_row())
    assert group
    assert parse_assignment(assignment_row(), group, "42") == assignment()


@pytest.mark.parametrize(
    ("other", "state"),
    [
        ({}, "active"),
        ({"concluded": True}, "concluded"),
        ({"workflow_state": "completed"}, "concluded"),
        ({"access_restricted_by_date": True, "concluded": True}, "restricted"),
        ({"workflow_state": "something new"}, "active"),
    ],
)
def test_the_state_of_a_course(other: dict[str, Any], state: str) -> None:
    assert course_of(**other)["state"] == state


@pytest.mark.parametrize(
    "other",
    [
        {"hide_final_grades": True},
        {"enrollments": [{"type": "student", "user_id": "42"}]},
        {"enrollments": []},
        {"enrollments": None},
        {"enrollments": [enrollment_row(type="teacher")]},
        {"enrollments": [enrollment_row(type="observer", associated_user_id="9")]},
    ],
)
def test_hidden_totals_are_no_totals(other: dict[str, Any]) -> None:
    found = course_of(**other)
    assert found["grades_hidden"]
    assert [
        found[f"{which}_{what}"] for which in ("current", "final") for what in ("score", "grade")
    ] == [None] * 4


def test_a_course_where_nothing_is_graded_yet_hides_nothing() -> None:
    found = course_of(
        enrollments=[
            enrollment_row(
                computed_current_score=None,
                computed_current_grade=None,
                computed_current_letter_grade=None,
            )
        ]
    )
    assert (found["grades_hidden"], found["current_score"], found["final_score"]) == (
        False,
        None,
        80.0,
    )


def test_among_several_enrollments_the_students_with_totals_counts() -> None:
    enrollments = [
        {"type": "ta", "user_id": "42", "computed_current_score": 1.0},
        {"type": "student", "user_id": "42"},
        enrollment_row(computed_current_score=70.0),
    ]
    assert course_of(enrollments=enrollments)["current_score"] == 70.0
    assert student_id(course_row(enrollments=enrollments)) == "42"


def test_a_letter_stands_in_for_a_missing_grade_and_a_period_for_a_missing_total() -> None:
    lettered = enrollment_row(computed_current_grade=None, computed_current_letter_grade="B+")
    assert course_of(enrollments=[lettered])["current_grade"] == "B+"
    nothing = dict.fromkeys(
        ("computed_current_score", "computed_current_grade", "computed_current_letter_grade")
    )
    period = {
        "current_period_computed_current_score": 88.0,
        "current_period_computed_current_grade": "B",
    }
    found = course_of(enrollments=[enrollment_row(**nothing, **period)])
    assert (found["current_score"], found["current_grade"]) == (88.0, "B")


def test_the_order_of_the_teachers_is_no_difference() -> None:
    two = [{"id": 9, "display_name": "Gauss"}, {"id": "7", "display_name": "Noether"}]
    assert course_of(teachers=two)["teachers"] == course_of(teachers=two[::-1])["teachers"]
    assert [teacher["id"] for teacher in course_of(teachers=two)["teachers"]] == ["7", "9"]


def test_a_hidden_grade_is_neither_score_nor_grade() -> None:
    row = submission_row(posted_at=None)
    for key in ("score", "grade", "entered_score"):
        del row[key]
    assert submission_of(row) == submission(score=None, grade=None, posted_at=None)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (submission_row(), submission()),
        (submission_row(workflow_state="a new state"), submission(state="a new state")),
        (
            submission_row(excused=True, score=None, grade=None),
            submission(excused=True, score=None, grade=None),
        ),
        (submission_row(excused=None, late=1, missing="true"), submission()),
        (submission_row(seconds_late=86_400, preview_url="other"), submission()),
        (
            submission_row(points_deducted=1.5, attempt=2**40),
            submission(points_deducted=1.5, attempt=None),
        ),
        (submission_row(score="9.5", grade=9.5), submission(score=None, grade=None)),
        (None, None),
        ("none", None),
        ([], None),
        ([submission_row(user_id="41", score=1.0), submission_row()], submission()),
        ([submission_row(user_id=41)], None),
    ],
)
def test_a_submission_is_ones_own_and_strictly_typed(row: Any, expected: Any) -> None:
    assert submission_of(row) == expected


def test_of_several_submissions_the_first_counts_while_nobody_knows_who_we_are() -> None:
    assert submission_of([submission_row(user_id="41")], student=None) == submission()


def test_the_documented_course_is_understood() -> None:
    found = parse_course(body("doc-examples/course.json"), ORIGIN)
    assert found
    assert (found["canvas_id"], found["name"]) == ("370663", "InstructureCon 2012")
    assert found["term"] == {
        "id": "1",
        "name": "Default Term",
        "start_at": "2012-06-01T06:00:00Z",
        "end_at": None,
    }
    assert (found["grades_hidden"], found["weighted"]) == (True, True)
    assert found["html_url"] == "https://canvas.example/courses/370663"


def test_the_documented_group_and_submission_are_understood() -> None:
    group = parse_group(body("doc-examples/assignment_group.json"))
    assert group == {"id": "1", "name": "group2", "weight": 20.0}
    assert submission_of(body("doc-examples/submission.json"), student=None) == {
        "state": "submitted",
        "score": 13.5,
        "grade": "A-",
        "submitted_at": "2012-01-01T01:00:00Z",
        "graded_at": "2012-01-02T03:05:34Z",
        "posted_at": None,
        "excused": True,
        "late": False,
        "missing": True,
        "points_deducted": 12.3,
        "attempt": 1,
    }


def test_the_stubs_of_another_client_are_understood() -> None:
    group = parse_group({"id": 1})
    assert group
    rows = body("canvasapi/course.json")["get_all_assignments"]["data"]
    found = [parse_assignment(row, group, None) for row in rows]
    assert [item and (item["canvas_id"], item["name"]) for item in found] == [
        ("1", "Assignment 1"),
        ("2", "Assignment 2"),
    ]
    listed = body("canvasapi/current_user.json")
    courses = [
        row for entry in listed.values() for row in entry_rows(entry) if "course_code" in row
    ]
    assert all(parse_course(row, ORIGIN) for row in courses)


def entry_rows(entry: dict[str, Any]) -> list[dict[str, Any]]:
    data = entry.get("data")
    return [row for row in data if isinstance(row, dict)] if isinstance(data, list) else []
