"""Verifies a read model: folds the log again, and compares the rows with those of the live version.

The second fold goes into temporary tables, which end with the session, and leaves out the same
skipped and parked events. It is compared in one snapshot of the database, in which rows and
checkpoint belong together, so the live version is never locked.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection, Cursor, sql

from infrastructure.event_store.log_reader import EventPage
from infrastructure.postgres.retry import retry_transient_errors
from infrastructure.projection_engine.apply_events import apply_events
from infrastructure.projection_engine.batch_size import AdaptiveBatchSize
from infrastructure.projection_engine.dead_letters import FailedEvent, LeftOut, load_left_out
from infrastructure.projection_engine.event_source import PeopleSource
from infrastructure.projection_engine.gc_pause import pause_gc
from infrastructure.projection_engine.prefetch import Prefetcher
from infrastructure.projection_engine.read_model import (
    ReadModelDefinition,
    fingerprint,
    subscribed_topics,
)
from infrastructure.projection_engine.rebuild import (
    MAX_REBUILD_ATTEMPTS,
    PROJECTION_BACKOFF,
    ReportProgress,
    ignore_progress,
    measure_progress,
)
from infrastructure.projection_engine.refold import PeopleEvents, refold_people
from infrastructure.projection_engine.row_counts import TableCount, count_rows
from infrastructure.projection_engine.table_comparison import (
    TableDifference,
    compare_tables,
    digest_of_tables,
)
from infrastructure.projection_engine.versions import connect, schema_name, set_search_path

SHADOW = "pg_temp"
"""The PostgreSQL schema of the temporary tables of a session."""

COMPARISON_TIMEOUT_SECONDS = 3600.0
"""Seconds for a statement that compares all rows."""

SELECT_LIVE = """
SELECT version, position, fingerprint
  FROM easeboard.projections
 WHERE name = %s
   AND role = 'live'
"""

SELECT_DECISIONS = """
SELECT person_id, position
  FROM easeboard.dead_letters
 WHERE projection = %(name)s
   AND version = %(version)s
 UNION ALL
SELECT events.person_id, -events.position
  FROM easeboard.skipped_events AS skipped
  JOIN easeboard.events ON events.event_id = skipped.id AND events.position = skipped.position
 WHERE skipped.projection = %(name)s
"""
"""Selects what is left out: the person and the position, which is negative if it was skipped."""

RECORD_RESULT = """
UPDATE easeboard.projections
   SET verified_at       = clock_timestamp(),
       verified_position = %s,
       verified_digest   = %s,
       verified_result   = %s
 WHERE name = %s
   AND version = %s
