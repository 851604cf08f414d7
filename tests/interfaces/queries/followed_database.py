"""A database with one read model, and processes that follow its log, at a time that a test sets."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg import sql

from domain.event import Event
from domain.events import ConnectionOpened, PersonErased
from domain.log_position import LogPosition
from domain.recorded_event import RecordedEvent
from infrastructure.event_store.log_reader import LogReader
from infrastructure.event_store.mapper import Mapper
from infrastructure.postgres.pools import ReadPool, WritePool
from infrastructure.projection_engine.snapshot_reads import read_models
from infrastructure.subscriptions.followed_log import FollowedLog
from infrastructure.subscriptions.log_follower import LogFollower, LogSight
from interfaces.consistency_token import encode_consistency_token
from interfaces.queries.kept_documents import KeptDocument, KeptDocuments
from projections.support.query import Query
from projections.support.schedule_row import OPEN_CIRCUITS_SQL
from tests.infrastructure.projection_engine.log_builder import LogBuilder
from tests.projections.event_builders import EventLogBuilder, StudentAccount, person_erased

TOPICS = ["ConnectionOpened", "PersonErased"]

HOSTS = ["https://a.example", "https://b.example"]

COUNT_SQL = sql.SQL(
    "SELECT coalesce((SELECT opened FROM read.opened_connections WHERE person_id = %(person)s), 0),"
    " (SELECT version FROM easeboard.projections WHERE name = 'opened' AND role = 'live'),"
    " (SELECT open_until FROM easeboard.canvas_hosts WHERE origin = %(host)s), {open_circuits}"
).format(open_circuits=OPEN_CIRCUITS_SQL)


@dataclass(frozen=True)
class OpenedReadModel:
    """Counts the connections that each person opened."""

    name: str = "opened"
    version: int = 1
    subscribes_to: tuple[type[Event], ...] = (ConnectionOpened, PersonErased)
    schema_sql: str = (
        "CREATE TABLE opened_connections (person_id uuid PRIMARY KEY, opened integer NOT NULL);"
    )
    tables: tuple[str, ...] = ("opened_connections",)

    def project(self, events: Sequence[RecordedEvent], cursor: psycopg.Cursor[Any]) -> None:
        for recorded in events:
            if isinstance(recorded.event, PersonErased):
                statement = "DELETE FROM opened_connections WHERE person_id = %s"
            else:
                statement = (
                    "INSERT INTO opened_connections AS known VALUES (%s, 1)"
                    " ON CONFLICT (person_id) DO UPDATE SET opened = known.opened + 1"
                )
            cursor.execute(statement, [recorded.person_id])


def opened_event(person_id: UUID) -> RecordedEvent:
    log = EventLogBuilder()
    StudentAccount(log, person_id, f"https://{uuid4()}.example").open()
    return _new(log)


def erased_event(person_id: UUID) -> RecordedEvent:
    log = EventLogBuilder()
    log.record(person_id, person_erased(person_id))
    return _new(log)


def _new(log: EventLogBuilder) -> RecordedEvent:
    (recorded,) = log.events
    return recorded._replace(event_id=uuid4(), recorded_at=datetime.now(UTC))


@dataclass
class World:
    """The time that all processes see, and the connection with which a test writes."""

    connection: psycopg.Connection[Any]
    passed: float = 0.0

    @property
    def log(self) -> LogBuilder:
        return LogBuilder(self.connection)

    def clock(self) -> float:
        return time.monotonic() + self.passed

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.passed)

    def pass_time(self, seconds: float) -> None:
        """Let time pass for all processes, and for the rows that they have written."""
        self.passed += seconds
        self.connection.execute(
            "UPDATE easeboard.log_followers SET seen_at = seen_at - make_interval(secs => %s)",
            [seconds],
        )


@dataclass(frozen=True)
class Shown:
    """What a document shows: how many connections, of which version, and whether it is late.

    `open_until` is that of the first of HOSTS.
    """

    opened: int
    version: int
    is_late: bool
    open_until: datetime | None

    @property
    def content(self) -> bytes:
        return repr(self).encode()


@dataclass
class FollowingProcess:
    """What one process has: a follower of the log, and kept documents."""

    world: World
    follower: LogFollower
    followed: FollowedLog
    kept: KeptDocuments
    due_at: datetime
    sight: LogSight = field(default=LogSight(LogPosition(0, 0), None, None))
    shown: dict[UUID, tuple[Shown, LogPosition]] = field(default_factory=dict)
    """What was read last, by person."""

    @property
    def place(self) -> LogPosition:
        return self.followed.knowledge().place

    def follow(self) -> None:
        self.sight = self.follower.follow()

    def tellable(self) -> int:
        """Return the position up to which this process may send messages now."""
        known = self.follower.known_to_all(self.sight)
        limits = [self.sight.place.position, self.sight.readable or 0]
        return min(limits if known is None else [*limits, known])

    async def ask(self, pool: ReadPool, person_id: UUID) -> tuple[Shown, LogPosition | None]:
        """Read from the database, and keep what was read."""
        is_late = self.world.now() >= self.due_at
        parameters = {"person": person_id, "host": HOSTS[0]}
        query = Query("opened", COUNT_SQL, parameters, lambda rows: rows[0])
        ((opened, version, open_until, circuits),), place = await read_models(pool, query)
        shown = Shown(opened, version, is_late, open_until)
        if place:
            token = encode_consistency_token(place).encode()
            headers = ((b"consistency-token", token),)
            changes_at = None if is_late else self.due_at
            document = KeptDocument(b'"x"', shown.content, False, 1, headers, changes_at, circuits)
            self.kept.keep(person_id, "opened", document, place)
            self.shown[person_id] = shown, place
        return shown, place

    def find(self, person_id: UUID) -> Shown | None:
        """Return what a kept document shows, if there is a current one."""
        document = self.kept.find(person_id, "opened")
        if document is None:
            return None
        shown, _ = self.shown[person_id]
        assert document.content == shown.content, "the document that was kept last"
        return shown


@contextmanager
def following_process(
    world: World, pool: WritePool, due_at: datetime
) -> Iterator[FollowingProcess]:
    followed = FollowedLog(clock=world.clock)
    kept = KeptDocuments(followed, now=world.now)
    follower = LogFollower(pool, Mapper(None), followed, TOPICS)
    try:
        yield FollowingProcess(world, follower, followed, kept, due_at)
    finally:
        follower.leave()


def new_reader(pool: WritePool) -> LogReader:
    return LogReader(pool, Mapper(None))
