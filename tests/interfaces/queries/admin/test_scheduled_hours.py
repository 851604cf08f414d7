"""What is due in the next 24 hours, by hour and host."""

from datetime import UTC, datetime, timedelta
from time import monotonic

import orjson
import psycopg
import pytest

from domain.sync_schedule import delays
from infrastructure.postgres.pools import ReadPool
from interfaces.queries.admin import scheduled_hours
from interfaces.queries.admin.scheduled_hours import (
    COUNT_DUE,
    DueCount,
    ScheduledHours,
    hours_of,
)
from projections.support.page import BadCursor
from tests.interfaces.queries.admin.failing_installation import (
    INTERVAL,
    OTHER,
    SCHOOL,
    FailingInstallation,
)
from tests.projections.conftest import project_events
from tests.query_plans import plan_of

NOW = datetime(2026, 9, 1, 12, 50, tzinfo=UTC)
MANY = """
INSERT INTO connections_v1.connections
SELECT md5(nth::text)::uuid, md5('p' || nth)::uuid, 'https://' || nth % 20, now(), TRUE,
       now(), 0, nth % 32, repeat('x', 600)::bytea, nth, nth
  FROM generate_series(1, 20000) AS nth;
ANALYZE connections_v1.connections
"""


def _count(origin: str, due_at: datetime, connections: int, overdue: int = 0) -> DueCount:
    seconds = due_at.timestamp()
    return DueCount(origin, int(seconds // 600), connections, overdue, seconds, None)


def test_repetitions_are_expected_until_24_hours_from_now() -> None:
    counts = [
        _count(SCHOOL, NOW - timedelta(minutes=10), 3, overdue=3),
        _count(SCHOOL, NOW + timedelta(minutes=20), 5),
        _count(OTHER, NOW + timedelta(hours=23), 2),
    ]
    hours = hours_of(counts, NOW, timedelta(hours=12))
    first = hours[NOW.replace(minute=0), SCHOOL]
    assert (first.due, first.overdue, first.expected_syncs) == (3, 3, 3)
    assert hours[NOW.replace(hour=13, minute=0), SCHOOL].due == 5
    later = {
        hour: (count.due, count.expected_syncs)
        for (hour, origin), count in hours.items()
        if origin == SCHOOL and hour.hour not in {12, 13}
    }
    night = datetime(2026, 9, 2, 1, tzinfo=UTC)
    assert later == {night: (0, 8)}, "12.6 hours later, because of the jitter"
    assert hours[datetime(2026, 9, 2, 11, tzinfo=UTC), OTHER].expected_syncs == 2


def test_only_hours_that_begin_during_a_hold_are_held() -> None:
    until = NOW + timedelta(minutes=15)
    held = _count(OTHER, NOW - timedelta(minutes=10), 2, overdue=2)._replace(open_until=until)
    hours = hours_of([held], NOW, timedelta(hours=2))
    assert [count.held_until for _, count in sorted(hours.items())][:2] == [until, None]
    assert {count.held_until for count in hours.values()} == {until, None}


async def test_the_counts_are_kept_for_seconds_only(
    database_url: str, pool: ReadPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation = FailingInstallation()
    installation.write(database_url)
    schedule = ScheduledHours(pool, INTERVAL)
    first = sum(count.due for count in (await schedule.hours()).values())
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE read.connections SET active = FALSE")
    assert sum(count.due for count in (await schedule.hours()).values()) == first
    later = monotonic() + 6
    monkeypatch.setattr(scheduled_hours, "monotonic", lambda: later)
    assert await schedule.hours() == {}


async def test_the_schedule_has_each_active_connection_once(
    database_url: str, pool: ReadPool
) -> None:
    installation = FailingInstallation()
    installation.write(database_url)
    schedule = ScheduledHours(pool, INTERVAL)
    first = await schedule.page(limit=2)
    rest = await schedule.page(cursor=first.next_cursor, limit=500)
    items = [orjson.loads(item) for item in first.items + rest.items]
    assert [(item["hour"], item["canvas_url"]) for item in items] == sorted(
        (item["hour"], item["canvas_url"]) for item in items
    )
    due: dict[str, int] = {}
    for item in items:
        due[item["host"]] = due.get(item["host"], 0) + item["due"]
    assert due == {"school.instructure.com": 5, "other.instructure.com": 2, "127.0.0.1:9000": 1}
    at_other = [item for item in items if item["canvas_url"] == OTHER]
    assert {item["overdue"] for item in at_other} == {0}, "its circuit is open"
    assert at_other[0]["held_until"]
    assert sum(item["expected_syncs"] for item in items) > 60
    with pytest.raises(BadCursor):
        await schedule.page(cursor="W10", limit=1)


def test_the_counts_come_from_an_index_alone(database_url: str) -> None:
    project_events(database_url, [])
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(MANY)
        connection.execute("VACUUM connections_v1.connections")
        seconds = [delay.total_seconds() for delay in delays(INTERVAL)]
        parameters = {"now": NOW.timestamp(), "delays": seconds}
        nodes = plan_of(connection, COUNT_DUE, parameters)
    assert {(node.type, node.index_name) for node in nodes if node.table == "connections"} == {
        ("Index Only Scan", "connections_host")
    }
