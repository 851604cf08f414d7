"""The list of all connections is what the log gives, whoever closed or erased what."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import orjson
import psycopg
import pytest

from domain.connection import Connection
from domain.sync import Sync
from infrastructure.canvas.circuit_breakers import load_circuit_breakers
from infrastructure.event_store.log_reader import LogReader
from infrastructure.projection_engine.daemon import ProjectionDaemon
from infrastructure.settings.settings import read_settings
from interfaces.composition.bootstrap import bootstrap
from interfaces.composition.process import Process
from interfaces.queries import audited_connections
from interfaces.queries.current_state import connection_document
from projections.registry import READ_MODELS
from tests.infrastructure.event_store.aggregate_histories import (
    ORIGIN,
    PROGRESS,
    new_connection,
    requested_sync,
)
from tests.infrastructure.projection_engine.wait_for_projections import wait_until_all_at
from tests.interfaces.queries.audited_log import MASTER_KEY
from tests.projections.pages import decode_page
from tests.query_plans import plan_of

INTERVAL = timedelta(minutes=120)
MANY = """
INSERT INTO easeboard.events (stream, version, topic, command_id, person_id, state, actor)
SELECT md5((nth / 2)::text)::uuid, nth % 2 + 1,
       CASE nth % 2 WHEN 0 THEN 'ConnectionOpened' ELSE 'ConnectionValidated' END,
       gen_random_uuid(), md5((nth / 4)::text)::uuid, '\\x00', 'test'
  FROM generate_series(0, 19999) AS nth;
INSERT INTO easeboard.people_keys (person_id, destroyed_at)
SELECT person_id, clock_timestamp()
  FROM easeboard.events
 GROUP BY person_id;
INSERT INTO connections_v1.connections
SELECT stream, person_id, 'https://' || position % 50, recorded_at, TRUE, recorded_at, 0, 0, '{}',
       position, position
  FROM easeboard.events
 WHERE version = 1;
INSERT INTO connections_v1.closed_connections
SELECT connection_id, person_id, origin, document, opened, position
  FROM connections_v1.connections;
INSERT INTO easeboard.canvas_hosts (origin, failures, openings, is_probed, failed_at)
SELECT 'https://' || nth, 0, 0, FALSE, clock_timestamp()
  FROM generate_series(0, 4999) AS nth;
UPDATE easeboard.projections SET position = 20000;
ANALYZE
"""
ERASE = """
UPDATE easeboard.people_keys
   SET key_id = NULL, wrapped = NULL, destroyed_at = clock_timestamp()
 WHERE person_id = %s
