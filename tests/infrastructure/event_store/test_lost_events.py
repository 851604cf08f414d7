"""Everything that is of events which the log does not have is found, and described plainly."""

from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from infrastructure.event_store.lost_events import (
    describe_losses,
    find_losses,
    read_log_state,
)
from infrastructure.event_store.store import EventStore
from infrastructure.postgres.pools import ReadPool, open_read_pool
from interfaces.cli.doctor.check import CheckFailed, Installation, Warned
from interfaces.cli.doctor.database_checks import check_log
from tests.infrastructure.event_store.aggregate_histories import new_connection, requested_sync

Connection = psycopg.Connection[Any]

INSERT_MODEL = """
INSERT INTO easeboard.projections (name, version, role, code_version, fingerprint, position)
VALUES ('courses', 1, 'live', 1, 'courses', %s)
"""
INSERT_SNAPSHOTS = """
WITH newest AS (
    INSERT INTO easeboard.snapshots (stream, version, topic, person_id, state)
    VALUES (%(stream)s, 40, 'Sync/9', %(stream)s, '')
)
INSERT INTO easeboard.past_snapshots
       (stream, version, topic, person_id, event_id, earliest_at, latest_at)
VALUES (%(stream)s, 1, 'Sync/9', %(stream)s, gen_random_uuid(), now(), now())
"""
INSERT_SEAL = """
INSERT INTO easeboard.seal_checkpoints (size, last_position, root, note)
VALUES (3, %s, decode(repeat('00', 32), 'hex'), 'a note')
"""


@pytest.fixture
async def read_pool(database_url: str) -> AsyncIterator[ReadPool]:
    async with open_read_pool(database_url, size=1) as pool:
        yield pool


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def head(store: EventStore) -> int:
    """A log with three events."""
    for person in (uuid4(), uuid4(), uuid4()):
        store.save_blocking(new_connection(person))
    return 3


def delete_newest(connection: Connection, head: int) -> None:
    """Remove the newest rows; the sequence of positions stays."""
    with connection.transaction():
        connection.execute("ALTER TABLE easeboard.events DISABLE TRIGGER USER")
        connection.execute("DELETE FROM easeboard.events WHERE position > %s", [head])
        connection.execute("ALTER TABLE easeboard.events ENABLE TRIGGER USER")


async def parts(pool: ReadPool) -> list[str]:
    return [loss.part for loss in await find_losses(pool)]


async def test_a_whole_log_has_lost_nothing(
    read_pool: ReadPool, connection: Connection, head: int
) -> None:
    assert await find_losses(read_pool) == []
    connection.execute(INSERT_MODEL, [head])
    connection.execute(INSERT_SEAL, [head])
    assert await find_losses(read_pool) == []
    assert await describe_losses(read_pool) == "ok"


async def test_an_empty_log_has_lost_nothing(read_pool: ReadPool) -> None:
    assert await find_losses(read_pool) == []


async def test_a_checkpoint_of_a_read_model_without_its_event_is_found(
    read_pool: ReadPool, connection: Connection, head: int, store: EventStore
) -> None:
    connection.execute(INSERT_MODEL, [head])
    delete_newest(connection, head - 1)
    assert await parts(read_pool) == ["read models"]
    # An append that comes later hides nothing: it gets a position after the lost ones.
    store.save_blocking(new_connection(uuid4()))
    assert await parts(read_pool) == ["read models"]
    assert (await read_log_state(read_pool)).needs_timeline


async def test_a_loss_for_which_a_timeline_began_is_known(
    read_pool: ReadPool, connection: Connection, head: int
) -> None:
    connection.execute(INSERT_MODEL, [head])
    connection.execute(INSERT_SEAL, [head])
    delete_newest(connection, head - 1)
    assert (await read_log_state(read_pool)).needs_timeline
    connection.execute(
        "SELECT easeboard.begin_timeline(easeboard.current_timeline(), clock_timestamp())"
    )
    assert not (await read_log_state(read_pool)).needs_timeline
    assert await parts(read_pool) == ["seals"]


async def test_a_log_that_ends_before_its_timeline_began_is_found(
    read_pool: ReadPool, connection: Connection, head: int
) -> None:
    connection.execute("SELECT easeboard.begin_timeline(easeboard.current_timeline())")
    delete_newest(connection, head - 1)
    assert await parts(read_pool) == ["timelines"]


async def test_positions_that_were_given_already_are_found_and_advanced(
    read_pool: ReadPool, connection: Connection, head: int
) -> None:
    connection.execute("SELECT setval('easeboard.position', 1)")
    assert await parts(read_pool) == ["positions"]
    connection.execute("SELECT easeboard.advance_position()")
    assert await find_losses(read_pool) == []
    row = connection.execute("SELECT nextval('easeboard.position')").fetchone()
    assert row == (head + 1,)
    connection.execute("SELECT easeboard.advance_position()")
    assert connection.execute("SELECT nextval('easeboard.position')").fetchone() == (head + 2,)


async def test_doctor_lists_everything_at_once_with_a_way_out_and_changes_nothing(
    read_pool: ReadPool, connection: Connection, head: int
) -> None:
    connection.execute(INSERT_MODEL, [head])
    connection.execute(INSERT_SEAL, [head])
    connection.execute("SELECT easeboard.begin_timeline(easeboard.current_timeline())")
    connection.execute(INSERT_SNAPSHOTS, {"stream": requested_sync(UUID(int=1)).id})
    delete_newest(connection, head - 1)
    connection.execute("SELECT setval('easeboard.position', 1)")
    installation = Installation(settings=None, read_pool=read_pool)  # type: ignore[arg-type]  # the check needs only the pool
    with pytest.raises(CheckFailed) as failed:
        await check_log(installation)
    for text in (
        "positions: the sequence easeboard.position is at 1, and the newest event at 2",
        "timelines: the log ended at 3 when it was last opened, and ends at 2 now",
        "read models: courses: the log, which ends at 2, has no event at the checkpoint",
        "seals: a signed checkpoint covers the log up to 3",
        "snapshots: 1 snapshots and 1 of the past are of events that the log does not have",
        "stop all processes and restore it",
    ):
        assert text in str(failed.value)
    assert connection.execute("SELECT last_value FROM easeboard.position").fetchone() == (1,)


async def test_what_repairs_itself_is_a_warning(
    read_pool: ReadPool, connection: Connection, head: int
) -> None:
    assert head
    connection.execute(INSERT_SNAPSHOTS, {"stream": requested_sync(UUID(int=1)).id})
    installation = Installation(settings=None, read_pool=read_pool)  # type: ignore[arg-type]  # the check needs only the pool
    assert isinstance(await check_log(installation), Warned)
