"""What Canvas states is shown: grading periods, checkpoints, reviews and locks."""

from typing import Any

from aiohttp import web

from tests.canvas_cases.canvas_rows import (
    Row,
    assignment,
    at,
    course,
    enrollment,
    graded,
    group,
    submission,
    totals,
)
from tests.canvas_cases.conftest import School
from tests.canvas_cases.literal_canvas import LiteralStudent, canvas_json

PERIOD = {
    "has_grading_periods": True,
    "multiple_grading_periods_enabled": True,
    "current_grading_period_id": 5,
    "current_grading_period_title": "Q2",
}
NO_PERIOD = PERIOD | {"current_grading_period_id": None, "current_grading_period_title": None}
NO_PERIOD_TOTALS = {
    f"current_period_computed_{which}_{kind}": None
    for which in ("current", "final")
    for kind in ("score", "grade")
}
PERIOD_TOTALS = NO_PERIOD_TOTALS | {
    "current_period_computed_current_score": 61.0,
    "current_period_computed_current_grade": "D",
    "current_period_computed_final_score": 50.0,
}


def with_periods(*parts: Row, all_shown: bool) -> Row:
    fields: Row = {"totals_for_all_grading_periods_option": all_shown}
    for part in parts:
        fields |= part
    return enrollment(**totals(88.5, "B+", 70.0), **fields)


async def test_the_totals_of_the_current_grading_period_are_shown(school: School) -> None:
    enrollments = {
        41: with_periods(PERIOD, PERIOD_TOTALS, all_shown=False),
        42: with_periods(PERIOD, NO_PERIOD_TOTALS, all_shown=False),
        43: with_periods(PERIOD, PERIOD_TOTALS, all_shown=True),
        44: with_periods(NO_PERIOD, NO_PERIOD_TOTALS, all_shown=True),
        45: with_periods(NO_PERIOD, NO_PERIOD_TOTALS, all_shown=False),
        46: enrollment(**totals(88.5, "B+", 70.0), has_grading_periods=False),
    }
    rows = [course(id_, f"Course {id_}", row) for id_, row in enrollments.items()]
    seen = await (await school.connect(school.add(rows))).view()
    shown = {
        int(id_): (row["current_score"], row["current_grade"], row["final_score"])
        for id_, row in seen.courses.items()
    }
    assert shown == {
        41: (61.0, "D", 50.0),
        42: (None, None, None),
        43: (61.0, "D", 50.0),
        44: (88.5, "B+", 70.0),
        45: (None, None, None),
        46: (88.5, "B+", 70.0),
    }
    periods = {int(id_): row["grading_period"] for id_, row in seen.courses.items()}
    current = {"id": "5", "title": "Q2"}
    assert periods == {41: current, 42: current, 43: current, 44: None, 45: None, 46: None}
    assert seen.grades["Course 41"]["current_score"] == 61.0
    assert seen.grades["Course 45"]["current_score"] is None


def checkpoint(tag: str, points: float, due_at: str) -> Row:
    return {"tag": tag, "name": f"Week {tag}", "points_possible": points, "due_at": due_at,
            "unlock_at": None, "lock_at": None, "only_visible_to_overrides": False}  # fmt: skip


class CheckpointedDiscussions:
    """Two discussions, whose checkpoints Canvas shows only if they are asked for."""

    def __init__(self, *, in_groups: bool = True) -> None:
        self.parts = {
            511: [
                checkpoint("reply_to_topic", 4.0, at(days=1)),
                checkpoint("reply_to_entry", 6.0, at(days=4)),
            ],
            512: [
                checkpoint("reply_to_topic", 4.0, at(days=-6)),
                checkpoint("reply_to_entry", 6.0, at(days=-2)),
            ],
        }
        topic: Row = {"due_at": None, "submission_types": ["discussion_topic"]}
        self.rows = [assignment(511, "Week 4", **topic), assignment(512, "Week 3", **topic)]
        self.in_groups = in_groups

    async def __call__(self, request: web.Request, _: LiteralStudent) -> web.Response | None:
        asked = "checkpoints" in request.query.getall("include[]", [])
        if request.path == "/api/v1/planner/items":
            return canvas_json([item for row in self.rows for item in self._planner_items(row)])
        if request.path.endswith("/51/assignment_groups"):
            return canvas_json([group(1, *self._shown(asked=asked and self.in_groups))])
        if request.path.endswith("/51/assignments"):
            rows = self._shown(asked=asked)
            return canvas_json([row | {"assignment_group_id": 1} for row in rows])
        return None

    def _shown(self, *, asked: bool) -> list[Row]:
        if not asked:
            return self.rows
        return [
            row | {"has_sub_assignments": True, "checkpoints": self.parts[row["id"]]}
            for row in self.rows
        ]

    def _planner_items(self, row: Row) -> list[Row]:
        return [
            {
                "context_type": "Course",
                "course_id": 51,
                "plannable_id": 9000 + number,
                "plannable_type": "sub_assignment",
                "plannable_date": part["due_at"],
                "plannable": {
                    "id": 9000 + number,
                    "title": row["name"],
                    "due_at": part["due_at"],
                    "points_possible": part["points_possible"],
                    "sub_assignment_tag": part["tag"],
                },
                "html_url": f"/courses/51/assignments/{row['id']}",
                "submissions": {"submitted": False, "graded": False},
            }
            for number, part in enumerate(self.parts[row["id"]])
        ]


