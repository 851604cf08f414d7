"""A page of due connections reads few rows, however many are due, and lacks none."""

from collections.abc import Iterator
from copy import deepcopy
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from domain.sync_schedule import DueConnection, delays
from projections.connections import due_connections as module
from projections.connections.due_connections import due_at_hosts, due_connections
from tests.projections.conftest import project_events
from tests.projections.event_builders import STARTED_AT
from tests.query_plans import explain

INTERVAL = timedelta(hours=2)
NOW = STARTED_AT + timedelta(days=1)
INSERT = """
INSERT INTO connections_v1.connections
SELECT id, gen_random_uuid(), 'https://canvas.example', rested_at, TRUE, rested_at, 0, wait, '{}',
       1, 1
  FROM unnest(%s::uuid[], %s::timestamptz[], %s::integer[]) AS due (id, rested_at, wait)
"""


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    project_events(database_url, [])
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def insert_due(connection: psycopg.Connection[Any], waits: list[int], seed: int = 3) -> list[UUID]:
    """Insert a connection for each delay index, idle since random times; returns ids as due."""
    random = Random(seed)
    rows = [
        (
            UUID(int=random.getrandbits(128)),
            NOW - INTERVAL - INTERVAL - timedelta(seconds=random.randrange(900)),
            wait,
        )
        for wait in waits
    ]
    connection.execute(INSERT, [list(column) for column in zip(*rows, strict=True)])
    due = sorted((rested_at + delays(INTERVAL)[wait], id_) for id_, rested_at, wait in rows)
    return [id_ for _, id_ in due]


async def all_due(pool: AsyncConnectionPool, limit: int) -> list[UUID]:
    found: list[DueConnection] = []
    while page := await due_connections(
        NOW, interval=INTERVAL, limit=limit, after=found[-1] if found else None, pool=pool
    ):
        assert len(page) <= limit
        found += page
    return [due.connection_id for due in found]


@pytest.mark.parametrize(
    "waits",
    [
        [nth % 32 for nth in range(700)],
        [3] * 300,
        [nth % 32 if nth % 5 == 0 else 7 for nth in range(600)],
        [nth % 416 for nth in range(500)],
    ],
    ids=["even", "one delay", "uneven", "failures"],
)
async def test_no_page_lacks_a_connection_that_is_due(
    connection: psycopg.Connection[Any], pool: AsyncConnectionPool, waits: list[int]
) -> None:
    expected = insert_due(connection, waits)
    for limit in (1, 7, 60, 250, 1000):
        assert await all_due(pool, limit) == expected


class NotedStatements:
    """The statements that were sent, with copies of their parameters."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self._fetch = module._fetch_due

    async def fetch(self, query: str, parameters: dict[str, Any], pool: Any) -> Any:
        """Take the place of `_fetch_due`."""
        self.sent.append((query, deepcopy(parameters)))
        return await self._fetch(query, parameters, pool)

    def rows_read(self, connection: psycopg.Connection[Any]) -> float:
        """Execute them again; return how many rows were read from any index of the table."""
        found = 0.0
        for query, parameters in self.sent:
            root = explain(connection, "ANALYZE, FORMAT JSON", query, parameters)
            found += scanned_rows(root["Plan"])
        return found


@pytest.fixture(params=["force_custom_plan", "force_generic_plan"])
def planned(
    connection: psycopg.Connection[Any], request: pytest.FixtureRequest
) -> psycopg.Connection[Any]:
    """A connection with plans for the parameters, or with those after a few executions."""
    connection.execute(f"SET plan_cache_mode = {request.param}")
    return connection


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> NotedStatements:
    noted = NotedStatements()
    monkeypatch.setattr(module, "_fetch_due", noted.fetch)
    return noted


@pytest.mark.parametrize(
    ("waits", "most_rows"),
    [
        ([nth % 416 for nth in range(40_000)], 416 * 15 + 500),
        ([nth % 32 for nth in range(20_000)], 32 * 15 + 1250),
        ([3] * 20_000, 15 + 60 + 240 + 260),
        ([nth % 32 for nth in range(200)], 250),
    ],
    ids=["failures", "even", "one delay", "few"],
)
async def test_a_page_reads_few_rows_of_each_delay(
    planned: psycopg.Connection[Any],
    pool: AsyncConnectionPool,
    noted: NotedStatements,
    waits: list[int],
    most_rows: int,
) -> None:
    insert_due(planned, waits)
    planned.execute("ANALYZE connections_v1.connections")
    page = await due_connections(NOW, interval=INTERVAL, limit=250, pool=pool)
    assert len(noted.sent) <= 4
    assert 0 < noted.rows_read(planned) <= most_rows
    noted.sent.clear()
    without = ["https://away.example"]
    await due_connections(
        NOW, interval=INTERVAL, limit=250, after=page[-1], without=without, pool=pool
    )
    assert noted.rows_read(planned) <= most_rows, "the next page"


async def test_what_is_due_at_hosts_is_read_by_ranges(
    planned: psycopg.Connection[Any], pool: AsyncConnectionPool, noted: NotedStatements
) -> None:
    insert_due(planned, [nth % 32 for nth in range(20_000)])
    planned.execute("ANALYZE connections_v1.connections")
    await due_at_hosts(
        NOW, ["https://canvas.example", "https://b"], interval=INTERVAL, limit=5, pool=pool
    )
    assert 0 < noted.rows_read(planned) <= 32 * 5


def scanned_rows(plan: dict[str, Any]) -> float:
    """Return how many rows the plan has read from the table or an index of it."""
    own = 0.0
    if plan.get("Relation Name") == "connections" or plan["Node Type"] == "Bitmap Index Scan":
        removed = plan.get("Rows Removed by Filter", 0)
        own = (plan["Actual Rows"] + removed) * plan["Actual Loops"]
    return own + sum(scanned_rows(part) for part in plan.get("Plans", ()))
