"""What-if totals: calculated with other scores, and exact where the present totals are Canvas's."""

from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from psycopg_pool import AsyncConnectionPool

from domain.canvas import assignment_id, course_id
from projections.courses.query import course_of
from projections.courses.what_if import UnknownAssignment, what_if_of
from tests.canvas_builders import assignment, course, group, submission, unsubmitted
from tests.projections.conftest import ProjectNewEvents
from tests.projections.event_builders import PERSON, EventLogBuilder, StudentAccount
from tests.projections.pages import fetch

SCHEME = [{"name": "A", "lower_bound": 0.9}, {"name": "F", "lower_bound": 0.0}]
GROUPS = [group("11", weight=60.0, drop_lowest=1), group("12", weight=40.0)]
HOMEWORK, EXAMS = ({"id": id_, "name": None, "weight": None} for id_ in ("11", "12"))
ASSIGNMENTS = [
    assignment("1", group=HOMEWORK, submission=submission(score=9)),
    assignment("2", group=HOMEWORK, submission=submission(score=5)),
    assignment("3", group=EXAMS, submission=unsubmitted(), points_possible=50.0),
    assignment("4", group=EXAMS, submission=submission(excused=True, score=None, grade=None)),
    assignment("5", group=EXAMS, published=False),
]
"""Homework counts 60 % and drops the lowest score; the exam is not graded."""
SHOWN = {
    "current_score": 90.0,
    "current_grade": "A",
    "final_score": 54.0,
    "final_grade": "F",
    "grading_scheme": SCHEME,
}


class StudentCourse:
    """A course of a new account, and queries of it."""

    def __init__(self, project_new: ProjectNewEvents, pool: AsyncConnectionPool) -> None:
        self.log = EventLogBuilder()
        self.account = StudentAccount(self.log).open()
        self.id = course_id(self.account.id, "101")
        self._project_new, self._pool = project_new, pool

    def record(self, groups: Any = GROUPS, **fields: Any) -> "StudentCourse":
        """Add a run that reads the course with these fields."""
        self.account.run((course("101", **SHOWN | fields), ASSIGNMENTS), groups=groups)
        return self

    async def what_if(self, scores: dict[str, float | None]) -> Any:
        self._project_new(self.log.events)
        ours = {assignment_id(self.account.id, id_): score for id_, score in scores.items()}
        return await fetch(what_if_of(PERSON, self.id, scores=ours), self._pool)

    async def exact(self) -> Any:
        self._project_new(self.log.events)
        document = await fetch(course_of(PERSON, self.id), self._pool)
        return orjson.loads(document or b"")["exact"]


@pytest.fixture
def student_course(project_new: ProjectNewEvents, pool: AsyncConnectionPool) -> StudentCourse:
    return StudentCourse(project_new, pool)


@pytest.mark.parametrize(
    ("scores", "totals"),
    [
        ({}, (90.0, "A", 54.0, "F")),
        ({"3": 40}, (86.0, "F", 86.0, "F")),
        ({"2": 10}, (100.0, "A", 60.0, "F")),
        ({"1": None}, (50.0, "F", 30.0, "F")),
        ({"1": None, "2": None}, (None, None, 0.0, "F")),
        ({"4": 10}, (94.0, "A", 60.67, "F")),
    ],
)
async def test_the_totals_with_other_scores_follow_the_rules_of_the_groups(
    student_course: StudentCourse, scores: dict[str, float | None], totals: tuple[Any, ...]
) -> None:
    student_course.record()
    assert await student_course.exact() is True
    current_score, current_grade, final_score, final_grade = totals
    assert await student_course.what_if(scores) == {
        "course_id": str(student_course.id),
        "exact": True,
        "reason": None,
        "current_score": current_score,
        "current_grade": current_grade,
        "final_score": final_score,
        "final_grade": final_grade,
    }


async def test_there_are_no_totals_with_a_number_that_is_too_large(
    student_course: StudentCourse,
) -> None:
    result = await student_course.record().what_if({"3": 1e300})
    assert (result["exact"], result["current_score"], result["final_score"]) == (False, None, None)
    assert "too large" in result["reason"]


async def test_a_what_if_query_changes_nothing(student_course: StudentCourse) -> None:
    student_course.record()
    before = await student_course.what_if({})
    assert await student_course.what_if({"3": 50}) != before
    assert await student_course.what_if({}) == before


@pytest.mark.parametrize(
    ("exact", "part_of_reason", "fields"),
    [
        (False, "90 % (A) current and 54 % (F) final, are not those", {"final_score": 55.0}),
        (None, "hides the totals", {"grades_hidden": True}),
        (None, "no totals of this course yet", {"current_score": None, "final_score": None}),
        (None, "groups are not known yet", {"groups": None}),
        (None, "weights", {"has_grading_periods": True, "weighted_periods": True}),
    ],
)
async def test_the_reason_states_why_the_totals_are_not_exact(
    student_course: StudentCourse,
    *,
    exact: bool | None,
    part_of_reason: str,
    fields: dict[str, Any],
) -> None:
    student_course.record(**fields)
    assert await student_course.exact() is exact
    result = await student_course.what_if({})
    assert result["exact"] is False
    assert part_of_reason in result["reason"]


@pytest.mark.parametrize("current_score", [90.0, 91.0])
async def test_totals_are_not_exact_while_the_course_cannot_be_read(
    student_course: StudentCourse, current_score: float
) -> None:
    student_course.record()
    account = student_course.account.request().start()
    account.fail_to_fetch(course("101", **SHOWN | {"current_score": current_score}))
    assert await student_course.exact() is None
    assert "could not be read" in (await student_course.what_if({}))["reason"]
    account.fetch_course(course("101", **SHOWN), *ASSIGNMENTS)
    assert await student_course.exact() is True
    account.fetch_course(course("101", **SHOWN | {"role": "ta"}))
    assert await student_course.exact() is None
    assert "not a student" in (await student_course.what_if({}))["reason"]


@pytest.mark.parametrize("canvas_id", ["5", "99"])
async def test_a_score_for_an_assignment_that_is_not_in_the_course_is_refused(
    student_course: StudentCourse, canvas_id: str
) -> None:
    student_course.record()
    unknown = assignment_id(student_course.account.id, canvas_id)
    with pytest.raises(UnknownAssignment, match=str(unknown)) as refusal:
        await student_course.what_if({canvas_id: 1, "1": 2})
    assert refusal.value.assignment_ids == [unknown]


async def test_there_are_no_totals_of_a_course_of_another_person(
    student_course: StudentCourse, pool: AsyncConnectionPool
) -> None:
    student_course.record()
    assert await student_course.what_if({})
    assert await fetch(what_if_of(uuid4(), student_course.id, scores={}), pool) is None
    assert await fetch(what_if_of(PERSON, UUID(int=1), scores={}), pool) is None
