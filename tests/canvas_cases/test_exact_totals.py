"""Whether the totals of Canvas can be calculated, and what other scores would give."""

from typing import Any

from tests.canvas_cases.canvas_rows import (
    Row,
    assignment,
    course,
    enrollment,
    graded,
    group,
    submission,
    totals,
)
from tests.canvas_cases.conftest import ConnectedStudent, School

SCHEME = [["A", 0.9], ["B", 0.8], ["F", 0.0]]


def weighted_course(id_: int, score: float, final: float) -> Row:
    shown = totals(score, "B", final, computed_final_grade="F")
    row = course(id_, "Weighted", enrollment(**shown))
    return row | {"apply_assignment_group_weights": True, "grading_scheme": SCHEME}


def weighted_groups(first_id: int) -> list[Row]:
    """Homework (40 %, the lowest score does not count) and exams (60 %)."""
    works = [
        assignment(first_id, submission=graded(10.0)),
        assignment(first_id + 1, submission=graded(6.0)),
        assignment(first_id + 2, submission=graded(2.0)),
        assignment(first_id + 3, submission=graded(0.0), omit_from_final_grade=True),
        assignment(first_id + 4, submission=submission(excused=True)),
    ]
    exams = [assignment(first_id + 5, submission=graded(8.0)), assignment(first_id + 6)]
    return [
        group(1, *works, group_weight=40.0, rules={"drop_lowest": 1}),
        group(2, *exams, group_weight=60.0),
    ]


async def connect_courses(school: School) -> ConnectedStudent:
    rows = [weighted_course(11, 80.0, 56.0), weighted_course(12, 79.0, 56.0)]
    return await school.connect(
        school.add(rows, {"11": weighted_groups(110), "12": weighted_groups(120)})
    )


async def calculate(student: ConnectedStudent, canvas_id: str, scores: dict[str, Any]) -> Any:
    seen = await student.view()
    ids = {id_: row["id"] for id_, row in seen.assignments.items()}
    path = f"/api/v1/canvas/courses/{seen.courses[canvas_id]['id']}/what-if"
    body = {"scores": {ids.get(id_, id_): score for id_, score in scores.items()}}
    return await student.client("POST", path, json=body)


async def test_exact_says_whether_the_totals_are_those_of_canvas(school: School) -> None:
    student = await connect_courses(school)
    seen = await student.view()
    assert {id_: row["exact"] for id_, row in seen.courses.items()} == {"11": True, "12": False}
    one = await student.client.get(f"/api/v1/canvas/courses/{seen.courses['11']['id']}")
    assert one == seen.courses["11"]


async def test_exact_is_unknown_without_totals(school: School) -> None:
    hidden = course(13, "Hidden", enrollment(), hide_final_grades=True)
    assisting = course(14, "Assisting", enrollment("ta"))
    student = await school.connect(school.add([hidden, assisting], {"13": weighted_groups(130)}))
    seen = await student.view()
    assert {row["exact"] for row in seen.courses.values()} == {None}


async def test_other_scores_are_calculated_and_nothing_is_stored(school: School) -> None:
    student = await connect_courses(school)
    before = await student.view()
    response = await calculate(student, "11", {"116": 10.0, "112": None})
    assert response.status == 200, response.body
    result = response.json
    assert (result["exact"], result["reason"]) == (True, None)
    assert (result["current_score"], result["current_grade"]) == (94.0, "A")
    unchanged = await calculate(student, "11", {})
    assert (unchanged.json["current_score"], unchanged.json["final_score"]) == (80.0, 56.0)
    inexact = (await calculate(student, "12", {"126": 10.0})).json
    assert not inexact["exact"]
    assert inexact["reason"]
    assert await student.view() == before


async def test_a_question_that_cannot_be_answered_is_refused(school: School) -> None:
    student = await connect_courses(school)
    for scores in ({"126": 1.0}, {"00000000-0000-4000-8000-000000000000": 1.0}, {"x": 1.0}):
        assert (await calculate(student, "11", scores)).status == 422
    unknown = "/api/v1/canvas/courses/00000000-0000-4000-8000-000000000000/what-if"
    assert (await student.client("POST", unknown, json={"scores": {}})).status == 404
