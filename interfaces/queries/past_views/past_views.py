"""Queries what a student saw of one connection at an earlier time.

The projectors of the read models apply the events again, in memory, and the queries of the read
models answer at that time. So each document is the one that the student's own request got.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from psycopg import AsyncRawCursor

from domain.connection import Connection
from domain.errors import ConnectionNotFound
from domain.log_position import LogPosition
from infrastructure.event_store.past_view_store import LeftOutEvent, PastViewStore, StoredParts
from infrastructure.event_store.rehydrate import rehydrate
from infrastructure.event_store.whole_appends import Versions
from infrastructure.projection_engine.read_model import subscribed_topics
from interfaces.queries.audit_history import AuditHistory, LogReading, history_streams
from interfaces.queries.current_state import format_time
from interfaces.queries.past_views.applied_parts import AppliedParts, apply_parts
from interfaces.queries.past_views.fold import EventFailed
from interfaces.queries.past_views.state_filler import is_state_due, store_states
from interfaces.queries.past_views.stored_rows import FORM, ViewRows
from interfaces.queries.past_views.view_models import VIEW_MODELS, on_rows, view_queries
from projections.support.connection_document import build_connection_document
from projections.support.json_documents import encode_array, format_rfc3339

TOPICS = subscribed_topics(VIEW_MODELS)
FIRST_TOPIC = "ConnectionOpened"
"""The stored name of the first event of each connection, and of no other event."""
MAX_VIEWS = 2
"""Views that one process computes at a time; others wait."""


def _now() -> datetime:
    return datetime.now(UTC)


class PastView(NamedTuple):
    """What a student saw of one connection; the items are JSON."""

    connection_id: UUID
    as_of: datetime
    position: int
    connection: dict[str, Any] | None
    is_redacted: bool
    left_out: list[dict[str, Any]]
    courses: list[bytes]
    assignments: list[bytes]
    grades: list[bytes]
    dashboard: bytes

    def encode(self) -> bytes:
        """Return the view as one JSON object."""
        head = {
            "connection_id": self.connection_id,
            "as_of": format_rfc3339(self.as_of),
            "position": self.position,
            "redacted": self.is_redacted,
            "connection": self.connection,
            "left_out": self.left_out,
        }
        return b'%b,"courses":%b,"assignments":%b,"grades":%b,"dashboard":%b}' % (
            orjson.dumps(head)[:-1],
            encode_array(self.courses),
            encode_array(self.assignments),
            encode_array(self.grades),
            self.dashboard,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PastViews:
    """Queries of past views; `now` returns the present time."""

    history: AuditHistory
    store: PastViewStore
    now: Callable[[], datetime] = _now
    _room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MAX_VIEWS))
    _thread: asyncio.Lock = field(default_factory=asyncio.Lock)
    """One view at a time is computed in a thread, so that other requests get the processor."""

    async def view_at(
        self,
        connection_id: UUID,
        *,
        at: LogPosition | None = None,
        as_of: datetime | None = None,
    ) -> LogReading[PastView]:
        """Return what the student saw of a connection at a time; a time to come counts as now.

        It is the state after the last event in the log whose time is not later. No append is shown
        in part. What depends on the clock is that of the time.

        Raises:
            ConnectionNotFound: If no such connection was ever opened.
        """
        now = self.now()
        as_of = now if as_of is None else min(as_of, now)
        async with self._room:
            versions, place = await self.history.versions_at(connection_id, at=at, as_of=as_of)
            view, applied = await self._view(connection_id, as_of, versions)
        if is_state_due(applied.later):
            steps = partial(store_states, self.store, applied.state, applied.later)
            self.history.store.background.begin("past views", steps)
        return LogReading(view, place)

    async def _view(
        self, connection_id: UUID, as_of: datetime, versions: Versions
    ) -> tuple[PastView, AppliedParts]:
        parts, applied = await self._apply(connection_id, versions)
        connection_version = 0 if applied.is_redacted else versions.versions[0]
        (courses, assignments, grades, dashboard), connection = await asyncio.gather(
            self._query(applied.person_id or connection_id, as_of, applied.rows),
            self._connection(connection_id, connection_version, applied),
        )
        view = PastView(
            connection_id,
            as_of,
            versions.position,
            connection,
            applied.is_redacted,
            _describe_left_out(
                [*parts.left_out, *applied.failed], {row[6]: row[2] for row in parts.events}
            ),
            courses.items,
            assignments.items,
            grades.items,
            b"null" if applied.is_redacted else dashboard.json,
        )
        return view, applied

    async def _apply(
        self, connection_id: UUID, versions: Versions
    ) -> tuple[StoredParts, AppliedParts]:
        """Apply the events of the connection; of those of its syncs what follows a stored state."""
        streams = history_streams(connection_id)[:2]
        parts = await self.store.read_parts(streams, versions, FORM, TOPICS)
        if versions.versions[0] and all(row[2] != FIRST_TOPIC for row in parts.events):
            raise ConnectionNotFound(connection_id)
        async with self._thread:
            try:
                return parts, await asyncio.to_thread(apply_parts, self.store, streams[1], parts)
            except EventFailed:
                # An event may be in a state that should have waited for the one that failed.
                parts = await self.store.read_parts(streams, versions, None, TOPICS)
                return parts, await asyncio.to_thread(apply_parts, self.store, streams[1], parts)

    async def _query(self, person_id: UUID, as_of: datetime, rows: ViewRows) -> list[Any]:
        queries = view_queries(person_id, as_of)
        statements = [on_rows(query, rows[query.model]) for query in queries]
        async with self.history.pool.connection() as connection:
            async with connection.pipeline():
                cursors = [
                    await AsyncRawCursor(connection).execute(statement, parameters, binary=True)
                    for statement, parameters in statements
                ]
            found = [await cursor.fetchall() for cursor in cursors]
        return [query.build(each) for query, each in zip(queries, found, strict=True)]

    async def _connection(
        self, connection_id: UUID, version: int, applied: AppliedParts
    ) -> dict[str, Any] | None:
        """Return the connection as its list shows it, without when the next run is due.

        None at version 0.
        """
        if not version:
            return None
        if len(applied.own_events) == version:
            connection = rehydrate(Connection, connection_id, None, applied.own_events)
        else:
            connection = await asyncio.to_thread(
                self.history.store.load_blocking, Connection, connection_id, version=version
            )
        rows = applied.rows["dashboard_stats"]
        [times] = rows.columns_of("dashboard_connections", ["last_synced_at"])
        document = build_connection_document(
            connection.id,
            connection,
            status=connection.status,
            token_rotated_at=format_time(connection.token_rotated_at),
            last_validated_at=format_time(connection.validated_at),
            last_synced_at=format_rfc3339(times[0]) if times and times[0] else None,
            created_at=format_time(connection.opened_at),
            version=connection.version,
        )
        return {**document}


def _describe_left_out(
    left_out: Sequence[LeftOutEvent], topics: Mapping[int, str]
) -> list[dict[str, Any]]:
    """Return which events the view lacks, each with the read models that lack it and why."""
    found: dict[int, dict[str, Any]] = {}
    names = {model.name for model in VIEW_MODELS}
    for each in sorted(left_out, key=lambda one: one.position):
        if each.read_model in names and each.position in topics:
            item = found.setdefault(
                each.position,
                {
                    "position": each.position,
                    "type": topics[each.position],
                    "read_models": [],
                    "reason": each.error or "an administrator left it out",
                },
            )
            if each.read_model not in item["read_models"]:
                item["read_models"].append(each.read_model)
    return list(found.values())
