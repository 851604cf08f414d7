"""Timelines: which places the log still has after it was put back, moved or left alone."""

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest

from application.event_metadata import with_event_metadata
from domain.log_position import LogPosition
from infrastructure.crypto.master_key import KeyRing
from infrastructure.crypto.person_keys import PersonKeys
from infrastructure.event_store.store import EventStore
from infrastructure.event_store.timelines import START, UnknownPlace, require_known_place
from infrastructure.postgres.embedded.embedded_postgres import EmbeddedPostgres
from infrastructure.postgres.pools import open_read_pool, open_write_pool
from tests.event_store_cases.database_copies import CopiedDatabase
from tests.infrastructure.event_store.aggregate_histories import new_connection


@pytest.fixture
def copied(embedded_postgres: EmbeddedPostgres, database_url: str) -> Iterator[CopiedDatabase]:
    database = CopiedDatabase(embedded_postgres, database_url)
    yield database
    database.drop_copy()


def append(url: str, ring: KeyRing) -> LogPosition:
    """Append an event with a new pool, as a process that has just started."""
    with open_write_pool(url) as pool:
        store = EventStore(pool, PersonKeys(pool, ring))
        with with_event_metadata("test") as metadata:
            store.save_blocking(new_connection(uuid4()))
        store.close()
    assert metadata.appended
    return metadata.appended


async def has_place(url: str, place: LogPosition) -> bool:
    async with open_read_pool(url) as pool:
        try:
            await require_known_place(pool, place)
        except UnknownPlace:
            return False
    return True


async def test_an_event_in_the_position_of_a_lost_one_does_not_revive_its_place(
    copied: CopiedDatabase, ring: KeyRing
) -> None:
    kept = append(copied.url, ring)
    copied.take()
    lost = append(copied.url, ring)
    copied.put_in_place(is_another_server=False)
    # No process has looked at the log since it was put back.
    new = append(copied.url, ring)
    assert new.position == lost.position
    assert new.timeline != lost.timeline
    assert await has_place(copied.url, kept)
    assert await has_place(copied.url, new)
    assert await has_place(copied.url, START)
    assert not await has_place(copied.url, lost)


async def test_places_stay_known_when_the_table_is_rewritten(
    database_url: str, ring: KeyRing
) -> None:
    before = append(database_url, ring)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("VACUUM FULL easeboard.events")
    after = append(database_url, ring)
    assert await has_place(database_url, before)
    assert await has_place(database_url, after)
    assert not await has_place(database_url, after._replace(position=after.position + 1))
