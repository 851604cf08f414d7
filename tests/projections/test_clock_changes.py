"""A document stays the same until the time at which the clock changes it, whatever it contains."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from psycopg_pool import AsyncConnectionPool

from projections.assignments.query import assignments_of
from projections.dashboard_stats.query import stats_of
from tests.canvas_builders import assignment, course, part, submission, unsubmitted
from tests.projections.conftest import ProjectNewEvents
from tests.projections.event_builders import PERSON, EventLogBuilder, StudentAccount
from tests.projections.pages import fetch

START = datetime(2026, 9, 1, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)
END_OF_TIME = "9999-12-31T23:59:59.999999Z"

ReadAt = Callable[[datetime], Awaitable[tuple[Any, datetime | None]]]


@pytest.fixture
def reads(pool: AsyncConnectionPool) -> dict[str, ReadAt]:
    """Functions that return a document at a time, and when the clock changes it."""

    async def assignments(now: datetime) -> tuple[Any, datetime | None]:
        page = await fetch(assignments_of(PERSON, now=now, limit=500), pool)
        return page.items, page.changes_at

    async def everything(now: datetime) -> tuple[Any, datetime | None]:
        page = await fetch(assignments_of(PERSON, now=now, limit=None), pool)
        return page.items, page.changes_at

    async def stats(now: datetime) -> tuple[Any, datetime | None]:
        document = await fetch(stats_of(PERSON, now=now), pool)
        return document.json, document.changes_at

    return {"assignments": assignments, "everything": everything, "stats": stats}


def _random_time(rng: Random) -> str:
    at = START + timedelta(minutes=rng.randrange(30 * 24 * 60), microseconds=rng.choice([0, 1]))
    return at.isoformat()


def _random_assignment(rng: Random, id_: str) -> Any:
    times = [_random_time(rng) for _ in range(6)]
    parts = [
        part("reply_to_topic", due_at=times[4], submission=rng.choice([None, submission()])),
        part("reply_to_entry", due_at=rng.choice([times[5], None]), submission=None),
    ]
    return assignment(
        id_,
        due_at=rng.choice([times[0], times[0], None]),
        unlock_at=rng.choice([None, times[1]]),
        lock_at=rng.choice([None, times[2], END_OF_TIME]),
        locked_for_user=rng.choice([None, None, False, True]),
        locked_by=rng.choice([None, "date", "module"]),
        parts=parts if rng.random() < 0.3 else [],
        submission=rng.choice(
            [
                None,
                unsubmitted(),
                unsubmitted(missing=True),
                submission(submitted_at=times[3], graded_at=times[4], posted_at=times[4]),
            ]
        ),
    )


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", ["assignments", "everything", "stats"])
async def test_the_clock_changes_a_document_when_it_says(
    project_new: ProjectNewEvents, reads: dict[str, ReadAt], name: str, seed: int
) -> None:
    rng, log = Random(seed), EventLogBuilder()
    works = [[_random_assignment(rng, f"{nth}{n}") for n in range(4)] for nth in range(2)]
    StudentAccount(log).open().run(*((course(str(n)), work) for n, work in enumerate(works)))
    project_new(log.events)
    now, changes = START - timedelta(days=9), 0
    while now < START + timedelta(days=45):
        document, changes_at = await reads[name](now)
        until = changes_at or START + timedelta(days=400)
        assert until > now
        for earlier in (until - MOMENT, now + rng.random() * (until - now - MOMENT)):
            assert (await reads[name](earlier))[0] == document, (now, until, earlier)
        changes += (await reads[name](until))[0] != document
        now = until
    assert changes > 5


async def test_a_page_of_a_status_is_kept_for_no_time(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder()
    StudentAccount(log).open().run((course("1"), [assignment("1")]))
    project_new(log.events)
    query = assignments_of(PERSON, now=START, statuses=frozenset({"overdue"}), limit=10)
    assert (await fetch(query, pool)).changes_at == START


async def test_nothing_changes_if_no_date_lies_ahead(
    project_new: ProjectNewEvents, reads: dict[str, ReadAt]
) -> None:
    log = EventLogBuilder()
    StudentAccount(log).open().run((course("1"), [assignment("1", due_at=None)]))
    project_new(log.events)
    assert (await reads["assignments"](START))[1] is None
    tomorrow = datetime(2026, 9, 2, tzinfo=UTC)
    assert (await reads["stats"](START))[1] == tomorrow
