"""Where somebody stands, and how that came to be."""

from datetime import timedelta
from functools import partial
from typing import Any

from psycopg_pool import AsyncConnectionPool

from domain.canvas import assignment_id, course_id
from projections.grade_history.query import grade_changes_of
from projections.grades.query import grades_of
from tests.canvas_builders import assignment, course, hidden_grade, restricted, submission
from tests.projections.conftest import Told
from tests.projections.event_builders import BEGAN, PERSON, Account, Past
from tests.projections.pages import leafed, loaded

NOTHING_YET = {
    **dict.fromkeys(("score", "grade", "graded_at", "posted_at")),
    "points_possible": 10.0,
    "excused": False,
    "late": False,
    "missing": False,
}


async def _grades(pool: AsyncConnectionPool, **where: Any) -> list[dict[str, Any]]:
    return loaded(await grades_of(PERSON, limit=None, pool=pool, **where))


async def _changes(pool: AsyncConnectionPool, **where: Any) -> list[dict[str, Any]]:
    return loaded(await grade_changes_of(PERSON, limit=None, pool=pool, **where))


async def test_grades_as_the_contract_has_them(tell: Told, pool: AsyncConnectionPool) -> None:
    past = Past()
    account = Account(past).open()
    later = assignment("2", name="Essay", due_at="2026-10-01T00:00:00Z", submission=None)
    account.run((course("101"), [later, assignment("1")]), (course("102", name="Zoology"), []))
    tell(past.events)
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
            NOTHING_YET | {"assignment_id": str(assignment_id(account.id, "2")), "name": "Essay"},
        ],
    }
    assert (second["course_name"], second["assignments"]) == ("Zoology", [])


async def test_grades_of_what_canvas_shows_no_longer(tell: Told, pool: AsyncConnectionPool) -> None:
    past = Past()
    account = Account(past).open()

    async def standing(*seen: Any) -> list[tuple[str, int]]:
        account.run(*seen)
        tell(past.events)
        return [(one["course_name"], len(one["assignments"])) for one in await _grades(pool)]

    both = [assignment("1"), assignment("2")]
    assert await standing((course("1"), both), (restricted("2"), [])) == [("Linear Algebra", 2)]
    assert await standing((course("1"), both[:1]), (restricted("2"), [])) == [("Linear Algebra", 1)]
    assert await standing((restricted("1"), [])) == [("Linear Algebra", 1)]
    assert await standing((course("2", name="B"), [])) == [("B", 0)]
    back = await standing((course("1"), both), (course("2", name="B"), []))
    assert back == [("B", 0), ("Linear Algebra", 2)]


async def test_pages_and_filters(tell: Told, pool: AsyncConnectionPool) -> None:
    past = Past()
    account = Account(past).open()
    account.run(*((course(f"{n}"), [assignment(f"{n}0")]) for n in range(5)))
    tell(past.events)
    whole = await _grades(pool)
    assert len(whole) == 5
    assert await leafed(partial(grades_of, PERSON, pool=pool), 2) == whole
    one = course_id(account.id, "3")
    assert [found["course_id"] for found in await _grades(pool, course_id=one)] == [str(one)]


async def test_every_change_of_a_grade_is_kept(tell: Told, pool: AsyncConnectionPool) -> None:
    past = Past(step=timedelta(minutes=1))
    account = Account(past).open()
    shown = course("101", current_score=None, current_grade=None)
    account.run((shown, [assignment("1", submission=hidden_grade())]))
    account.run((shown, [assignment("1")]))
    first_run = account.run_id
    account.run((course("101"), [assignment("1", submission=submission(score=8, grade="8"))]))
    tell(past.events)
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
    since = BEGAN + timedelta(minutes=10)
    assert await _changes(pool, since=since) == [total, regraded]
    assert await leafed(partial(grade_changes_of, PERSON, pool=pool), 2) == [
        posted,
        total,
        regraded,
    ]
