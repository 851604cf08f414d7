"""The query of `dashboard_stats`: what is counted, and over which courses and days."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import orjson
from psycopg_pool import AsyncConnectionPool

from domain.canvas import Assignment, course_id
from projections.assignments.query import assignments_of
from projections.dashboard_stats.query import stats_of
from tests.canvas_builders import (
    assignment,
    course,
    hidden_grade,
    part,
    restricted_course,
    submission,
    unsubmitted,
)
from tests.projections.conftest import ProjectNewEvents
from tests.projections.event_builders import PERSON, REQUEST_COUNTS, EventLogBuilder, StudentAccount
from tests.projections.pages import decode_page, fetch

NOW = datetime(2026, 9, 15, 12, tzinfo=UTC)
LATER_DUE_AT = "2026-10-20T00:00:00Z"


async def _stats(pool: AsyncConnectionPool, now: datetime = NOW) -> dict[str, Any]:
    stats: dict[str, Any] = orjson.loads((await fetch(stats_of(PERSON, now=now), pool)).json)
    return stats


def _build_semester(log: EventLogBuilder) -> StudentAccount:
    account = StudentAccount(log).open()
    graded = submission(graded_at="2026-09-14T00:00:00Z", missing=True)
    account.run(
        (
            course("1", name="Algebra", current_score=80.128),
            [
                assignment("1", submission=graded),
                assignment("2", submission=submission(excused=True, score=None, grade=None)),
                assignment("3", submission=hidden_grade(submitted_at="2026-09-15T09:00:00Z")),
                assignment("4", submission=unsubmitted(missing=True)),
                assignment("5", submission=unsubmitted()),
                assignment("6", submission=None, due_at="2026-09-15T12:00:01Z"),
                assignment("7", submission=None, due_at="2026-09-22T12:00:00Z"),
                assignment("8", submission=None, due_at=LATER_DUE_AT, submission_types=["none"]),
                assignment(
                    "9", submission=None, due_at=LATER_DUE_AT, submission_types=["on_paper"]
                ),
                assignment("10", submission=None, submission_types=["wiki_page"]),
                assignment("11", submission=unsubmitted(missing=True), published=False),
            ],
        ),
        (
            course("2", name="Botany", current_score=91.5),
            [
                *(assignment(f"2{n}", submission=None, due_at=LATER_DUE_AT) for n in range(3)),
                _discussion("23"),
                assignment("24", submission=None, due_at="2026-09-22T12:00:01Z", name="Z"),
            ],
        ),
        (course("3", name="Choir", current_score=None), []),
        (course("4", state="concluded", current_score=1), [assignment("41")]),
        (course("5", name="Help desk", role="ta", current_score=2), []),
    )
    return account


def _discussion(canvas_id: str) -> Assignment:
    """A discussion whose first part is done, with a lock that a module causes."""
    parts = [
        part(due_at="2026-09-12T00:00:00Z", submission=submission(score=4)),
        part("reply_to_entry", due_at="2026-09-16T00:00:00Z"),
    ]
    return assignment(
        canvas_id,
        due_at="2026-09-16T00:00:00Z",
        submission=unsubmitted(),
        parts=parts,
        locked_for_user=True,
        locked_by="module",
    )


async def test_stats_count_courses_assignments_and_grades(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder()
    account = _build_semester(log)
    project_new(log.events)
    stats = await _stats(pool)
    assert stats["courses"] == {"active": 3, "total": 4}
    assert stats["assignments"] == {
        "total": 15,
        "upcoming": 9,
        "due_this_week": 3,
        "overdue": 1,
        "missing": 2,
        "submitted": 1,
        "graded": 1,
    }
    assert stats["grades"] == {"average_score": 85.82, "changed_this_week": 0}
    assert stats["completion_rate"] == 0.25
    assert stats["courses_at_a_glance"] == [
        {
            "course_id": str(course_id(account.id, canvas_id)),
            "name": name,
            "current_score": score,
            "done": done,
            "total": total,
        }
        for canvas_id, name, score, done, total in (
            ("1", "Algebra", 80.13, 3, 10),
            ("2", "Botany", 91.5, 0, 5),
            ("3", "Choir", None, 0, 0),
        )
    ]
    assert stats["connections"] == {"active": 1, "failing": 0}
    assert stats["last_synced_at"] == log.events[-1].recorded_at.isoformat().replace("+00:00", "Z")


async def test_next_due_equals_the_assignment_list(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder()
    _build_semester(log)
    project_new(log.events)
    listed = await fetch(
        assignments_of(PERSON, now=NOW, statuses=frozenset({"upcoming"}), limit=5), pool
    )
    next_due = (await _stats(pool))["next_due"]
    assert next_due == decode_page(listed)
    assert [item["canvas_id"] for item in next_due[:4]] == ["6", "23", "7", "24"]
    assert [each["status"] for each in next_due[1]["parts"]] == ["graded", "upcoming"]
    assert next_due[1]["lock_reason"]


async def test_courses_in_which_the_person_is_not_a_student_do_not_count(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder()
    account = StudentAccount(log).open()
    account.run((course("1"), [assignment("1")]))
    account.run((course("1", role="ta"), []), (course("2", role="ta"), []))
    project_new(log.events)
    stats = await _stats(pool)
    assert stats["courses"] == {"active": 0, "total": 0}
    assert (stats["assignments"]["total"], stats["courses_at_a_glance"]) == (0, [])
    assert stats["grades"] == {"average_score": None, "changed_this_week": 0}
    account.run((restricted_course("1"), []), (course("2", name="B"), []))
    project_new(log.events)
    stats = await _stats(pool)
    assert stats["courses"] == {"active": 1, "total": 1}
    assert [item["name"] for item in stats["courses_at_a_glance"]] == ["B"]


async def test_rates_have_four_digits(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder()
    work = [assignment("1"), assignment("2", submission=None), assignment("3", submission=None)]
    StudentAccount(log).open().run((course("1"), work))
    project_new(log.events)
    assert (await _stats(pool))["completion_rate"] == 0.3333


async def test_a_grade_that_waits_for_a_review_is_submitted_and_not_graded(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder()
    waiting = submission(state="pending_review", graded_at="2026-09-14T00:00:00Z")
    StudentAccount(log).open().run((course("1"), [assignment("1", submission=waiting)]))
    project_new(log.events)
    stats = await _stats(pool)
    assert (stats["assignments"]["submitted"], stats["assignments"]["graded"]) == (1, 0)
    assert sum(day["graded"] for day in stats["activity"]) == 0


async def test_activity_counts_submissions_and_grades_per_day(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder()
    _build_semester(log)
    project_new(log.events)
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


async def test_grade_changes_of_the_last_week_exclude_the_first_run(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder()
    account = StudentAccount(log).open().run((course("1"), [assignment("1")]))
    account.run((course("1", current_score=70), [assignment("1")]))
    project_new(log.events)
    week = timedelta(days=7)
    changed_at = log.events[-2].recorded_at
    for now, count in (
        (changed_at, 1),
        (changed_at + week - timedelta(seconds=1), 1),
        (changed_at + week, 0),
        (changed_at - timedelta(seconds=1), 0),
    ):
        stats = await _stats(pool, now)
        assert stats["grades"]["changed_this_week"] == count, now


async def test_failing_connections_are_counted(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder()
    StudentAccount(log).open()
    rejected = StudentAccount(log, url="https://b.example").open()
    rejected.change_connection(lambda connection: connection.reject_token("revoked"))
    failed = StudentAccount(log, url="https://c.example").open().request().start()
    failed.change_sync(lambda sync: sync.fail(failed.attempt, "canvas-timeout", "", REQUEST_COUNTS))
    project_new(log.events)
    assert (await _stats(pool))["connections"] == {"active": 2, "failing": 2}
    failed.run()
    rejected.change_connection(lambda connection: connection.rotate_token("42", "ffffffff"))
    project_new(log.events)
    assert (await _stats(pool))["connections"] == {"active": 3, "failing": 0}


async def test_stats_of_an_unknown_person_are_empty(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    project_new([])
    stats = orjson.loads((await fetch(stats_of(uuid4(), now=NOW), pool)).json)
    assert stats["courses"] == {"active": 0, "total": 0}
    assert stats["completion_rate"] is None
    assert stats["grades"]["average_score"] is None
    assert stats["last_synced_at"] is None
    assert (stats["next_due"], stats["courses_at_a_glance"]) == ([], [])
    assert len(stats["activity"]) == 28
