"""Event log, read models and live messages show the same connections and runs."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest
from psycopg_pool import AsyncConnectionPool

from domain.connection import Connection
from domain.recorded_event import RecordedEvent
from domain.sync import Sync
from infrastructure.event_store.rehydrate import rehydrate
from infrastructure.postgres import pools
from interfaces.http.schemas.connections import Connection as ConnectionSchema
from interfaces.http.schemas.syncs import Sync as SyncSchema
from interfaces.live.messages import MessageBuilder
from interfaces.queries.current_state import connection_document, sync_document
from projections.connections.query import connection_of
from projections.sync_log.query import syncs_of
from tests.projections.conftest import project_events
from tests.projections.event_builders import RandomHistory
from tests.projections.pages import decode_page, fetch

INTERVAL = timedelta(hours=2)


def stored_history(seed: int) -> list[RecordedEvent]:
    """A random history whose events have the times that the log would give them."""
    history = RandomHistory(seed).generate(200)
    for recorded in history:
        object.__setattr__(recorded.event, "timestamp", recorded.recorded_at)
    return history


def rehydrated(history: Sequence[RecordedEvent]) -> list[tuple[Connection, Sync]]:
    streams = defaultdict[UUID, list[Any]](list)
    for recorded in history:
        streams[recorded.event.originator_id].append(recorded.event)
    return [
        (
            rehydrate(Connection, stream, None, events),
            rehydrate(Sync, Sync.id_for(stream), None, streams[Sync.id_for(stream)]),
        )
        for stream, events in list(streams.items())
        if Sync.id_for(stream) in streams
    ]


def as_json(document: Any) -> Any:
    return orjson.loads(orjson.dumps(document))


@pytest.mark.parametrize("seed", range(3))
async def test_current_documents_equal_those_of_the_read_models(
    database_url: str, seed: int
) -> None:
    history = stored_history(seed)
    project_events(database_url, history)
    compared = 0
    async with pools.open_read_pool(database_url, size=1) as pool:
        for connection, sync in rehydrated(history):
            compared += await _assert_same_documents(connection, sync, pool)
    assert compared


async def _assert_same_documents(
    connection: Connection, sync: Sync, pool: AsyncConnectionPool
) -> bool:
    """Compare both documents of a connection; False if the read models have dropped it."""
    person = connection.person_id
    stored = await fetch(connection_of(person, connection.id, interval=INTERVAL), pool)
    if stored is None:
        return False
    assert orjson.loads(stored) == as_json(connection_document(connection, sync, INTERVAL, {}))
    assert orjson.loads(stored).keys() == ConnectionSchema.model_fields.keys()
    ConnectionSchema.model_validate_json(stored)
    runs = await fetch(syncs_of(person, connection_id=connection.id, limit=1), pool)
    assert decode_page(runs) == [as_json(sync_document(sync))]
    assert orjson.loads(runs.items[0]).keys() == SyncSchema.model_fields.keys()
    SyncSchema.model_validate_json(runs.items[0])
    return True


def test_the_last_live_message_of_a_run_equals_its_current_document() -> None:
    history = stored_history(0)
    builder = MessageBuilder(lambda _stream, _version: [])
    built = [builder.build(each, timeline=1) for each in history]
    messages = [orjson.loads(message.text) for message in built if message]
    last_runs = {
        message["sync"]["id"]: message["sync"] for message in messages if message["type"] == "sync"
    }
    current = [as_json(sync_document(sync)) for _, sync in rehydrated(history)]
    assert len(current) > 1
    assert [last_runs[run["id"]] for run in current] == current
