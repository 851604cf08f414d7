"""Readers see every event once and in order, whatever happens to the writers."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import chain
from threading import Event as Flag
from time import monotonic
from uuid import UUID

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from infrastructure.event_store.log_reader import LogReader
from infrastructure.event_store.mapper import Mapper
from infrastructure.postgres.migrate import migrate
from infrastructure.postgres.pools import WritePool, open_write_pool
from tests.deadlines import scaled
from tests.infrastructure.event_store.hostile_writers import PagingReader, Writer
from tests.infrastructure.postgres.debian_server import BINARIES_DIRECTORY, postgres15_url

pytestmark = pytest.mark.postgres

SERVERS = ["embedded", "debian 15"] if BINARIES_DIRECTORY.exists() else ["embedded"]
WRITERS, READERS, APPENDS = 6, 3, 350


class UnsafeReader(LogReader):
    """Reads up to the newest visible position, without a high-water mark."""

    def high_water_mark(self) -> int:
        with self._pool.connection() as connection:
            row = connection.execute("SELECT max(position) FROM easeboard.events").fetchone()
        return (row and row[0]) or 0


@pytest.fixture(scope="module")
def debian_url() -> Iterator[str]:
    with postgres15_url() as maintenance:
        assert maintenance
        yield maintenance


@pytest.fixture(params=SERVERS)
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "embedded":
        yield request.getfixturevalue("database_url")
        return
    maintenance = request.getfixturevalue("debian_url")
    with psycopg.connect(maintenance, autocommit=True) as connection:
        connection.execute("CREATE DATABASE easeboard")
        url = make_conninfo(maintenance, dbname="easeboard")
        migrate(url)
        yield url
        connection.execute("DROP DATABASE easeboard WITH (FORCE)")


@pytest.fixture
def superuser_url(request: pytest.FixtureRequest, url: str) -> str:
    postgres_url: str = request.getfixturevalue("postgres_url")
    is_embedded = conninfo_to_dict(url)["user"] != "postgres"
    database = conninfo_to_dict(url)["dbname"]
    return make_conninfo(postgres_url, dbname=database) if is_embedded else url


@pytest.fixture
def log_pool(url: str) -> Iterator[WritePool]:
    with open_write_pool(url, size=READERS + 1) as pool:
        # Otherwise the first append begins the timeline, and others wait until it ends.
        LogReader(pool, Mapper(keys=None)).safe_place()
        yield pool


def test_readers_see_every_event_once_and_in_order(url: str, log_pool: WritePool) -> None:
    seed = random.randrange(2**32)
    mapper = Mapper(keys=None)
    writers = [Writer(url, random.Random(seed + index), APPENDS) for index in range(WRITERS)]
    readers = [
        PagingReader(
            (UnsafeReader if index == READERS else LogReader)(log_pool, mapper),
            random.Random(seed - index),
        )
        for index in range(READERS + 1)
    ]
    _run_concurrently(writers, readers)
    *safe_readers, unsafe_reader = readers
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT position FROM easeboard.events ORDER BY position")
        recorded = [position for (position,) in rows]
        ((timelines,),) = connection.execute("SELECT count(*) FROM easeboard.timelines").fetchall()
    assert timelines == 1, "no event was lost"
    assert (
        sorted(chain.from_iterable(writer.acknowledged_positions for writer in writers)) == recorded
    ), f"seed {seed}"
    for reader in safe_readers:
        assert reader.positions == recorded, f"seed {seed}"
        for versions in reader.versions.values():
            assert versions == list(range(1, len(versions) + 1)), f"seed {seed}"
    assert unsafe_reader.positions != recorded, "these writers do not show the problem"


def _run_concurrently(writers: list[Writer], readers: list[PagingReader]) -> None:
    writers_done = Flag()
    with ThreadPoolExecutor(WRITERS + READERS + 1) as threads:
        reader_futures = [threads.submit(reader.read_to_end, writers_done) for reader in readers]
        writer_futures = [threads.submit(writer.append_all) for writer in writers]
        try:
            for future in writer_futures:
                future.result()
        finally:
            writers_done.set()
        for future in reader_futures:
            future.result()


@pytest.mark.parametrize("database", ["the same database", "another database"])
def test_an_unrelated_long_transaction_does_not_delay_readers(
    url: str, log_pool: WritePool, database: str
) -> None:
    reader = LogReader(log_pool, Mapper(keys=None))
    other_url = url if database == "the same database" else make_conninfo(url, dbname="postgres")
    with ExitStack() as stack:
        other = stack.enter_context(psycopg.connect(other_url))
        other.execute("CREATE TEMPORARY TABLE report (line text)")
        other.execute("INSERT INTO report (line) VALUES ('long')")
        other.execute("SELECT pg_current_xact_id()")
        writer = Writer(url, random.Random(1), appends=0)
        connection = stack.enter_context(psycopg.connect(url, autocommit=True))
        for _ in range(20):
            batch = writer._batch()
            position = writer._append(connection, batch)[-1]
            writer._versions.update(batch)
            assert _reaches_within_a_second(reader, position)
        assert other.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS


def test_the_high_water_mark_waits_for_an_open_append(url: str, log_pool: WritePool) -> None:
    reader = LogReader(log_pool, Mapper(keys=None))
    slow, fast = (Writer(url, random.Random(seed), appends=0) for seed in (1, 2))
    with (
        psycopg.connect(url) as slow_connection,
        psycopg.connect(url, autocommit=True) as fast_connection,
    ):
        first = slow._append(slow_connection, slow._batch())
        last = fast._append(fast_connection, fast._batch())[-1]
        assert reader.high_water_mark() < first[0]
        slow_connection.commit()
        assert reader.high_water_mark() == last
    assert len(reader.read(0, last, ["ConnectionClosed"], 100).events) == last


def test_appends_that_open_later_do_not_delay_a_position_that_was_read(
    url: str, log_pool: WritePool
) -> None:
    reader = LogReader(log_pool, Mapper(keys=None))
    first, second, third = (Writer(url, random.Random(seed), appends=0) for seed in (1, 2, 3))
    with (
        psycopg.connect(url) as first_connection,
        psycopg.connect(url, autocommit=True) as second_connection,
        psycopg.connect(url) as third_connection,
    ):
        first._append(first_connection, first._batch())
        last = second._append(second_connection, second._batch())[-1]
        assert reader.high_water_mark() == 0
        third._append(third_connection, third._batch())
        first_connection.commit()
        assert reader.high_water_mark() == last


def test_burned_positions_are_not_waited_for(url: str, log_pool: WritePool) -> None:
    reader = LogReader(log_pool, Mapper(keys=None))
    writer, other = (Writer(url, random.Random(seed), appends=0) for seed in (3, 11))
    with psycopg.connect(url, autocommit=True) as connection:
        last = writer._append(connection, writer._batch())[-1]
        with connection.transaction(force_rollback=True):
            other._append(connection, other._batch())
        ((sequence,),) = connection.execute("SELECT last_value FROM easeboard.position").fetchall()
    assert sequence > last
    assert reader.safe_place().position == last
    assert reader.settled_place(scaled(10)).position == last


def test_a_settled_place_waits_for_open_appends_up_to_its_timeout(
    url: str, log_pool: WritePool
) -> None:
    reader = LogReader(log_pool, Mapper(keys=None))
    slow, fast = (Writer(url, random.Random(seed), appends=0) for seed in (4, 5))
    with (
        psycopg.connect(url) as slow_connection,
        psycopg.connect(url, autocommit=True) as fast_connection,
        ThreadPoolExecutor(1) as threads,
    ):
        slow._append(slow_connection, slow._batch())
        last = fast._append(fast_connection, fast._batch())[-1]
        assert reader.settled_place(0.05).position == 0
        settled = threads.submit(reader.settled_place, scaled(20))
        assert not settled.done()
        slow_connection.commit()
        assert settled.result().position == last


@pytest.mark.parametrize("open_appends", [0, 1])
def test_the_high_water_mark_goes_back_with_the_log(
    url: str, superuser_url: str, log_pool: WritePool, open_appends: int
) -> None:
    reader = LogReader(log_pool, Mapper(keys=None))
    writer, slow = (Writer(url, random.Random(seed), appends=0) for seed in (6, 7))
    with ExitStack() as stack:
        connection = stack.enter_context(psycopg.connect(url, autocommit=True))
        first = writer._append(connection, writer._batch())[-1]
        before = reader.safe_place()
        assert before.position == first
        if open_appends:
            slow_connection = stack.enter_context(psycopg.connect(url))
            slow._append(slow_connection, slow._batch())
        other = Writer(url, random.Random(8), appends=0)
        other._append(connection, other._batch())
        assert (reader.safe_place().position == first) == bool(open_appends)
        _lose_events_after(superuser_url, first)
        after = reader.safe_place()
        assert after.timeline != before.timeline
        assert after.position <= first
        if open_appends:
            slow_connection.rollback()
        assert reader.settled_place(scaled(10)) == after._replace(position=first)
        last = other._append(connection, other._batch())[-1]
        assert reader.settled_place(scaled(10)) == after._replace(position=last)


def test_lost_events_are_noticed_when_later_ones_came_first(
    url: str, superuser_url: str, log_pool: WritePool
) -> None:
    reader = LogReader(log_pool, Mapper(keys=None))
    writer = Writer(url, random.Random(12), appends=0)
    with psycopg.connect(url, autocommit=True) as connection:
        first = writer._append(connection, [(UUID(int=3), 1)])[-1]
        writer._append(connection, [(UUID(int=3), 2)])
        before = reader.safe_place()
        _lose_events_after(superuser_url, first)
        last = writer._append(connection, [(UUID(int=4), 1)])[-1]
    after = reader.safe_place()
    assert last > before.position
    assert after.position == last
    assert after.timeline != before.timeline


def test_a_settled_place_is_of_the_timeline_that_it_names(
    url: str, superuser_url: str, log_pool: WritePool
) -> None:
    reader = LogReader(log_pool, Mapper(keys=None))
    slow, fast = (Writer(url, random.Random(seed), appends=0) for seed in (9, 10))
    with (
        psycopg.connect(url) as slow_connection,
        psycopg.connect(url, autocommit=True) as fast_connection,
        ThreadPoolExecutor(1) as threads,
    ):
        first = fast._append(fast_connection, [(UUID(int=1), 1)])[-1]
        before = reader.safe_place()
        slow._append(slow_connection, slow._batch())
        fast._append(fast_connection, [(UUID(int=2), 1)])
        # The reader has seen the events that are lost, however late its thread begins.
        assert reader.settled_place(0.05).position == first
        settled = threads.submit(reader.settled_place, scaled(20))
        _lose_events_after(superuser_url, first)
        slow_connection.rollback()
        place = settled.result()
    assert place.position == first
    assert place.timeline != before.timeline


def _lose_events_after(superuser_url: str, position: int) -> None:
    """Delete the newest events. Only a superuser can, and it waits for no open append."""
    with psycopg.connect(superuser_url) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("DELETE FROM easeboard.events WHERE position > %s", [position])


def _reaches_within_a_second(reader: LogReader, position: int) -> bool:
    deadline = monotonic() + scaled(1)
    while monotonic() < deadline:
        if reader.high_water_mark() >= position:
            return True
    return False
