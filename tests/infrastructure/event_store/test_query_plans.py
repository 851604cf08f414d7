"""No query of a stream walks the log, whatever the planner believes of the number of streams."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

from infrastructure.event_store import (
    command_events,
    facts,
    history,
    past_snapshots,
    snapshot_writer,
    snapshots,
    stream_positions,
    whole_appends,
)
from tests.query_plans import PlanNode, plan_of

LONG, SHORT = UUID(int=7), UUID(int=8)
STREAMS = 400
FILL = """
INSERT INTO easeboard.events (stream, version, topic, command_id, person_id, state, actor)
SELECT CASE WHEN nth % 2 = 0 THEN %(long)s ELSE md5((nth % %(streams)s)::text)::uuid END,
       CASE WHEN nth % 2 = 0 THEN nth / 2 + 1 ELSE nth / %(streams)s + 1 END,
       CASE WHEN nth < %(streams)s THEN 'ConnectionOpened' ELSE 'CourseFetched' END,
       gen_random_uuid(), md5((nth % %(streams)s)::text)::uuid, '\\x00', 'test'
  FROM generate_series(0, 39999) AS nth
""".replace(" % ", " %% ")
PAST = """
INSERT INTO easeboard.past_snapshots
       (stream, version, topic, person_id, event_id, earliest_at, latest_at, state)
SELECT stream, version, 'Sync/1', person_id, event_id, recorded_at, recorded_at, '\\x00'
  FROM easeboard.events
 WHERE version % 5 = 0
"""
NOW = datetime.now(UTC)
RANGE = {"streams": [LONG, SHORT], "after": [5, 0], "up_to": [2**62, 2**62], "limit": 101}
AT = {"streams": [LONG, SHORT], "up_to": None, "at": None, "before": None}
LOAD = {"stream": LONG, "topic": "Sync/1", "up_to": 2**62, "limit": 2000, "after": 3}
EVENT = {"stream": LONG, "version": 5000, "command": SHORT}
KEEP = {
    "stream": LONG,
    "version": 5000,
    "topic": "Sync/1",
    "person": SHORT,
    "state": b"",
    "interval": 1000,
}
QUERIES: dict[str, tuple[str | sql.Composable, dict[str, Any] | list[Any]]] = {
    "a page": (history.SELECT_FORWARD, RANGE | {"topics": None}),
    "a page of types": (history.SELECT_FORWARD, RANGE | {"topics": ["SyncFailed"]}),
    "the newest page": (history.SELECT_BACKWARD, RANGE | {"topics": None}),
    "the newest page of types": (history.SELECT_BACKWARD, RANGE | {"topics": ["SyncFailed"]}),
    "where streams end": (stream_positions.SELECT_ENDS, {"streams": [LONG], "up_to": 5000}),
    "the newest event": (stream_positions.SELECT_NEWEST, {"streams": [LONG, SHORT]}),
    "the newest event at a time": (stream_positions.SELECT_NEWEST_AT, AT | {"at": NOW}),
    "the newest event before a time": (stream_positions.SELECT_NEWEST_AT, AT | {"before": NOW}),
    "the newest event up to a position": (
        stream_positions.SELECT_NEWEST_AT,
        AT | {"at": NOW, "up_to": 7},
    ),
    "the first event since a time": (
        stream_positions.SELECT_FIRST_SINCE,
        {"streams": [LONG, SHORT], "since": NOW},
    ),
    "the event before an append": (whole_appends.SELECT_BEFORE_APPEND, EVENT),
    "the end of an append": (whole_appends.SELECT_END_OF_APPEND, EVENT),
    "a position": (whole_appends.SELECT_POSITION, {"s": LONG, "v": 5}),
    "the connections of a person": (command_events.SELECT_CONNECTIONS, [SHORT]),
    "the events of a command": (
        command_events.SELECT_COMMAND_EVENTS,
        {"streams": [LONG, SHORT], "since": NOW, "command": SHORT, "most": 10_000},
    ),
    "the last version": (facts.SELECT_LAST_VERSION, [LONG]),
    "a present state": (snapshots.SELECT_PRESENT, LOAD),
    "a state that was": (snapshots.SELECT_PAST, LOAD),
    "the events of a stream": (snapshots.SELECT_STREAM, LOAD),
    "the times of appended events": (
        snapshot_writer.SELECT_TIMES,
        [[LONG, SHORT], [5000, 1], [5010, 3], 5000],
    ),
    "to keep a snapshot": (past_snapshots.KEEP_SNAPSHOT, KEEP),
}


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A log half of which is one stream."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(FILL, {"long": LONG, "streams": STREAMS})
        connection.execute(PAST)
        connection.execute("ANALYZE easeboard.past_snapshots")
        yield connection


def walks(nodes: list[PlanNode]) -> list[str]:
    """Return the nodes that read the log or snapshots otherwise than by a range of a stream."""
    indexes = {"events_stream_version", "events_opened_by", "past_snapshots_pkey", "snapshots_pkey"}
    scans = [node for node in nodes if node.table or node.index_name]
    return [
        str(node)
        for node in scans
        if (
            node.table in {"events", "past_snapshots"}
            and node.type not in {"Bitmap Heap Scan", "ModifyTable"}
            and not (node.index_name in indexes and node.condition)
        )
        or (
            node.index_name
            and node.index_name not in indexes
            and node.index_name != "timelines_pkey"
        )
    ]


@pytest.mark.parametrize("streams", [1, 2, 100, 10_000, -1], ids=lambda n: f"n_distinct={n}")
@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
def test_every_query_of_a_stream_reads_a_range_of_its_index(
    connection: psycopg.Connection[Any], streams: int, mode: str
) -> None:
    connection.execute(f"ALTER TABLE easeboard.events ALTER stream SET (n_distinct = {streams})")
    connection.execute("ANALYZE easeboard.events")
    connection.execute(f"SET plan_cache_mode = {mode}")
    found = {}
    for name, (statement, parameters) in QUERIES.items():
        nodes = plan_of(connection, statement, parameters)
        assert any(node.table == "events" for node in nodes), name
        if walked := walks(nodes):
            found[name] = walked
    assert found == {}
