"""What each open connection is doing: its newest run, and since when it has rested."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Cursor

from domain.event import Event
from domain.events import (
    ConnectionOpened,
    SyncCancelled,
    SyncCompleted,
    SyncFailed,
    SyncRequested,
    TokenRejected,
    TokenRotated,
)
from domain.recorded_event import Recorded
from domain.sync_schedule import failures_after, wait_of
from projections.support.sql_arrays import columns
from projections.support.tombstones import connection_of

MOVES = (
    ConnectionOpened,
    TokenRotated,
    TokenRejected,
    SyncRequested,
    SyncCompleted,
    SyncFailed,
    SyncCancelled,
)


@dataclass(slots=True)
class Standing:
    """A connection as the table holds it; `opened` is where in the log it began."""

    person_id: UUID
    origin: str
    opened: int
    active: bool
    rested_at: datetime
    failures: int
    wait: int
    sync_id: UUID | None
    live: bool
    position: int

    def row(self, id_: UUID) -> tuple[Any, ...]:
        """The columns to keep."""
        return (
            id_,
            self.person_id,
            self.origin,
            self.opened,
            self.active,
            self.rested_at,
            self.failures,
            self.wait,
            self.sync_id,
            self.live,
            self.position,
        )


def record_standings(heard: Sequence[Recorded], cursor: Cursor[Any]) -> None:
    """Take a batch of events into `sync_standings`."""
    moves = [
        (connection_of(recorded.event), recorded)
        for recorded in heard
        if isinstance(recorded.event, MOVES)
    ]
    standings = _standings({id_ for id_, _ in moves}, cursor)
    for id_, recorded in moves:
        if isinstance(recorded.event, ConnectionOpened):
            standings[id_] = _opened(recorded.event, recorded)
        elif standing := standings.get(id_):
            standing.position = recorded.position
            _advance(standing, recorded.event, recorded.recorded_at)
    _keep([standing.row(id_) for id_, standing in standings.items()], cursor)


def _opened(event: ConnectionOpened, recorded: Recorded) -> Standing:
    return Standing(
        person_id=recorded.person_id,
        origin=event.canvas_url,
        opened=recorded.position,
        active=True,
        rested_at=recorded.recorded_at,
        failures=0,
        wait=wait_of(event.originator_id, 0),
        sync_id=None,
        live=False,
        position=recorded.position,
    )


def _advance(standing: Standing, event: Event, at: datetime) -> None:
    match event:
        case TokenRotated():
            standing.active = True
        case TokenRejected():
            standing.active = False
        case SyncRequested():
            standing.sync_id, standing.live = event.sync_id, True
            standing.rested_at, standing.wait = at, wait_of(event.connection_id, 0)
        case _:
            standing.live = False
            standing.failures = failures_after(standing.failures, event)
            standing.rested_at = at
            standing.wait = wait_of(connection_of(event), standing.failures)


def _standings(ids: set[UUID], cursor: Cursor[Any]) -> dict[UUID, Standing]:
    if not ids:
        return {}
    cursor.execute(
        """
        SELECT connection_id, person_id, origin, opened, active, rested_at, failures, wait,
               sync_id, live, position
          FROM sync_standings
         WHERE connection_id = ANY(%b::uuid[])
         ORDER BY connection_id
        """,
        [list(ids)],
        binary=True,
    )
    return {id_: Standing(*standing) for id_, *standing in cursor}


def _keep(rows: list[tuple[Any, ...]], cursor: Cursor[Any]) -> None:
    if not rows:
        return
    cursor.execute(
        """
        INSERT INTO sync_standings (
            connection_id, person_id, origin, opened, active, rested_at, failures, wait, sync_id,
            live, position
        )
        SELECT connection_id, person_id, origin, opened, active, rested_at, failures, wait, sync_id,
               live, position
          FROM unnest(
                   %b::uuid[], %b::uuid[], %b::text[], %b::bigint[], %b::boolean[],
                   %b::timestamptz[], %b::integer[], %b::integer[], %b::uuid[], %b::boolean[],
                   %b::bigint[]
               ) AS moved (
                   connection_id, person_id, origin, opened, active, rested_at, failures, wait,
                   sync_id, live, position
               )
            ON CONFLICT (connection_id) DO UPDATE
           SET active    = excluded.active,
               rested_at = excluded.rested_at,
               failures  = excluded.failures,
               wait      = excluded.wait,
               sync_id   = excluded.sync_id,
               live      = excluded.live,
               position  = excluded.position
        """,
        columns(rows),
    )
