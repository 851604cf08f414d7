"""Stored keys are encrypted with the active master key, online, and after any interruption."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import psycopg
import pytest

from infrastructure.all_migrations import apply_migrations
from infrastructure.crypto.key_activation import activate_key, close_other_keys, forget_unused_keys
from infrastructure.crypto.key_check import check_master_key, use_active_key
from infrastructure.crypto.key_rewrapper import KeyRewrapper
from infrastructure.crypto.master_key import parse_key_ring
from infrastructure.postgres.execute import execute
from infrastructure.postgres.migrate import migrate
from infrastructure.postgres.pools import WritePool, open_write_pool
from interfaces.cli.keys import rotate
from tests.infrastructure.crypto.keyed_processes import (
    BOTH,
    ONE,
    TWO,
    Installation,
    open_installation,
)

SELECT_KEY_IDS = """
SELECT key_id, count(*)
  FROM (
           SELECT key_id FROM easeboard.people_keys
            UNION ALL
           SELECT key_id FROM easeboard.canvas_tokens
       ) AS records
 GROUP BY key_id
 ORDER BY key_id
"""


@pytest.fixture
def pool(database_url: str) -> Iterator[WritePool]:
    with open_write_pool(database_url) as pool:
        yield pool


@pytest.fixture
async def installation(
    database_url: str, pool: WritePool, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Installation]:
    """A process that has both keys, and 12 people with a key and a token under the first."""
    async with open_installation(database_url, pool, monkeypatch) as installation:
        await installation.reset(processes=1)
        for _ in range(12):
            await installation.processes[0].write()
        await installation.processes[0].restart(BOTH)
        yield installation


def counts(pool: WritePool) -> dict[str, int]:
    return dict(execute(pool, SELECT_KEY_IDS))


def activated(pool: WritePool) -> KeyRewrapper:
    """A rewrapper with small batches, after the second key was activated."""
    ring = parse_key_ring(BOTH)
    activate_key(pool, ring.newest)
    use_active_key(ring, "k2")
    return KeyRewrapper(pool, ring, batch_rows=5)


async def test_it_goes_on_where_it_was_interrupted(
    installation: Installation, pool: WritePool
) -> None:
    class Interruption(Exception):
        """The process is killed."""

    interruptions = 0

    def interrupt(rewrapped: int) -> None:
        nonlocal interruptions
        if rewrapped:
            interruptions += 1
            raise Interruption

    rewrapper = activated(pool)
    while rewrapper.count_others().total:
        with pytest.raises(Interruption):
            rewrapper.run_pass(interrupt)
        await installation.processes[0].beat()
        await installation.require_everything_works()
        await installation.require_all_is_readable()
    # Three batches of people, and three of tokens.
    assert interruptions == 6
    assert counts(pool).keys() == {"k2"}
    await installation.processes[0].restart(BOTH)
    await installation.require_all_is_readable()


async def test_the_old_key_is_not_needed_afterwards(installation: Installation) -> None:
    rotation = await installation.rotate()
    assert rotation
    assert (rotation.activated, rotation.rewrapped, rotation.remaining.total) == (True, 24, 0)
    assert rotation.status.removable == ["k1"]
    again = await installation.rotate()
    assert again
    assert (again.activated, again.rewrapped, again.remaining.total) == (False, 0, 0)
    await installation.processes[0].restart(TWO)
    await installation.require_everything_works()
    await installation.require_all_is_readable()


async def test_rotations_at_once_do_each_record_once(installation: Installation) -> None:
    rotations = await asyncio.gather(*(installation.rotate() for _ in range(3)))
    assert [rotation.remaining.total for rotation in rotations if rotation] == [0, 0, 0]
    assert sum(rotation.rewrapped for rotation in rotations if rotation) == 24
    await installation.require_all_is_readable()


@pytest.mark.usefixtures("installation")
async def test_records_that_others_use_are_left_for_the_next_pass(pool: WritePool) -> None:
    rewrapper = activated(pool)
    with pool.connection() as other:
        other.execute("SELECT FROM easeboard.people_keys ORDER BY person_id LIMIT 3 FOR UPDATE")
        other.execute("SELECT FROM easeboard.canvas_tokens LIMIT 2 FOR UPDATE")
        assert rewrapper.run_pass(lambda _: None) == 19
        assert rewrapper.count_others() == (3, 2, 0)
        other.rollback()
    assert rewrapper.run_pass(lambda _: None) == 5


async def test_what_no_key_decrypts_remains_and_is_counted(
    installation: Installation, pool: WritePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("interfaces.cli.keys.MAX_IDLE_PASSES", 2)
    execute(
        pool,
        """
        UPDATE easeboard.people_keys
           SET wrapped = set_byte(wrapped, 20, 255 - get_byte(wrapped, 20))
         WHERE person_id = (SELECT min(person_id::text)::uuid FROM easeboard.people_keys)
        """,
    )
    values = [uuid4(), uuid4()]
    orphan = "INSERT INTO easeboard.canvas_tokens VALUES (%s, 'orphan', %s, 'k1', 'x', 'x')"
    execute(pool, orphan, values)
    rotation = await installation.rotate()
    assert rotation
    # Without their key, the origin of a person's token is not known either.
    assert rotation.remaining == (1, 2, 0)
    assert rotation.rewrapped == 22
    assert rotation.status.removable == []
    forget_unused_keys(pool)
    assert counts(pool) == {"k1": 3, "k2": 22}


async def test_an_erased_person_stays_erased(installation: Installation, pool: WritePool) -> None:
    person, _ = installation.secrets[0]
    execute(
        pool,
        """
        UPDATE easeboard.people_keys
           SET key_id = NULL, wrapped = NULL, destroyed_at = clock_timestamp()
         WHERE person_id = %s
        """,
        [person],
    )
    execute(pool, "DELETE FROM easeboard.canvas_tokens WHERE person_id = %s", [person])
    rotation = await installation.rotate()
    assert rotation
    assert (rotation.rewrapped, rotation.remaining.total) == (22, 0)
    assert execute(pool, "SELECT count(*) FROM easeboard.people_keys WHERE key_id IS NULL") == [
        (1,)
    ]


@pytest.mark.parametrize(
    ("records", "keys", "active"),
    [
        # The procedure of an earlier release, in which every process has begun to use k2.
        ({"k1": 3, "k2": 1}, ["k1", "k2"], "k1"),
        ({"k1": 1, "k2": 3}, ["k1", "k2"], "k2"),
        ({}, ["k1", "k2"], "k1"),
        ({}, [], None),
    ],
)
def test_a_database_of_an_earlier_release_goes_on_with_the_key_of_most_records(
    empty_database_url: str, records: dict[str, int], keys: list[str], active: str | None
) -> None:
    migrate(empty_database_url, up_to=12)
    with psycopg.connect(empty_database_url) as session:
        for key_id in keys:
            session.execute("INSERT INTO easeboard.key_canary VALUES (%s, 'x')", [key_id])
        for key_id, count in records.items():
            session.execute(
                """
                INSERT INTO easeboard.people_keys
                SELECT gen_random_uuid(), %s, 'x' FROM generate_series(1, %s)
                """,
                [key_id, count],
            )
    apply_migrations(empty_database_url)
    with psycopg.connect(empty_database_url) as session:
        rows = session.execute(
            "SELECT id, closed_at FROM easeboard.master_keys ORDER BY active_since DESC"
        ).fetchall()
        # A process of the earlier release goes on writing with either.
        for key_id in keys:
            session.execute(
                "INSERT INTO easeboard.people_keys VALUES (gen_random_uuid(), %s, 'x')", [key_id]
            )
    assert next((id for id, _ in rows), None) == active
    assert sorted(rows) == [(key_id, None) for key_id in keys]


def test_a_rotation_without_records_ends_at_once(pool: WritePool) -> None:
    ring = parse_key_ring(ONE)
    check_master_key(pool, ring)
    ring = parse_key_ring(BOTH)
    activate_key(pool, ring.newest)
    close_other_keys(pool, ring.newest)
    steps: list[tuple[int, int]] = []
    rotation = rotate(pool, ring, lambda done, total: steps.append((done, total)))
    assert rotation.rewrapped == 0
    assert steps == [(0, 0)]
