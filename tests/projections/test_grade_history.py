"""The query of `grade_history`: every change of a grade, in both orders."""

import re
from datetime import datetime, timedelta
from functools import partial
from operator import itemgetter
from typing import Any

import pytest
from psycopg import sql
from psycopg_pool import AsyncConnectionPool

from domain.canvas import assignment_id, course_id
from projections.grade_history.query import HISTORY_ORDERS, grade_changes_of
from projections.support.page import BadCursor
from tests.canvas_builders import assignment, course, hidden_grade, submission
from tests.projections.conftest import ProjectNewEvents
from tests.projections.event_builders import (
    PERSON,
    STARTED_AT,
    EventLogBuilder,
    StudentAccount,
    event_id_at,
    without_names,
)
from tests.projections.pages import decode_page, fetch, fetch_all_pages


async def _changes(pool: AsyncConnectionPool, **filters: Any) -> list[dict[str, Any]]:
    return decode_page(await fetch(grade_changes_of(PERSON, limit=None, **filters), pool))


def _regraded(log: EventLogBuilder) -> StudentAccount:
    """A baseline of one grade, a total, and then two other grades."""
    account = StudentAccount(log).open()
    hidden_course = course("101", current_score=None, current_grade=None)
    account.run((hidden_course, [assignment("1"), assignment("2", submission=hidden_grade())]))
    posted = submission(score=9.333, grade="9.33")
    account.run(
        (hidden_course, [assignment("1"), assignment("2", name="Essay", submission=posted)])
    )
    last = assignment("2", name="Essay 2", submission=submission(score=8, grade="8"))
    return account.run((course("101"), [assignment("1"), last]))


async def test_every_grade_change_is_in_the_history(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder(step=timedelta(minutes=1))
    account = _regraded(log)
    project_new(log.events)
    baseline, posted, total, regraded = await _changes(pool)
    course_, second = course_id(account.id, "101"), assignment_id(account.id, "2")
    assert posted == {
        "id": str(event_id_at(10)),
        "changed_at": "2026-09-01T12:10:00Z",
        "course_id": str(course_),
        "course_name": "Linear Algebra",
        "assignment_id": str(second),
        "assignment_name": "Essay",
        "subject": "assignment",
        "baseline": False,
        "previous": None,
        "current": {"score": 9.33, "grade": "9.33"},
        "sync_id": posted["sync_id"],
    }
    assert (baseline["baseline"], baseline["assignment_name"]) == (True, "Problem set 1")
    assert (total["subject"], total["assignment_id"], total["assignment_name"]) == (
        "course",
        None,
        None,
    )
    assert total["current"] == {"score": 91.5, "grade": "A-"}
    assert (regraded["previous"], regraded["assignment_name"]) == (posted["current"], "Essay 2")
    assert regraded["current"] == {"score": 8, "grade": "8"}
    assert regraded["sync_id"] == str(account.run_id)
    assert len({change["id"] for change in (baseline, posted, total, regraded)}) == 4
    assert await _changes(pool, baseline=True) == [baseline]
    assert await _changes(pool, baseline=False) == [posted, total, regraded]
    assert await _changes(pool, assignment_id=second) == [posted, regraded]
    assert await _changes(pool, course_id=course_) == [baseline, posted, total, regraded]
    assert await _changes(pool, course_id=second) == []
    since = STARTED_AT + timedelta(minutes=11)
    assert await _changes(pool, since=since) == [total, regraded]


@pytest.mark.parametrize("batch_size", [1, 3, 100])
async def test_a_change_of_an_older_release_has_the_names_of_that_time(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool, batch_size: int
) -> None:
    log = EventLogBuilder()
    _regraded(log)
    older = [recorded._replace(event=without_names(recorded.event)) for recorded in log.events]
    for end in range(batch_size, len(older) + batch_size, batch_size):
        project_new(older[:end])
    names = [(change["course_name"], change["assignment_name"]) for change in await _changes(pool)]
    assert names == [
        ("Linear Algebra", "Problem set 1"),
        ("Linear Algebra", "Essay"),
        ("Linear Algebra", None),
        ("Linear Algebra", "Essay 2"),
    ]


async def test_the_history_is_paged_in_both_orders(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder()
    _regraded(log)
    project_new(log.events)
    whole = await _changes(pool)
    for limit in (1, 2, 3):
        for sort, expected in (("changed_at", whole), ("-changed_at", whole[::-1])):
            query = partial(grade_changes_of, PERSON, sort=sort)
            assert await fetch_all_pages(query, pool, limit) == expected


async def test_a_cursor_is_valid_for_its_own_order_only(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder()
    _regraded(log)
    project_new(log.events)
    query = partial(grade_changes_of, PERSON, limit=1)
    for sort in HISTORY_ORDERS:
        cursor = (await fetch(query(sort=sort), pool)).next_cursor
        for other in HISTORY_ORDERS.keys() - {sort}:
            with pytest.raises(BadCursor):
                query(sort=other, cursor=cursor)


@pytest.mark.parametrize("sort", HISTORY_ORDERS)
async def test_a_change_is_not_missed_when_the_clock_was_set_back(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool, sort: str
) -> None:
    log = EventLogBuilder(step=timedelta(minutes=1))
    _regraded(log)
    ahead = timedelta(hours=2)
    project_new([each._replace(recorded_at=each.recorded_at + ahead) for each in log.events[:11]])
    project_new(log.events)
    baseline, posted, total, regraded = await _changes(pool)
    times = [change["changed_at"] for change in (baseline, posted, total, regraded)]
    assert max(times) == posted["changed_at"], "the last two have earlier times"
    newest = datetime.fromisoformat(posted["changed_at"])
    later = await _changes(pool, since=newest, sort=sort)
    assert sorted(later, key=itemgetter("id")) == sorted(
        [posted, total, regraded], key=itemgetter("id")
    )
    assert await _changes(pool, since=newest + timedelta(seconds=1), sort=sort) == []
    query = partial(grade_changes_of, PERSON, since=newest, sort=sort)
    assert await fetch_all_pages(query, pool, 1) == later


@pytest.mark.parametrize("since", [None, STARTED_AT])
@pytest.mark.parametrize("sort", HISTORY_ORDERS)
async def test_the_history_of_a_person_is_a_range_of_their_index(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool, sort: str, since: datetime | None
) -> None:
    project_new(_log_of_one_grade().events)
    query = grade_changes_of(PERSON, since=since, sort=sort, limit=10)
    async with pool.connection() as connection:
        await connection.execute("SET enable_seqscan = off")
        await connection.execute("SET enable_bitmapscan = off")
        explain = sql.SQL("EXPLAIN {}").format(query.statement)
        cursor = await connection.execute(explain, query.parameters)
        plan = "\n".join([line async for (line,) in cursor])
    assert "grade_history_person" in plan
    assert "Sort" not in plan
    conditions = re.findall(r"Index Cond: (.*)", plan)
    assert all("person_id = " in condition for condition in conditions)
    assert any('"position" >= ' in condition for condition in conditions), plan


def _log_of_one_grade() -> EventLogBuilder:
    log = EventLogBuilder()
    StudentAccount(log).open().run((course("101"), [assignment("1")]))
    return log
