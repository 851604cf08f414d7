"""What an erasure deletes from every table, and what a sweep deletes later."""

from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from infrastructure.crypto.auth_user_deletions import AuthUserDeletions
from infrastructure.crypto.erasures import PeopleErasures
from infrastructure.crypto.master_key import parse_key_ring
from infrastructure.crypto.person_keys import PersonKeys
from infrastructure.postgres import pools

MASTER_KEY = "hex:" + "0123456789abcdef" * 4
PERSON, OTHER = uuid4(), uuid4()

TABLES_WITH_PEOPLE = """
SELECT class.relname
  FROM pg_class AS class
  JOIN pg_attribute AS owner
    ON owner.attrelid = class.oid
   AND owner.attname = 'person_id'
   AND NOT owner.attisdropped
 WHERE class.relnamespace = 'easeboard'::regnamespace
   AND class.relkind = 'r'
"""
KEPT_TABLES = {"events", "people_keys", "erasures"}
"""The log, and the two tables that say who is erased. They have ids, and what nobody can read."""

COURSES_V1 = """
CREATE SCHEMA courses_v1;
CREATE TABLE courses_v1.courses (id integer, person_id uuid);
CREATE TABLE courses_v1.gone (id uuid, person_id uuid);
CREATE TABLE courses_v1.counts (number integer);
INSERT INTO easeboard.projections (name, version, role, code_version, fingerprint, paused_at)
VALUES ('courses', 1, 'live', 1, '', clock_timestamp());
"""


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
async def queue_pool(database_url: str) -> AsyncIterator[AsyncConnectionPool]:
    async with AsyncConnectionPool(database_url, open=False, min_size=1, max_size=2) as pool:
        yield pool


@pytest.fixture
async def erasures(database_url: str) -> AsyncIterator[PeopleErasures]:
    async with pools.open_read_pool(database_url, size=1) as read_pool:
        with pools.open_write_pool(database_url, size=2) as pool:
            keys = PersonKeys(pool, parse_key_ring(MASTER_KEY))
            with closing(PeopleErasures(pool, read_pool, keys)) as erasures:
                yield erasures


def erase(connection: psycopg.Connection[tuple[object, ...]], person: UUID = PERSON) -> bool:
    """Erase in SQL; returns whether every version of a read model was reached."""
    statement = "SELECT easeboard.erase_person(%s, FALSE)"
    [(is_complete,)] = connection.execute(statement, [person]).fetchall()
    return bool(is_complete)


def test_every_table_with_people_is_emptied_or_known(
    connection: psycopg.Connection[tuple[object, ...]],
) -> None:
    tables = {str(table) for (table,) in connection.execute(TABLES_WITH_PEOPLE)}
    [(source,)] = connection.execute(
        "SELECT prosrc FROM pg_proc WHERE oid = 'easeboard.delete_person'::regproc"
    ).fetchall()
    emptied = {table for table in tables if f"FROM easeboard.{table} WHERE" in str(source)}
    assert tables == emptied | KEPT_TABLES


def test_rows_of_read_models_go_and_the_tombstone_stays(
    connection: psycopg.Connection[tuple[object, ...]],
) -> None:
    connection.execute(COURSES_V1)
    closed = uuid4()
    connection.execute("INSERT INTO courses_v1.courses VALUES (1, %s), (2, %s)", [PERSON, OTHER])
    connection.execute(
        "INSERT INTO courses_v1.gone VALUES (%s, %s), (%s, %s)", [closed, PERSON, PERSON, PERSON]
    )
    assert erase(connection)
    assert connection.execute("SELECT id FROM courses_v1.courses").fetchall() == [(2,)]
    assert connection.execute("SELECT id FROM courses_v1.gone").fetchall() == [(PERSON,)]


def test_dead_letters_of_the_person_go(
    connection: psycopg.Connection[tuple[object, ...]],
) -> None:
    connection.execute(COURSES_V1)
    for person in (PERSON, OTHER):
        connection.execute(
            "INSERT INTO easeboard.dead_letters (projection, version, id, position, stream,"
            " stream_version, topic, person_id, error) VALUES ('courses', 1, gen_random_uuid(), 1,"
            " gen_random_uuid(), 1, 'CourseFetched', %s, 'unreadable')",
            [person],
        )
    assert erase(connection)
    left = connection.execute("SELECT person_id FROM easeboard.dead_letters").fetchall()
    assert left == [(OTHER,)]


def test_a_read_model_that_is_locked_does_not_stop_the_erasure(
    connection: psycopg.Connection[tuple[object, ...]], database_url: str
) -> None:
    connection.execute(COURSES_V1)
    connection.execute("INSERT INTO courses_v1.courses VALUES (1, %s)", [PERSON])
    with psycopg.connect(database_url) as other:
        other.execute("SELECT FROM easeboard.projections FOR UPDATE")
        assert not erase(connection)
    [(wrapped, destroyed_at)] = connection.execute(
        "SELECT wrapped, destroyed_at FROM easeboard.people_keys"
    ).fetchall()
    assert wrapped is None
    assert destroyed_at


async def test_a_sweep_deletes_what_was_left(
    connection: psycopg.Connection[tuple[object, ...]], erasures: PeopleErasures
) -> None:
    connection.execute(COURSES_V1)
    erase(connection)
    connection.execute("INSERT INTO courses_v1.courses VALUES (1, %s)", [PERSON])
    connection.execute("INSERT INTO easeboard.person_usage VALUES (%s, now(), 1, 1)", [PERSON])
    assert await erasures.sweep() == 0  # too early to be the last one
    assert connection.execute("SELECT FROM courses_v1.courses").fetchall() == []
    connection.execute("UPDATE easeboard.erasures SET erased_at = erased_at - INTERVAL '1 hour'")
    assert await erasures.sweep() == 1
    assert await erasures.sweep() == 0
    assert connection.execute("SELECT FROM easeboard.person_usage").fetchall() == []


async def test_who_is_erased_is_known(
    connection: psycopg.Connection[tuple[object, ...]], erasures: PeopleErasures
) -> None:
    erase(connection)
    assert await erasures.is_erased(PERSON)
    assert not await erasures.is_erased(OTHER)
    [person] = await erasures.erased_people()
    assert (person.person_id, person.position) == (PERSON, None)
    assert await erasures.erased_people(OTHER) == []


async def test_users_wait_for_their_deletion_until_it_succeeds(
    connection: psycopg.Connection[tuple[object, ...]], queue_pool: AsyncConnectionPool
) -> None:
    waiting = AuthUserDeletions(queue_pool)
    erase(connection)
    assert await waiting.due() == []
    connection.execute("SELECT easeboard.erase_person(%s, TRUE)", [PERSON])
    erase(connection)  # does not take the order back
    assert await waiting.due() == [PERSON]
    await waiting.note_failed(PERSON, "Supabase answers with status 503")
    assert await waiting.due() == []
    found = await waiting.open_erasures()
    assert (found.waiting_users, found.last_error) == (1, "Supabase answers with status 503")
    connection.execute("UPDATE easeboard.erasures SET auth_next_at = now() - INTERVAL '1 s'")
    assert await waiting.due() == [PERSON]
    await waiting.note_deleted(PERSON)
    assert await waiting.due() == []
    assert (await waiting.open_erasures()).waiting_users == 0
