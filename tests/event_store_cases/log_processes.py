"""Parts of several processes on one database: stores, readers, daemons, and reads of clients."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

import psycopg
from psycopg.conninfo import make_conninfo

from application.event_metadata import EventMetadata, with_event_metadata
from domain.event import Event
from domain.log_position import LogPosition
from domain.recorded_event import RecordedEvent
from infrastructure.crypto.master_key import KeyRing, parse_key_ring
from infrastructure.crypto.person_keys import PersonKeys
from infrastructure.event_store.append_statement import call_append
from infrastructure.event_store.causes import new_event_ids
from infrastructure.event_store.log_reader import LogReader
from infrastructure.event_store.mapper import Mapper
from infrastructure.event_store.recorder import Append, AppendMetadata
from infrastructure.event_store.store import EventStore
from infrastructure.event_store.timelines import UnknownPlace, require_known_place
from infrastructure.postgres.errors import UNAVAILABLE_ERRORS
from infrastructure.postgres.pools import ReadPool, WritePool, open_read_pool, open_write_pool
from infrastructure.postgres.timeouts import TimedConnection
from infrastructure.projection_engine.daemon import ProjectionDaemon
from infrastructure.projection_engine.read_model import subscribed_topics
from infrastructure.projection_engine.snapshot_reads import Reading, read_models
from projections.connections.query import connections_of
from projections.courses.query import courses_of
from projections.grade_history.query import grade_changes_of
from projections.grades.query import grades_of
from projections.registry import READ_MODELS
from projections.sync_log.query import syncs_of
from tests.deadlines import scaled
from tests.event_store_cases.database_copies import CopiedDatabase

R = TypeVar("R")

ALL_TOPICS = tuple(subscribed_topics(READ_MODELS))
RETRIED = (*UNAVAILABLE_ERRORS, psycopg.OperationalError)

SELECT_GAPS = """
SELECT stream, version
  FROM (
           SELECT stream, version, recorded_at,
                  lag(version, 1, 0::bigint) OVER own AS version_before,
                  lag(recorded_at) OVER own AS time_before,
                  lag(position) OVER own AS position_before,
                  position
             FROM easeboard.events
           WINDOW own AS (PARTITION BY stream ORDER BY version)
       ) AS each
 WHERE version <> version_before + 1
    OR recorded_at < time_before
    OR position < position_before
"""
SELECT_DIVIDED_TIMES = """
SELECT command_id FROM easeboard.events GROUP BY command_id HAVING count(DISTINCT recorded_at) > 1
"""
STEP_CLOCK = """
UPDATE easeboard.events AS own
   SET recorded_at = recorded_at + %s * interval '1 minute'
 WHERE command_id IN (SELECT command_id FROM easeboard.events WHERE position = %s)
