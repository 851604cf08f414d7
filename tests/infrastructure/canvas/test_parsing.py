from pathlib import Path
from typing import Any

import orjson
import pytest

from infrastructure.canvas.parse_assignment import parse_assignment, parse_group
from infrastructure.canvas.parse_course import find_student_id, parse_course
from tests.canvas_builders import assignment, course, restricted_course, submission
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


def load_body(name: str) -> Any:
    return orjson.loads((BODIES / name).read_bytes())


def parsed_course(**fields: Any) -> dict[str, Any]:
    parsed = parse_course(course_row(**fields), ORIGIN)
    assert parsed
    return dict(parsed)


def parsed_submission(row: Any, student_id: str | None = "42") -> dict[str, Any] | None:
    group = parse_group(group_row())
    assert group
    parsed = parse_assignment(assignment_row(submission=row), group, student_id)
    assert parsed
    return dict(parsed["submission"]) if parsed["submission"] else None


def test_a_course_row_is_parsed_completely() -> None:
    totals = {
        "current_score": 91.5,
        "current_grade": "A-",
        "final_score": 80.0,
        "final_grade": "B-",
    }
    assert parse_course(course_row(), ORIGIN) == course(term=FALL, course_totals=totals)


def test_a_restricted_course_has_an_id_and_no_name() -> None:
    row = {"id": 101, "access_restricted_by_date": True}
    assert parse_course(row, ORIGIN) == restricted_course()


def test_an_assignment_row_is_parsed_with_group_and_submission() -> None:
    group = parse_group(group_row())
    assert group
    assert parse_assignment(assignment_row(), group, "42") == assignment()


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({}, "active"),
        ({"concluded": True}, "concluded"),
        ({"workflow_state": "completed"}, "concluded"),
        ({"access_restricted_by_date": True, "concluded": True}, "restricted"),
        ({"workflow_state": "something new"}, "active"),
    ],
)
def test_the_course_state_is_derived_from_the_row(fields: dict[str, Any], state: str) -> None:
    assert parsed_course(**fields)["state"] == state


@pytest.mark.parametrize(
    "fields",
    [
        {"hide_final_grades": True},
        {"enrollments": [{"type": "student", "user_id": "42"}]},
        {"enrollments": []},
        {"enrollments": None},
        {"enrollments": [enrollment_row(type="teacher")], "hide_final_grades": True},
        {"enrollments": [enrollment_row(type=["student"], role=None)]},
    ],
)
def test_hidden_totals_are_stored_as_null(fields: dict[str, Any]) -> None:
    parsed = parsed_course(**fields)
    assert parsed["grades_hidden"]
    assert [
        parsed[f"{which}_{kind}"] for which in ("current", "final") for kind in ("score", "grade")
    ] == [None] * 4


def test_a_blank_grade_is_none() -> None:
    submission = parsed_submission(submission_row(score=None, grade=" "))
    assert submission
    assert submission["grade"] is None


def test_an_assignment_can_name_its_grading_period_itself() -> None:
    group = parse_group(group_row())
    assert group
    row = assignment_row(grading_period_id=6, submission=None)
    parsed = parse_assignment(row, group, "42")
    assert parsed
    assert parsed["grading_period_id"] == "6"


def test_a_person_who_is_not_a_student_has_no_totals_to_hide() -> None:
    parsed = parsed_course(enrollments=[enrollment_row(type="observer", associated_user_id="9")])
    assert (parsed["current_score"], parsed["grades_hidden"]) == (None, False)


def test_a_course_without_grades_has_visible_totals() -> None:
    parsed = parsed_course(
        enrollments=[
            enrollment_row(
                computed_current_score=None,
                computed_current_grade=None,
                computed_current_letter_grade=None,
            )
        ]
    )
    assert (parsed["grades_hidden"], parsed["current_score"], parsed["final_score"]) == (
        False,
        None,
        80.0,
    )


def test_the_student_enrollment_with_totals_is_used() -> None:
    enrollments = [
        {"type": "ta", "user_id": "42", "computed_current_score": 1.0},
        {"type": "student", "user_id": "42"},
        enrollment_row(computed_current_score=70.0),
    ]
    assert parsed_course(enrollments=enrollments)["current_score"] == 70.0
    assert find_student_id(course_row(enrollments=enrollments)) == "42"


def test_the_letter_grade_is_a_fallback() -> None:
    with_letter_only = enrollment_row(
        computed_current_grade=None, computed_current_letter_grade="B+"
    )
    assert parsed_course(enrollments=[with_letter_only])["current_grade"] == "B+"