"""


@pytest.fixture
async def process(database_url: str) -> AsyncIterator[Process]:
    """A process with an empty log and no projector."""
    settings = read_settings(
        _env_file=None, database_url=database_url, canvas_encryption_key=MASTER_KEY
    )
    async with bootstrap(settings) as process:
        yield process


@pytest.fixture
def owner(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


async def open_connection(process: Process, origin: str = ORIGIN) -> Connection:
    """Open a connection of a new person, with a requested run."""
    person = uuid4()
    connection = new_connection(person, origin=origin)
    await process.store.save(connection, requested_sync(person, origin=origin))
    return connection


async def end_run(process: Process, connection: Connection) -> None:
    sync = await process.store.load(Sync, Sync.id_for(connection.id))
    attempt = sync.start("worker")
    sync.complete(attempt, PROGRESS, {"total": 1, "not_modified": 0, "retried": 0})
    await process.store.save(sync)


async def close(process: Process, connection: Connection) -> None:
    connection.close()
    await process.store.save(connection)


def project(process: Process, owner: psycopg.Connection[Any]) -> None:
    """Apply all events to all read models."""
    head = process.log_reader.safe_place().position
    with ProjectionDaemon(
        process.database_url,
        LogReader(process.pools.write_pool, process.mapper),
        READ_MODELS,
    ) as daemon:
        daemon.wake()
        wait_until_all_at(owner, head)


async def listed(process: Process, **options: Any) -> list[dict[str, Any]]:
    """Return the items of all pages."""
    cursor, items = None, []
    while True:
        (page,), place = await process.service.read(
            process.service.all_connections(cursor=cursor, **options)
        )
        assert place
        items += decode_page(page)
        if (cursor := page.next_cursor) is None:
            return items


async def in_the_log(process: Process, connection: Connection) -> dict[str, Any]:
    """Return what the events of a connection give."""
    circuits = await load_circuit_breakers(process.pools.read_pool)
    stored = await process.store.load(Connection, connection.id)
    sync = await process.store.load(Sync, Sync.id_for(connection.id))
    document = connection_document(stored, sync, INTERVAL, circuits)
    if not stored.opened_at:
        document["status"] = "erased"
    user_id = stored.person_id if stored.opened_at else None
    return dict(orjson.loads(orjson.dumps(document | {"user_id": user_id})))


async def test_each_connection_is_listed_as_its_events_give_it(
    process: Process, owner: psycopg.Connection[Any]
) -> None:
    connections = [await open_connection(process) for _ in range(7)]
    _, synced, rejected, closed, ended_late, erased, erased_later = connections
    await end_run(process, synced)
    rejected.reject_token("revoked")
    await process.store.save(rejected)
    await close(process, closed)
    await close(process, ended_late)
    project(process, owner)
    await end_run(process, ended_late)
    await close(process, erased)
    owner.execute(ERASE, [erased.person_id])
    project(process, owner)
    owner.execute(ERASE, [erased_later.person_id])
    process.mapper.forget_keys()
    expected = [await in_the_log(process, each) for each in connections]
    assert await listed(process) == expected
    assert [each["status"] for each in expected] == [
        *("active", "active", "token_rejected", "closed", "closed", "erased", "erased")
    ]
    assert [list(each) for each in await listed(process)] == [list(each) for each in expected]
    assert expected[4]["last_synced_at"]
    assert expected[5]["user_id"] is None
    for limit in (1, 2, 6, 7):
        assert await listed(process, limit=limit) == expected


async def test_an_erased_person_is_gone_from_the_read_model_and_still_listed(
    process: Process, owner: psycopg.Connection[Any]
) -> None:
    erased = await open_connection(process)
    owner.execute(ERASE, [erased.person_id])
    process.mapper.forget_keys()
    project(process, owner)
    assert owner.execute("SELECT FROM read.connections").fetchall() == []
    assert await listed(process) == [await in_the_log(process, erased)]
    assert await listed(process, user_id=erased.person_id) == await listed(process)
    assert await listed(process, canvas_url=ORIGIN) == []


async def test_connections_are_selected_by_person_and_by_address(
    process: Process, owner: psycopg.Connection[Any]
) -> None:
    connections = [
        await open_connection(process, origin) for origin in (ORIGIN, "https://b.example") * 3
    ]
    await close(process, connections[2])
    project(process, owner)
    expected = [await in_the_log(process, each) for each in connections]
    for limit in (1, 2, 100):
        assert await listed(process, canvas_url=ORIGIN, limit=limit) == expected[::2]
    assert await listed(process, user_id=connections[2].person_id) == expected[2:3]
    for url, found in ((ORIGIN, expected[2:3]), ("https://b.example", [])):
        options = {"user_id": connections[2].person_id, "canvas_url": url}
        assert await listed(process, **options) == found
    assert await listed(process, user_id=uuid4()) == []
    assert await listed(process, canvas_url="https://missing.example") == []


async def test_connections_are_selected_by_status_and_by_text(
    process: Process, owner: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    origins = (ORIGIN, "https://straße.example", ORIGIN, ORIGIN, ORIGIN)
    connections = [await open_connection(process, origin) for origin in origins]
    _, _, rejected, closed, erased = connections
    rejected.reject_token("revoked")
    await process.store.save(rejected)
    await close(process, closed)
    project(process, owner)
    owner.execute(ERASE, [erased.person_id])
    process.mapper.forget_keys()
    expected = [await in_the_log(process, each) for each in connections]
    for searched in (1, 2, 2000):
        monkeypatch.setattr(audited_connections, "SEARCHED_CONNECTIONS", searched)
        for limit in (1, 3, 100):
            options = {"limit": limit}
            assert await listed(process, status="closed", **options) == [expected[3]]
            assert await listed(process, status="token_rejected", **options) == [expected[2]]
            assert await listed(process, status="erased", **options) == [expected[4]]
            assert await listed(process, status="erased", q="a", **options) == []
            assert await listed(process, q="STRASSE", **options) == [expected[1]]
            assert await listed(process, q="aDa", **options) == expected[:4]
            active = {"q": "ada", "status": "active"}
            assert await listed(process, **active, **options) == expected[:2]
            assert await listed(process, canvas_url=ORIGIN, **active, **options) == expected[:1]
            assert await listed(process, q="%", **options) == []


async def test_the_list_ends_at_the_checkpoint_of_the_read_model(
    process: Process, owner: psycopg.Connection[Any]
) -> None:
    first = await open_connection(process)
    project(process, owner)
    await open_connection(process)
    (page,), place = await process.service.read(process.service.all_connections(limit=1))
    assert place
    assert (place.position, page.next_cursor) == (2, None)
    assert decode_page(page) == [await in_the_log(process, first)]


async def test_a_connection_with_an_unreadable_event_hides_no_other(
    process: Process, owner: psycopg.Connection[Any]
) -> None:
    connections = [await open_connection(process) for _ in range(3)]
    owner.execute("ALTER TABLE easeboard.events DISABLE TRIGGER events_are_history")
    rename = "UPDATE easeboard.events SET topic = 'SyncRenamedLater' WHERE position = 2"
    owner.execute(rename)
    owner.execute("UPDATE easeboard.events SET state = '\\x00'::bytea WHERE position = 3")
    project(process, owner)
    shown = await listed(process, limit=1)
    assert [each["id"] for each in shown] == [str(connections[0].id), str(connections[2].id)]
    assert [each["canvas_user"]["name"] for each in shown] == ["Ada", "Ada"]


@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
@pytest.mark.parametrize("people", [1, -1], ids=lambda n: f"n_distinct={n}")
async def test_no_page_is_read_by_a_walk_over_a_table(
    process: Process, owner: psycopg.Connection[Any], mode: str, people: int
) -> None:
    project(process, owner)
    owner.execute(MANY.encode())
    owner.execute(f"ALTER TABLE easeboard.events ALTER person_id SET (n_distinct = {people})")
    owner.execute("ANALYZE easeboard.events")
    owner.execute(f"SET plan_cache_mode = {mode}")
    selections = [
        {},
        {"user_id": uuid4()},
        {"canvas_url": "https://7"},
        {"user_id": uuid4(), "canvas_url": "https://7"},
    ]
    for selection in selections:
        query = process.service.all_connections(**selection)  # type: ignore[arg-type]
        nodes = plan_of(owner, query.statement, query.parameters)
        walked = {node.table for node in nodes if node.type == "Seq Scan"}
        assert walked <= {"projections"}, selection
        assert not any(node.index_name == "events_pkey" for node in nodes), selection
        tables = {node.table for node in nodes if node.type.startswith("Index")}
        assert {"people_keys", "connections", "closed_connections", "canvas_hosts"} <= tables