async def check_parts(school: School, canvas: CheckpointedDiscussions) -> None:
    rows = {"51": [group(1, *canvas.rows)]}
    student = await school.connect(school.add([course(51)], rows, hook=canvas))
    await student.sync()
    seen = await student.view()
    week4, week3 = seen.assignments["511"], seen.assignments["512"]
    soon = canvas.parts[511]
    assert (week4["status"], week4["due_at"]) == ("upcoming", soon[0]["due_at"])
    assert week3["status"] == "overdue"
    assert week3["due_at"] in {part["due_at"] for part in canvas.parts[512]}
    assert [row["canvas_id"] for row in seen.stats["next_due"]] == ["511"]
    assert seen.stats["assignments"]["due_this_week"] == 1
    assert week4["parts"] == [
        {
            "name": part["name"],
            "due_at": part["due_at"],
            "points_possible": part["points_possible"],
            "status": "upcoming",
            "score": None,
        }
        for part in soon
    ]
    assert [part["status"] for part in week3["parts"]] == ["overdue", "overdue"]
    soon[0]["due_at"] = at(days=2)
    await student.sync()
    assert (await student.view()).assignments["511"]["due_at"] == at(days=2)


async def test_a_discussion_with_checkpoints_is_due_with_its_next_part(school: School) -> None:
    await check_parts(school, CheckpointedDiscussions())


async def test_an_older_canvas_shows_checkpoints_in_the_list_of_assignments(
    school: School,
) -> None:
    await check_parts(school, CheckpointedDiscussions(in_groups=False))


async def test_a_quiz_that_waits_for_review_is_not_graded(school: School) -> None:
    waiting = submission(
        score=5.0,
        grade="5",
        workflow_state="pending_review",
        submitted_at=at(hours=-5),
        attempt=1,
    )
    posted = waiting | {"graded_at": at(hours=-5), "posted_at": at(hours=-5)}
    quiz: Row = {"points_possible": 20.0, "submission_types": ["online_quiz"]}
    rows = [assignment(811, submission=waiting, **quiz), assignment(812, submission=posted, **quiz)]
    student = await school.connect(school.add([course(81)], {"81": [group(1, *rows)]}))
    seen = await student.view()
    assert [row["status"] for row in seen.assignments.values()] == ["submitted", "submitted"]
    counts = seen.stats["assignments"]
    assert (counts["graded"], counts["submitted"]) == (0, 2)
    assert (await student.find("graded"), await student.find("submitted")) == (
        set(),
        {"811", "812"},
    )
    rows[0]["submission"] = graded(17.0, submitted_at=at(hours=-5))
    await student.sync("full")
    assert (await student.view()).assignments["811"]["status"] == "graded"


async def test_locks_are_those_that_canvas_states(school: School) -> None:
    module: Row = {
        "locked_for_user": True,
        "lock_info": {"asset_string": "assignment_911", "context_module": {"id": 4, "name": "M2"}},
        "lock_explanation": "This is part of the module <b>M2</b> and is not unlocked yet.<br/>"
        "<a href='http://127.0.0.1/courses/1/modules'>Visit the modules page</a>",
    }
    opens: Row = {
        "unlock_at": at(days=2),
        "locked_for_user": True,
        "lock_info": {"unlock_at": at(days=2)},
    }
    extended: Row = {"lock_at": at(days=-1), "locked_for_user": False}
    rows = [
        assignment(911, **module),
        assignment(912, **opens),
        assignment(913, **extended),
        assignment(914),
        assignment(915, omit_from_final_grade=True),
    ]
    student = await school.connect(school.add([course(91)], {"91": [group(1, *rows)]}))
    seen: dict[str, Any] = (await student.view()).assignments
    assert {id_: row["locked"] for id_, row in seen.items()} == {
        "911": True, "912": True, "913": False, "914": False, "915": False,
    }  # fmt: skip
    assert "M2" in seen["911"]["lock_reason"]
    assert "<" not in seen["911"]["lock_reason"]
    assert seen["912"]["lock_reason"]
    assert seen["914"]["lock_reason"] is None
    assert {id_ for id_, row in seen.items() if row["omit_from_final_grade"]} == {"915"}