RETURNING verified_at
"""


class VerificationRefused(Exception):
    """The read model cannot be verified now; the message names the reason."""


class Verification(NamedTuple):
    """What a verification found, at a position of the log.

    `digest` is that of the live rows, `new_digest` that of the rows which the log gives.
    """

    name: str
    version: int
    at: datetime
    position: int
    digest: str
    new_digest: str
    differences: list[TableDifference]
    tables: list[TableCount]
    """The rows of the live version, and of the log."""
    failed: int
    """Events that cannot be applied now, although the live version has applied them."""

    @property
    def result(self) -> str:
        """Return `ok`, or `different` if the live rows are not those of the log."""
        return "different" if self.differences or self.failed else "ok"


def verify_read_model(
    url: str,
    source: PeopleSource,
    model: ReadModelDefinition,
    report_progress: ReportProgress = ignore_progress,
) -> Verification:
    """Fold the log into temporary tables, compare, and record the result.

    After a lost connection it begins again, because the temporary tables are lost too.

    Raises:
        VerificationRefused: If the read model does not exist, or another program created it.
    """

    def verify() -> Verification:
        with connect(url) as connection:
            return _Shadow(connection, source, model).verify(report_progress)

    return retry_transient_errors(verify, attempts=MAX_REBUILD_ATTEMPTS, backoff=PROJECTION_BACKOFF)


Decisions = frozenset[tuple[UUID, int]]


@dataclass
class _Shadow:
    """The second fold of a read model, in temporary tables of one session."""

    connection: Connection[Any]
    source: PeopleSource
    model: ReadModelDefinition
    version: int = 0
    position: int = 0
    failed: dict[UUID, FailedEvent] = field(default_factory=dict)
    """Events that cannot be applied here, and are no dead letters of the live version."""

    def verify(self, report_progress: ReportProgress) -> Verification:
        """Fold up to the live checkpoint, and compare in a snapshot that is not far beyond."""
        with self.connection.transaction(), self.connection.cursor() as cursor:
            self.version, target = self._live(cursor)
            decisions = self._decisions(cursor)
            set_search_path(cursor, sql.Identifier(SHADOW))
            cursor.execute(self.model.schema_sql)
        self._catch_up(target, report_progress)
        # What was appended meanwhile is folded without the snapshot, which would hold back vacuum.
        with self.connection.transaction(), self.connection.cursor() as cursor:
            _, target = self._live(cursor)
        self._catch_up(target, report_progress)
        self._allow_long_statements()
        with self.connection.transaction(), self.connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            _, target = self._live(cursor)
            self._fold(cursor, target)
            changed = decisions ^ self._decisions(cursor)
            self._fold_again(cursor, {person for person, _ in changed})
            live = schema_name(self.model.name, self.version)
            differences = compare_tables(cursor, live, SHADOW)
            digests = digest_of_tables(cursor, live), digest_of_tables(cursor, SHADOW)
            counts = count_rows(cursor, live, SHADOW)
        return self._record(digests, differences, counts)

    def _live(self, cursor: Cursor[Any]) -> tuple[int, int]:
        """Return the live version and its checkpoint; raises VerificationRefused."""
        cursor.execute(SELECT_LIVE, [self.model.name])
        rows = cursor.fetchall()
        if not rows:
            raise VerificationRefused(
                f"There is no read model {self.model.name} yet; a process with the role projector"
                " creates it."
            )
        [(version, position, digest)] = rows
        if digest != fingerprint(self.model):
            raise VerificationRefused(
                f"The tables of {self.model.name} are of another release of this program: they"
                " can be verified when they are rebuilt."
            )
        if self.version not in {0, version} or position < self.position:
            raise VerificationRefused(
                f"Another version of {self.model.name} became live meanwhile: verify it again."
            )
        return version, position

    def _decisions(self, cursor: Cursor[Any]) -> Decisions:
        cursor.execute(SELECT_DECISIONS, {"name": self.model.name, "version": self.version})
        return frozenset(cursor.fetchall())

    def _catch_up(self, target: int, report_progress: ReportProgress) -> None:
        started, first, batch_size = time.monotonic(), self.position, AdaptiveBatchSize(1_000)
        topics = subscribed_topics([self.model])
        with closing(Prefetcher(self.source)) as prefetcher:
            while self.position < target:
                with batch_size as limit, pause_gc():
                    batch = prefetcher.read(self.position, target, topics, limit)
                    with self.connection.transaction(), self.connection.cursor() as cursor:
                        self._apply(cursor, batch)
                applied, seconds = self.position - first, time.monotonic() - started
                report_progress(measure_progress(self.position, target, applied, seconds))

    def _fold(self, cursor: Cursor[Any], target: int) -> None:
        """Fold the last events in the snapshot of the comparison."""
        topics = subscribed_topics([self.model])
        while self.position < target:
            self._apply(cursor, self.source.read(self.position, target, topics, 500))

    def _apply(self, cursor: Cursor[Any], batch: EventPage) -> None:
        applied = apply_events(
            cursor,
            self.model,
            sql.Identifier(SHADOW),
            batch,
            self._left_out(cursor, batch),
            bisect=True,
        )
        self._set_aside(cursor, applied.failed)
        self.position = batch.up_to

    def _left_out(self, cursor: Cursor[Any], batch: EventPage) -> LeftOut:
        left_out = load_left_out(cursor, {self.model.name: self.version}, batch)[self.model.name]
        parked: Mapping[UUID, int] = {
            stream: event.position for stream, event in self.failed.items()
        } | dict(left_out.parked)
        return LeftOut(parked, left_out.skipped)

    def _set_aside(self, cursor: Cursor[Any], failed: Sequence[FailedEvent]) -> None:
        for event in failed:
            cursor.execute(
                "SELECT stream FROM easeboard.events WHERE position = %s", [event.position]
            )
            [(stream,)] = cursor.fetchall()
            self.failed[stream] = event

    def _fold_again(self, cursor: Cursor[Any], people: set[UUID]) -> None:
        """Fold the events of people again, of whom an event was retried, skipped or parked."""
        if not people:
            return
        topics = subscribed_topics([self.model])
        positions = self.source.positions_of(people, 0, self.position, topics)
        refold_people(
            cursor,
            self.model,
            SHADOW,
            PeopleEvents(self.source, people, positions),
            load_left_out=lambda page: self._left_out(cursor, page),
            set_aside=lambda failed: self._set_aside(cursor, failed),
        )

    def _allow_long_statements(self) -> None:
        self.connection.execute("SET statement_timeout = 0")
        self.connection.execute("SET idle_in_transaction_session_timeout = 0")
        vars(self.connection)["response_timeout_seconds"] = COMPARISON_TIMEOUT_SECONDS

    def _record(
        self,
        digests: tuple[str, str],
        differences: list[TableDifference],
        counts: list[TableCount],
    ) -> Verification:
        values = [
            self.position,
            digests[0],
            "different" if differences or self.failed else "ok",
            self.model.name,
            self.version,
        ]
        [(at,)] = self.connection.execute(RECORD_RESULT, values).fetchall()
        return Verification(
            self.model.name,
            self.version,
            at,
            self.position,
            *digests,
            differences,
            counts,
            len(self.failed),
        )
