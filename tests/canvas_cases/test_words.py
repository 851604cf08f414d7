"""One word means one situation: what is handed in, past, or taken back."""

from tests.canvas_cases.canvas_rows import (
    Row,
    assignment,
    at,
    course,
    enrollment,
    graded,
    group,
    submission,
)
from tests.canvas_cases.conftest import School

LONG_AGO = at(days=-9)


async def test_what_takes_no_submission_is_past_and_never_overdue(school: School) -> None:
    paper: Row = {"submission_types": ["on_paper"], "due_at": LONG_AGO}
    rows = [
        assignment(
            611,
            grading_type="not_graded",
            submission_types=["not_graded"],
            points_possible=0.0,
            due_at=LONG_AGO,
        ),
        assignment(612, submission_types=["none"], points_possible=0.0, due_at=LONG_AGO),
        assignment(613, **paper),
        assignment(614, submission_types=["wiki_page"], due_at=LONG_AGO),
        assignment(615, submission=graded(8.0, submitted_at=None, attempt=None), **paper),
        assignment(616, submission_types=["none"], points_possible=0.0),
        assignment(617, submission_types=["on_paper"], due_at=None),
        assignment(618, submission_types=["on_paper", "online_upload"], due_at=LONG_AGO),
        assignment(619, submission_types=["external_tool"], due_at=LONG_AGO),
        assignment(620, grading_type="not_graded", submission=graded(1.0), due_at=LONG_AGO),
    ]
    student = await school.connect(school.add([course(61)], {"61": [group(1, *rows)]}))
    seen = await student.view()
    assert {int(id_): row["status"] for id_, row in seen.assignments.items()} == {
        **dict.fromkeys((611, 612, 613, 614), "past"),
        615: "graded",
        616: "upcoming",
        617: "undated",
        618: "overdue",
        619: "overdue",
        620: "submitted",
    }
    assert await student.find("past") == {"611", "612", "613", "614"}
    assert seen.stats["assignments"]["overdue"] == 2
    assert seen.stats["completion_rate"] == 0.3333


async def test_late_and_missing_match_the_flags_whatever_the_status(school: School) -> None:
    rows = [
        assignment(621, submission=graded(0.0, missing=True)),
        assignment(622, submission=submission(missing=True), due_at=LONG_AGO),
        assignment(623, submission=graded(5.0, late=True)),
    ]
    student = await school.connect(school.add([course(62)], {"62": [group(1, *rows)]}))
    assert await student.find("missing") == {"621", "622"}
    assert await student.find("late") == {"623"}
    seen = await student.view()
    assert seen.assignments["621"]["status"] == "graded"
    assert seen.stats["assignments"]["missing"] == 2


async def test_a_grade_that_is_taken_back_disappears_at_the_next_sync(school: School) -> None:
    hidden = course(341, "hides totals", enrollment(), hide_final_grades=True)
    taken = assignment(3411, due_at=at(days=-2), submission=graded(9.0))
    other = assignment(3412, due_at=at(days=-5), submission=graded(7.0))
    student = await school.connect(school.add([hidden], {"341": [group(1, taken, other)]}))
    await student.sync()
    taken["submission"] = submission(
        workflow_state="submitted", submitted_at=at(days=-3), attempt=1, posted_at=at(days=-1)
    )
    run = await student.sync()
    assert run["mode"] == "incremental"
    seen = await student.view()
    assert seen.assignments["3411"]["submission"]["score"] is None
    assert seen.assignments["3411"]["status"] == "submitted"


async def test_a_grade_that_is_not_posted_is_not_graded(school: School) -> None:
    rows = [assignment(631, submission=graded(9.0, posted_at=None)), assignment(632)]
    student = await school.connect(school.add([course(63)], {"63": [group(1, *rows)]}))
    seen = await student.view()
    assert seen.assignments["631"]["status"] == "submitted"
    assert (await student.find("graded"), seen.stats["assignments"]["graded"]) == (set(), 0)