def test_the_image_has_no_query_because_it_contains_a_key() -> None:
    url = "https://user:pw@images.example/files/1a/photo.png?download=1&token=secret#top"
    parsed = parsed_course(image_download_url=url)
    assert parsed["image_url"] == "https://images.example/files/1a/photo.png"


SCHEME = [["A", 0.9], ["F", 0.0]]


@pytest.mark.parametrize(
    ("fields", "count"),
    [
        ({"grading_scheme": SCHEME}, 2),
        ({"grading_scheme": SCHEME, "enrollments": [enrollment_row(type="ta")]}, None),
        ({"grading_scheme": [["A"], ["F", 0.0]]}, None),
        ({"grading_scheme": "A"}, None),
        ({}, None),
    ],
)
def test_the_grading_scheme_counts_only_with_grades(fields: dict[str, Any], count: Any) -> None:
    scheme = parsed_course(**fields)["grading_scheme"]
    assert (scheme and len(scheme)) == count


def test_the_rules_of_a_group_are_parsed() -> None:
    rules = {"drop_lowest": 1, "drop_highest": 2, "never_drop": [5, "6", None]}
    group = parse_group(group_row() | {"rules": rules})
    assert group
    assert (group["drop_lowest"], group["drop_highest"], group["never_drop"]) == (1, 2, ["5", "6"])


def test_teachers_are_sorted_by_id() -> None:
    teachers = [{"id": 9, "display_name": "Gauss"}, {"id": "7", "display_name": "Noether"}]
    assert (
        parsed_course(teachers=teachers)["teachers"]
        == parsed_course(teachers=teachers[::-1])["teachers"]
    )
    assert [teacher["id"] for teacher in parsed_course(teachers=teachers)["teachers"]] == ["7", "9"]


def test_a_hidden_grade_has_neither_score_nor_grade() -> None:
    row = submission_row(posted_at=None)
    hidden: Any = ("score", "grade", "entered_score", "entered_grade")
    for key in hidden:
        del row[key]
    assert parsed_submission(row) == submission(posted_at=None, **dict.fromkeys(hidden))


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
        (submission_row(grade=9.5), submission()),
        (None, None),
        ("none", None),
        ([], None),
        ([submission_row(user_id="41", score=1.0), submission_row()], submission()),
        ([submission_row(user_id=41)], None),
    ],
)
def test_only_the_own_submission_with_valid_types_is_parsed(row: Any, expected: Any) -> None:
    assert parsed_submission(row) == expected


def test_the_first_submission_is_used_if_the_student_is_unknown() -> None:
    assert parsed_submission([submission_row(user_id="41")], student_id=None) == submission()


def test_the_course_of_the_canvas_documentation_is_parsed() -> None:
    parsed = parse_course(load_body("doc-examples/course.json"), ORIGIN)
    assert parsed
    assert (parsed["canvas_id"], parsed["name"]) == ("370663", "InstructureCon 2012")
    assert parsed["term"] == {
        "id": "1",
        "name": "Default Term",
        "start_at": "2012-06-01T06:00:00Z",
        "end_at": None,
    }
    assert (parsed["grades_hidden"], parsed["weighted"]) == (True, True)
    assert parsed["html_url"] == "https://canvas.example/courses/370663"


def test_the_group_and_submission_of_the_canvas_documentation_are_parsed() -> None:
    group = parse_group(load_body("doc-examples/assignment_group.json"))
    assert group
    assert (group["id"], group["name"], group["weight"]) == ("1", "group2", 20.0)
    assert parsed_submission(load_body("doc-examples/submission.json"), student_id=None) == {
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
        "entered_score": None,
        "entered_grade": None,
        "late_policy_status": "missing",
        "grade_is_current": True,
        "submission_type": "online_text_entry",
    }


def test_the_fixtures_of_the_canvasapi_package_are_parsed() -> None:
    group = parse_group({"id": 1})
    assert group
    rows = load_body("canvasapi/course.json")["get_all_assignments"]["data"]
    parsed = [parse_assignment(row, group, None) for row in rows]
    assert [item and (item["canvas_id"], item["name"]) for item in parsed] == [
        ("1", "Assignment 1"),
        ("2", "Assignment 2"),
    ]
    listed = load_body("canvasapi/current_user.json")
    courses = [
        row for entry in listed.values() for row in entry_rows(entry) if "course_code" in row
    ]
    assert all(parse_course(row, ORIGIN) for row in courses)


def entry_rows(entry: dict[str, Any]) -> list[dict[str, Any]]:
    data = entry.get("data")
    return [row for row in data if isinstance(row, dict)] if isinstance(data, list) else []
