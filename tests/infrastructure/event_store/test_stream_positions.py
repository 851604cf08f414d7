"""Where streams stand at a position, and that no append is divided."""

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest

from infrastructure.event_store.stream_positions import stream_ends
from infrastructure.event_store.whole_appends import end_of_append, whole_versions
from infrastructure.postgres.pools import ReadPool, WritePool, open_read_pool

INSERT = """
INSERT INTO easeboard.events
       (position, stream, version, topic, recorded_at, actor, command_id, person_id, state)
VALUES (%s, %s, %s, 'ConnectionClosed', timestamptz '2026-09-01T00:00:00Z' + %s * interval '1 s',
        'test', %s, %s, '\\x00')
"""
PERSON = uuid4()
FIRST, SECOND = sorted([uuid4(), uuid4()])
A, B, C = uuid4(), uuid4(), uuid4()

Row = tuple[int, UUID, int, int, UUID]
"""Position, stream, version, second and command of an event."""


@pytest.fixture
async def read_pool(database_url: str) -> AsyncIterator[ReadPool]:
    async with open_read_pool(database_url) as pool:
        yield pool


def insert(pool: WritePool, *rows: Row) -> None:
    with pool.connection() as connection, connection.cursor() as cursor:
        cursor.executemany(INSERT, [(*row, PERSON) for row in rows])


async def versions_at(pool: ReadPool, position: int) -> tuple[tuple[int, ...], int]:
    [found] = await whole_versions(pool, [[FIRST, SECOND]], position)
    return found.versions, found.position


@pytest.mark.parametrize("count", [1, 2, 3, 8, 21])
async def test_the_end_of_a_stream_is_found_at_every_position(
    pool: WritePool, read_pool: ReadPool, count: int
) -> None:
    insert(pool, *[(3 * nth, FIRST, nth, nth, uuid4()) for nth in range(1, count + 1)])
    for position in range(3 * count + 4):
        ends = await stream_ends(read_pool, [FIRST, SECOND], position)
        own = ends[FIRST]
        version = min(position // 3, count)
        assert own.version == version
        assert (own.last.position if own.last else 0) == 3 * version
        assert (own.next.version if own.next else 0) == (version + 1 if version < count else 0)
        assert ends[SECOND] == (None, None)


async def test_versions_that_are_missing_are_passed(pool: WritePool, read_pool: ReadPool) -> None:
    versions = [1, 2, 9, 10, 11, 30]
    insert(pool, *[(version, FIRST, version, 0, uuid4()) for version in versions])
    for position in range(32):
        found = (await stream_ends(read_pool, [FIRST], position))[FIRST].version
        assert found == max((each for each in versions if each <= position), default=0)


async def test_an_append_is_inside_wholly_or_not_at_all(
    pool: WritePool, read_pool: ReadPool
) -> None:
    insert(
        pool,
        (1, FIRST, 1, 0, A),
        (2, SECOND, 1, 0, A),
        (3, SECOND, 2, 1, B),
        (4, FIRST, 2, 1, B),
        (5, FIRST, 3, 1, B),
    )
    found = [await versions_at(read_pool, position) for position in range(6)]
    none, first, all_ = ((0, 0), 0), ((1, 1), 2), ((3, 2), 5)
    assert found == [none, none, first, first, first, all_]


async def test_an_append_with_several_times_is_not_divided_either(
    pool: WritePool, read_pool: ReadPool
) -> None:
    # Earlier releases gave each event its own time.
    insert(pool, (1, FIRST, 1, 0, A), (2, FIRST, 2, 1, B), (3, SECOND, 1, 2, B))
    assert await versions_at(read_pool, 2) == ((1, 0), 1)
    assert await end_of_append(read_pool, [FIRST, SECOND], FIRST, 2) == 3


async def test_appends_whose_positions_alternate_are_told_apart(
    pool: WritePool, read_pool: ReadPool
) -> None:
    insert(pool, (1, FIRST, 1, 0, A), (2, SECOND, 1, 1, B), (3, FIRST, 2, 0, A))
    assert await versions_at(read_pool, 1) == ((0, 0), 0)
    assert await versions_at(read_pool, 2) == ((0, 1), 2)
    assert await versions_at(read_pool, 3) == ((2, 1), 3)
    assert await end_of_append(read_pool, [FIRST, SECOND], FIRST, 1) == 3
    assert await end_of_append(read_pool, [FIRST, SECOND], SECOND, 1) == 2


async def test_two_appends_of_one_command_with_others_between_stay_two(
    pool: WritePool, read_pool: ReadPool
) -> None:
    insert(pool, (1, FIRST, 1, 0, A), (2, SECOND, 1, 1, B), (3, SECOND, 2, 2, A))
    assert await versions_at(read_pool, 1) == ((1, 0), 1)
    assert await versions_at(read_pool, 2) == ((1, 1), 2)


async def test_the_end_of_the_append_of_a_version_includes_all_streams(
    pool: WritePool, read_pool: ReadPool
) -> None:
    insert(
        pool,
        (1, FIRST, 1, 0, A),
        (2, FIRST, 2, 0, A),
        (3, SECOND, 1, 0, A),
        (4, SECOND, 2, 1, B),
        (5, FIRST, 3, 2, C),
    )
    streams = [FIRST, SECOND]
    ends = [await end_of_append(read_pool, streams, FIRST, version) for version in range(5)]
    assert ends == [None, 3, 3, 5, None]
