"""Waits until read models have reached a position, and compares their tables."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from psycopg import Connection

from domain.recorded_event import RecordedEvent
from projections.registry import READ_MODELS
from tests.deadlines import scaled
from tests.projections.table_contents import TableDump, build_and_dump, dump_tables


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + scaled(seconds)
    while not condition():
        assert time.monotonic() < deadline, f"the condition is not met after {scaled(seconds)} s"
        time.sleep(0.005)


def live_positions(connection: Connection[Any]) -> dict[str, int]:
    """Return the checkpoint of every live version."""
    return dict(
        connection.execute(
            "SELECT name, position FROM easeboard.projections WHERE role = 'live' ORDER BY name"
        ).fetchall()
    )


def wait_until_all_at(connection: Connection[Any], position: int, seconds: float = 30) -> None:
    """Wait until every read model has applied the log up to a position."""
    wait_until(lambda: min(live_positions(connection).values(), default=-1) >= position, seconds)


def live_dump(connection: Connection[Any], name: str) -> TableDump:
    """Return the rows of all tables of the live version."""
    cursor = connection.execute(
        "SELECT version FROM easeboard.projections WHERE name = %s AND role = 'live'", [name]
    )
    return dump_tables(connection, f"{name}_v{cursor.fetchall()[0][0]}")


def assert_live_equals_rebuilt(
    connection: Connection[Any], events: Sequence[RecordedEvent]
) -> None:
    """Assert that every read model equals one that is built from all events in one batch."""
    for model in READ_MODELS:
        expected = build_and_dump(connection, model, f"expected_{model.name}", [events])
        assert live_dump(connection, model.name) == expected, model.name
