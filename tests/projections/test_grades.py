"""Queries of `grades` and `grade_history`: current grades, and how they changed."""

from datetime import timedelta
from functools import partial
from typing import Any

from psycopg_pool import AsyncConnectionPool

from domain.canvas import assignment_id, course_id
from projections.grade_history.query import grade_changes_of
from projections.grades.query import grades_of
from tests.canvas_builders import assignment, course, hidden_grade, restricted_course, submission
from tests.projections.conftest import ProjectNewEvents
from tests.projections.event_builders import PERSON, STARTED_AT, EventLogBuilder, StudentAccount
from tests.projections.pages import decode_page, fetch_all_pages

NO_SUBMISSION = {
    **dict.fromkeys(("score", "grade", "graded_at", "posted_at")),
    "points_possible": 10.0,
    "excused": False,
    "late": False,
    "missing": False,
}


async def _grades(pool: AsyncConnectionPool, **filters: Any) -> list[dict[str, Any]]:
    return decode_page(await grades_of(PERSON, limit=None, pool=pool, **filters))


async def _changes(pool: AsyncConnectionPool, **filters: Any) -> list[dict[str, Any]]:
    return decode_page(await grade_changes_of(PERSON, limit=None, pool=pool, **filters))


async def test_grades_have_the_members_of_the_contract(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder()
    account = StudentAccount(log).open()
    later = assignment("2", name="Essay", due_at="2026-10-01T00:00:00Z", submission=None)
    account.run((course("101"), [later, assignment("1")]), (course("102", name="Zoology"), []))
    project_new(log.events)
    first, second = await _grades(pool)
    assert first == {
        "course_id": str(course_id(account.id, "101")),
        "connection_id": str(account.id),
        "course_name": "Linear Algebra",
        "current_score": 91.5,
        "current_grade": "A-",
        "final_score": 80.0,
        "final_grade": "B-",
        "grades_hidden": False,
        "assignments": [
            {
                "assignment_id": str(assignment_id(account.id, "1")),
                "name": "Problem set 1",
                "score": 9.5,
                "grade": "9.5",
                "points_possible": 10.0,
                "graded_at": "2026-09-12T18:00:00Z",
                "posted_at": "2026-09-12T18:00:00Z",
                "excused": False,
                "late": False,
                "missing": False,
            },
            NO_SUBMISSION | {"assignment_id": str(assignment_id(account.id, "2")), "name": "Essay"},
        ],
    }
    assert (second["course_name"], second["assignments"]) == ("Zoology", [])


async def test_grades_of_restricted_and_withdrawn_courses(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder()
    account = StudentAccount(log).open()

    async def grades_after(*fetched: Any) -> list[tuple[str, int]]:
        account.run(*fetched)
        project_new(log.events)
        return [(grade["course_name"], len(grade["assignments"])) for grade in await _grades(pool)]

    both = [assignment("1"), assignment("2")]
    assert await grades_after((course("1"), both), (restricted_course("2"), [])) == [
        ("Linear Algebra", 2)
    ]
    assert await grades_after((course("1"), both[:1]), (restricted_course("2"), [])) == [
        ("Linear Algebra", 1)
    ]
    assert await grades_after((restricted_course("1"), [])) == [("Linear Algebra", 1)]
    assert await grades_after((course("2", name="B"), [])) == [("B", 0)]
    back = await grades_after((course("1"), both), (course("2", name="B"), []))
    assert back == [("B", 0), ("Linear Algebra", 2)]


async def test_grades_are_paged_and_filtered_by_course(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder()
    account = StudentAccount(log).open()
    account.run(*((course(f"{n}"), [assignment(f"{n}0")]) for n in range(5)))
    project_new(log.events)
    whole = await _grades(pool)
    assert len(whole) == 5
    assert await fetch_all_pages(partial(grades_of, PERSON, pool=pool), 2) == whole
    third = course_id(account.id, "3")
    assert [grade["course_id"] for grade in await _grades(pool, course_id=third)] == [str(third)]


async def test_every_grade_change_is_in_the_history(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder(step=timedelta(minutes=1))
    account = StudentAccount(log).open()
    hidden_course = course("101", current_score=None, current_grade=None)
    account.run((hidden_course, [assignment("1", submission=hidden_grade())]))
    account.run((hidden_course, [assignment("1")]))
    first_run = account.run_id
    account.run((course("101"), [assignment("1", submission=submission(score=8, grade="8"))]))
    project_new(log.events)
    posted, total, regraded = await _changes(pool)
    course_, assignment_ = course_id(account.id, "101"), assignment_id(account.id, "1")
    assert posted == {
        "changed_at": "2026-09-01T12:09:00Z",
        "course_id": str(course_),
        "assignment_id": str(assignment_),
        "subject": "assignment",
        "previous": None,
        "current": {"score": 9.5, "grade": "9.5"},
        "sync_id": str(first_run),
    }
    assert (total["subject"], total["assignment_id"]) == ("course", None)
    assert total["current"] == {"score": 91.5, "grade": "A-"}
    assert regraded["previous"] == {"score": 9.5, "grade": "9.5"}
    assert regraded["current"] == {"score": 8, "grade": "8"}
    assert await _changes(pool, assignment_id=assignment_) == [posted, regraded]
    assert await _changes(pool, course_id=course_) == [posted, total, regraded]
    assert await _changes(pool, course_id=assignment_) == []
    since = STARTED_AT + timedelta(minutes=10)
    assert await _changes(pool, since=since) == [total, regraded]
    assert await fetch_all_pages(partial(grade_changes_of, PERSON, pool=pool), 2) == [
        posted,
        total,
        regraded,
    ]
