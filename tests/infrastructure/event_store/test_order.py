"""Readers see every event once, in one order, whatever becomes of the writers."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import chain
from threading import Event as Flag
from time import monotonic

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from infrastructure.event_store.log_reader import LogReader
from infrastructure.event_store.mapper import Mapper
from infrastructure.postgres.execute import Pool
from infrastructure.postgres.migrate import migrate
from infrastructure.postgres.pools import writes
from tests.infrastructure.event_store.hostile_writers import Follower, Writer
from tests.infrastructure.postgres.debian_server import PROGRAMS, postgres15_url

SERVERS = ["embedded", "debian 15"] if PROGRAMS.exists() else ["embedded"]
WRITERS, READERS, APPENDS = 6, 3, 350


class Careless(LogReader):
    """Reads up to the newest position it can see, as one would without a fence."""

    def safe(self) -> int:
        with self._pool.connection() as connection:
            row = connection.execute("SELECT max(position) FROM easeboard.events").fetchone()
        return (row and row[0]) or 0


@pytest.fixture(scope="module")
def debian() -> Iterator[str]:
    with postgres15_url() as maintenance:
        assert maintenance
        yield maintenance


@pytest.fixture(params=SERVERS)
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "embedded":
        yield request.getfixturevalue("database_url")
        return
    maintenance = request.getfixturevalue("debian")
    with psycopg.connect(maintenance, autocommit=True) as connection:
        connection.execute("CREATE DATABASE easeboard")
        url = make_conninfo(maintenance, dbname="easeboard")
        migrate(url)
        yield url
        connection.execute("DROP DATABASE easeboard WITH (FORCE)")


@pytest.fixture
def log(url: str) -> Iterator[Pool]:
    with writes(url, size=READERS + 1) as pool:
        yield pool


def test_nothing_is_missed_and_nothing_inverted(url: str, log: Pool) -> None:
    seed = random.randrange(2**32)
    mapper = Mapper(keys=None)
    writers = [Writer(url, random.Random(seed + nth), APPENDS) for nth in range(WRITERS)]
    readers = [
        Follower(
            (Careless if nth == READERS else LogReader)(log, mapper), random.Random(seed - nth)
        )
        for nth in range(READERS + 1)
    ]
    _let_loose(writers, readers)
    *careful, careless = readers
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT position FROM easeboard.events ORDER BY position")
        recorded = [position for (position,) in rows]
    assert sorted(chain.from_iterable(each.acknowledged for each in writers)) == recorded, (
        f"seed {seed}"
    )
    for reader in careful:
        assert reader.positions == recorded, f"seed {seed}"
        for versions in reader.versions.values():
            assert versions == list(range(1, len(versions) + 1)), f"seed {seed}"
    assert careless.positions != recorded, "these writers would not have troubled anybody"


def _let_loose(writers: list[Writer], readers: list[Follower]) -> None:
    quiet = Flag()
    with ThreadPoolExecutor(WRITERS + READERS + 1) as threads:
        reading = [threads.submit(reader.follow, quiet) for reader in readers]
        writing = [threads.submit(writer.work) for writer in writers]
        try:
            for each in writing:
                each.result()
        finally:
            quiet.set()
        for each in reading:
            each.result()


@pytest.mark.parametrize("where", ["the same database", "another database"])
def test_a_long_transaction_of_others_holds_nobody_up(url: str, log: Pool, where: str) -> None:
    reader = LogReader(log, Mapper(keys=None))
    theirs = url if where == "the same database" else make_conninfo(url, dbname="postgres")
    with ExitStack() as stack:
        other = stack.enter_context(psycopg.connect(theirs))
        other.execute("CREATE TEMPORARY TABLE report (line text)")
        other.execute("INSERT INTO report (line) VALUES ('a long one')")
        other.execute("SELECT pg_current_xact_id()")
        writer = Writer(url, random.Random(1), appends=0)
        connection = stack.enter_context(psycopg.connect(url, autocommit=True))
        for _ in range(20):
            batch = writer._batch()
            position = writer._append(connection, batch)[-1]
            writer._versions.update(batch)
            assert _within_a_second(reader, position)
        assert other.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS


def test_a_writer_in_the_middle_holds_back_what_it_may_still_fill(url: str, log: Pool) -> None:
    reader = LogReader(log, Mapper(keys=None))
    slow, fast = (Writer(url, random.Random(seed), appends=0) for seed in (1, 2))
    with psycopg.connect(url) as waiting, psycopg.connect(url, autocommit=True) as connection:
        first = slow._append(waiting, slow._batch())
        last = fast._append(connection, fast._batch())[-1]
        assert reader.safe() < first[0]
        waiting.commit()
        assert reader.safe() == last
    assert len(reader.read(0, last, ["ConnectionClosed"], 100).events) == last


def test_ever_new_writers_hold_nobody_up(url: str, log: Pool) -> None:
    reader = LogReader(log, Mapper(keys=None))
    first, second = (Writer(url, random.Random(seed), appends=0) for seed in (1, 2))
    with psycopg.connect(url) as one, psycopg.connect(url) as another:
        last = first._append(one, first._batch())[-1]
        assert reader.safe() == 0
        second._append(another, second._batch())
        one.commit()
        assert reader.safe() == last


def _within_a_second(reader: LogReader, position: int) -> bool:
    deadline = monotonic() + 1
    while monotonic() < deadline:
        if reader.safe() >= position:
            return True
    return False