"""

READ_IN_ONE_DOCUMENT = ("connections", "sync_log", "courses", "grades", "grade_history")
"""The read models of `queries_of`."""


def queries_of(person: UUID) -> list[Any]:
    """Return a query of each read model, in the order of the fields of `log_model.Shown`."""
    return [
        connections_of(person, interval=timedelta(hours=2), limit=None),
        syncs_of(person, limit=None),
        courses_of(person, limit=None),
        grades_of(person, limit=None),
        grade_changes_of(person, limit=None),
    ]


@dataclass
class Follower:
    """Reads the log from its beginning to the mark, again and again."""

    reader: LogReader
    timeline: int = 0
    after: int = 0
    positions: list[int] = field(default_factory=list)

    def follow(self) -> LogPosition:
        """Read up to the mark, from the beginning if the log is on another timeline."""
        place = self.reader.safe_place()
        if place.timeline != self.timeline:
            self.timeline, self.after = place.timeline, 0
            self.positions.clear()
        while self.after < place.position:
            page = self.reader.read(self.after, place.position, ALL_TOPICS, 3)
            self.positions += [each.position for each in page.events]
            self.after = page.up_to
        return place


@dataclass
class HeldAppend:
    """An append whose transaction is still open."""

    connection: TimedConnection
    person: UUID
    events: list[Event]
    place: LogPosition


class LogProcesses:
    """Two processes with a store, a log reader and a daemon each, and a pool for reads."""

    def __init__(self, database: CopiedDatabase) -> None:
        self.database = database
        self.runner = asyncio.Runner()
        ring = parse_key_ring("hex:" + "0123456789abcdef" * 4)
        self.pools = [_open(open_write_pool(database.url, size=2)) for _ in range(2)]
        self.mappers = [_mapper(pool, ring) for pool in self.pools]
        self.stores = [
            EventStore(pool, PersonKeys(pool, ring), snapshot_interval_events=4)
            for pool in self.pools
        ]
        self.followers = [
            Follower(LogReader(pool, mapper))
            for pool, mapper in zip(self.pools, self.mappers, strict=True)
        ]
        self.daemons = [
            ProjectionDaemon(
                database.url, follower.reader, READ_MODELS, read_together=[READ_IN_ONE_DOCUMENT]
            )
            for follower in self.followers
        ]
        self._read_pool_context = open_read_pool(database.url, size=2)
        self.read_pool: ReadPool = self.runner.run(self._read_pool_context.__aenter__())
        self.project(0)

    def close(self) -> None:
        """Close everything that was opened."""
        for daemon in self.daemons:
            daemon._stopping.set()
            daemon._rebuilder.stop()
            daemon._disconnect()
            daemon._prefetcher.close()
        self.runner.run(self._read_pool_context.__aexit__(None, None, None))
        self.runner.close()
        for store, pool in zip(self.stores, self.pools, strict=True):
            store.close()
            pool.close()

    def project(self, number: int) -> None:
        """Let a daemon run one round, as it does when it is woken."""
        daemon = self.daemons[number]
        try:
            daemon._advance_all()
        except RETRIED:
            daemon._disconnect()

    def project_all(self, head: int) -> None:
        """Run rounds of both daemons until every read model is at the head."""
        deadline = time.monotonic() + scaled(30)
        while min(self._checkpoints(), default=-1) < head:
            assert time.monotonic() < deadline, "the read models do not catch up"
            for number in range(len(self.daemons)):
                self.project(number)

    def _checkpoints(self) -> list[int]:
        with psycopg.connect(self.database.url) as connection:
            rows = connection.execute(
                "SELECT position FROM easeboard.projections WHERE role = 'live'"
            ).fetchall()
        return [position for (position,) in rows]

    def read(self, person: UUID) -> Reading:
        """Compose a document of all read models, if they have a common moment."""
        return self.repeated(lambda: self.runner.run(self._read(queries_of(person))))

    async def _read(self, queries: list[Any]) -> Reading:
        return await read_models(self.read_pool, *queries)

    def is_known(self, place: LogPosition) -> bool:
        """Whether the log still has a place."""

        def check() -> bool:
            try:
                self.runner.run(require_known_place(self.read_pool, place))
            except UnknownPlace:
                return False
            return True

        return self.repeated(check)

    def timelines(self) -> dict[int, int]:
        """Return the timelines of the log, each with the position that it begins after."""
        with psycopg.connect(self.database.url) as connection:
            rows = connection.execute(
                "SELECT id, begins_after FROM easeboard.timelines ORDER BY number"
            ).fetchall()
        return dict(rows)

    def record(self, number: int, kind: Any, stream: UUID, decide: Any) -> LogPosition:
        """Append events that decide nothing; returns their place."""

        async def append() -> EventMetadata:
            with with_event_metadata("model") as metadata:
                await self.stores[number].record(kind, stream, decide)
            return metadata

        metadata = self.repeated(lambda: self.runner.run(append()))
        assert metadata.appended
        return metadata.appended

    def hold(self, number: int, aggregate: Any) -> HeldAppend:
        """Append in a transaction that stays open."""
        self.followers[number].reader.safe_place()  # begins a timeline if one is due
        events = list(aggregate.pending_events)
        rows = self.mappers[number].to_stored_events(events, aggregate.person_id)
        metadata = AppendMetadata(person_id=aggregate.person_id, encrypted=True, actor="late")
        connection = TimedConnection.connect(self.database.url)
        append = Append(rows, metadata, new_event_ids(len(rows)))
        place = call_append(connection, _in_transaction(connection, append))
        return HeldAppend(connection, aggregate.person_id, events, place)

    def repeated(self, attempt: Callable[[], R]) -> R:
        """Repeat what fails because sessions were ended; a client repeats a 503 like this."""
        deadline = time.monotonic() + scaled(20)
        while True:
            try:
                return attempt()
            except RETRIED:
                assert time.monotonic() < deadline
                time.sleep(0.02)

    def recorded_events(self, up_to: int) -> list[RecordedEvent]:
        """Return all events up to a position."""
        page = self.followers[0].reader.read(0, up_to, ALL_TOPICS, 100_000)
        return page.events

    def irregular_events(self) -> list[Any]:
        """Return gaps, events before their predecessor, and appends with several times."""
        with psycopg.connect(self.database.url) as connection:
            gaps = connection.execute(SELECT_GAPS).fetchall()
            return gaps + connection.execute(SELECT_DIVIDED_TIMES).fetchall()

    def set_clock_forward(self, minutes: int, position: int) -> None:
        """Let the append of an event have the time of a clock that was ahead."""
        with self.administrator() as administrator:
            administrator.execute(STEP_CLOCK, [minutes, position])

    @contextmanager
    def administrator(self) -> Iterator[psycopg.Connection[Any]]:
        """Open a session that may change history, as only a test does."""
        url = make_conninfo(self.database.server.admin_url, dbname=self.database.name)
        with psycopg.connect(url) as connection:
            connection.execute("SET session_replication_role = replica")
            yield connection


def _in_transaction(connection: TimedConnection, append: Append) -> Any:
    connection.execute("SELECT 1")  # opens the transaction
    return append.to_binary(None)


def _mapper(pool: WritePool, ring: KeyRing) -> Mapper:
    return Mapper(PersonKeys(pool, ring))


def _open(pool: WritePool) -> WritePool:
    pool.open()
    return pool
