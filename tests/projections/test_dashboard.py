"""The figures on somebody's dashboard."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import orjson
from psycopg_pool import AsyncConnectionPool

from domain.canvas import course_id
from projections.assignments.query import assignments_of
from projections.dashboard_stats.query import stats_of
from tests.canvas_builders import assignment, course, hidden_grade, submission
from tests.projections.conftest import Told
from tests.projections.event_builders import PERSON, REQUESTS, Account, Past
from tests.projections.pages import loaded

NOW = datetime(2026, 9, 15, 12, tzinfo=UTC)
LATER = "2026-10-20T00:00:00Z"


async def _stats(pool: AsyncConnectionPool, now: datetime = NOW) -> dict[str, Any]:
    stats: dict[str, Any] = orjson.loads(await stats_of(PERSON, now=now, pool=pool))
    return stats


def _semester(past: Past) -> Account:
    account = Account(past).open()
    graded = submission(graded_at="2026-09-14T00:00:00Z")
    unsubmitted = submission(
        state="unsubmitted", score=None, grade=None, submitted_at=None, graded_at=None
    )
    account.run(
        (
            course("1", name="Algebra", current_score=80),
            [
                assignment("1", submission=graded),
                assignment("2", submission=submission(excused=True, score=None, grade=None)),
                assignment("3", submission=hidden_grade(submitted_at="2026-09-15T09:00:00Z")),
                assignment("4", submission=unsubmitted | {"missing": True}),
                assignment("5", submission=unsubmitted),
                assignment("6", submission=None, due_at="2026-09-15T12:00:01Z"),
                assignment("7", submission=None, due_at="2026-09-22T12:00:00Z"),
                assignment("8", submission=None, due_at=LATER, submission_types=["none"]),
                assignment("9", submission=None, due_at=LATER, submission_types=["on_paper"]),
            ],
        ),
        (
            course("2", name="Botany", current_score=91.5),
            [
                *(assignment(f"2{n}", submission=None, due_at=LATER) for n in range(4)),
                assignment("24", submission=None, due_at="2026-09-22T12:00:01Z", name="Z"),
            ],
        ),
        (course("3", name="Choir", current_score=None), []),
        (course("4", state="concluded", current_score=1), [assignment("41")]),
    )
    return account


async def test_the_figures(tell: Told, pool: AsyncConnectionPool) -> None:
    past = Past()
    account = _semester(past)
    tell(past.events)
    stats = await _stats(pool)
    assert stats["courses"] == {"active": 3, "total": 4}
    assert stats["assignments"] == {
        "total": 14,
        "upcoming": 9,
        "due_this_week": 2,
        "overdue": 1,
        "missing": 1,
        "submitted": 1,
        "graded": 1,
    }
    assert stats["grades"] == {"average_score": 85.75, "changed_this_week": 0}
    assert stats["completion_rate"] == 3 / 12
    assert stats["courses_at_a_glance"] == [
        {
            "course_id": str(course_id(account.id, canvas_id)),
            "name": name,
            "current_score": score,
            "done": done,
            "total": total,
        }
        for canvas_id, name, score, done, total in (
            ("1", "Algebra", 80, 3, 9),
            ("2", "Botany", 91.5, 0, 5),
            ("3", "Choir", None, 0, 0),
        )
    ]
    assert stats["connections"] == {"active": 1, "failing": 0}
    assert stats["last_synced_at"] == past.events[-1].recorded_at.isoformat().replace("+00:00", "Z")


async def test_next_due_is_what_the_list_says(tell: Told, pool: AsyncConnectionPool) -> None:
    past = Past()
    _semester(past)
    tell(past.events)
    listed = await assignments_of(
        PERSON, now=NOW, statuses=frozenset({"upcoming"}), limit=5, pool=pool
    )
    found = (await _stats(pool))["next_due"]
    assert found == loaded(listed)
    assert [one["canvas_id"] for one in found[:3]] == ["6", "7", "24"]


async def test_activity(tell: Told, pool: AsyncConnectionPool) -> None:
    past = Past()
    _semester(past)
    tell(past.events)
    days = (await _stats(pool))["activity"]
    assert [day["date"] for day in days] == [f"2026-08-{n}" for n in range(19, 32)] + [
        f"2026-09-{n:02}" for n in range(1, 16)
    ]
    busy = {day["date"]: (day["submitted"], day["graded"]) for day in days}
    assert busy["2026-09-10"] == (2, 0)
    assert busy["2026-09-14"] == (0, 1)
    assert busy["2026-09-15"] == (1, 0)
    assert sum(submitted for submitted, _ in busy.values()) == 3
    assert sum(graded for _, graded in busy.values()) == 1


async def test_changes_of_the_last_week_leave_the_first_run_out(
    tell: Told, pool: AsyncConnectionPool
) -> None:
    past = Past()
    account = Account(past).open().run((course("1"), [assignment("1")]))
    account.run((course("1", current_score=70), [assignment("1")]))
    tell(past.events)
    week = timedelta(days=7)
    changed_at = past.events[-2].recorded_at
    for now, changed in (
        (changed_at, 1),
        (changed_at + week - timedelta(seconds=1), 1),
        (changed_at + week, 0),
        (changed_at - timedelta(seconds=1), 0),
    ):
        stats = await _stats(pool, now)
        assert stats["grades"]["changed_this_week"] == changed, now


async def test_connections_that_fail(tell: Told, pool: AsyncConnectionPool) -> None:
    past = Past()
    Account(past).open()
    rejected = Account(past, url="https://b.example").open()
    rejected.decide(lambda connection: connection.reject_token("revoked"))
    failed = Account(past, url="https://c.example").open().request().start()
    failed.synchronise(lambda sync: sync.fail(failed.attempt, "canvas-timeout", "", REQUESTS))
    tell(past.events)
    assert (await _stats(pool))["connections"] == {"active": 2, "failing": 2}
    failed.run()
    rejected.decide(lambda connection: connection.rotate_token("42", "ffffffff"))
    tell(past.events)
    assert (await _stats(pool))["connections"] == {"active": 3, "failing": 0}


async def test_of_nobody(tell: Told, pool: AsyncConnectionPool) -> None:
    tell([])
    stats = orjson.loads(await stats_of(uuid4(), now=NOW, pool=pool))
    assert stats["courses"] == {"active": 0, "total": 0}
    assert stats["completion_rate"] is None
    assert stats["grades"]["average_score"] is None
    assert stats["last_synced_at"] is None
    assert (stats["next_due"], stats["courses_at_a_glance"]) == ([], [])
    assert len(stats["activity"]) == 28
