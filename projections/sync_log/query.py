"""Queries of the read model `sync_log`.

`GET /sync/logs`, `GET /sync/status`, the first live message, and the recovery of runs use them.
"""

from datetime import timedelta
from uuid import UUID

from psycopg import sql
from psycopg_pool import AsyncConnectionPool

from projections.support.json_documents import encode_time_or_null
from projections.support.page import (
    Page,
    build_page,
    decode_cursor,
    parse_position_key,
    rows_to_fetch,
)
from projections.support.query import Query, Rows
from projections.support.schedule_row import (
    JOIN_OPEN_UNTIL,
    OPEN_CIRCUITS_SQL,
    SCHEDULE_COLUMNS,
    ScheduleRow,
)

SYNC_STATUS_SQL = sql.SQL(
    """
    SELECT connection.connection_id,
           CASE WHEN connection.live THEN sync.status ELSE 'idle' END AS state,
           sync.document, {schedule}, {open_circuits}
      FROM read.sync_standings AS connection
      LEFT JOIN read.syncs AS sync USING (sync_id)
      {join_open_until}
     WHERE connection.person_id = %(person)s
     ORDER BY connection.opened
    """
).format(
    schedule=SCHEDULE_COLUMNS, open_circuits=OPEN_CIRCUITS_SQL, join_open_until=JOIN_OPEN_UNTIL
)

SYNCS_SQL = sql.SQL(
    """
    SELECT requested, document
      FROM read.syncs
     WHERE person_id = %(person)s
       AND (%(before)s::bigint IS NULL OR requested < %(before)s)
       AND (%(connection)s::uuid IS NULL OR connection_id = %(connection)s)
       AND (%(status)s::text IS NULL OR status = %(status)s)
     ORDER BY requested DESC
     LIMIT %(limit)s
    """
)


def syncs_of(
    person_id: UUID,
    *,
    connection_id: UUID | None = None,
    status: str | None = None,
    cursor: str | None = None,
    limit: int | None,
) -> Query[Page]:
    """Query a page of a person's runs, newest first.

    `status` is that of a run: `queued`, `running`, `completed`, `partial`, `failed` or `cancelled`.
    An item is the JSON of a `domain/sync_run.SyncRun`. A cursor contains the position of a
    SyncRequested in the event log.

    Raises: BadCursor if the cursor does not belong to this list.
    """
    [before] = decode_cursor(cursor, parse_position_key)
    return Query(
        "sync_log",
        SYNCS_SQL,
        {
            "person": person_id,
            "before": before,
            "connection": connection_id,
            "status": status,
            "limit": rows_to_fetch(limit),
        },
        lambda rows: build_page(rows, limit, lambda row: row[1], lambda row: row[:1]),
    )


def sync_status_of(person_id: UUID, *, interval: timedelta) -> Query[Page]:
    """Query the sync status of each open connection of a person, in the order of opening.

    An item is a JSON object with `connection_id`; `state`, which is `idle`, `queued` or `running`;
    `sync`, the newest run or null; and `next_sync_at`, which depends on `interval`, the time
    between two syncs. The page has all items.
    """

    def build(rows: Rows) -> Page:
        items = [
            b'{"connection_id":"%b","state":"%b","sync":%b,"next_sync_at":%b}'
            % (
                str(id_).encode(),
                state.encode(),
                sync or b"null",
                encode_time_or_null(ScheduleRow(*schedule).next_sync_at(interval)),
            )
            for id_, state, sync, *schedule, _ in rows
        ]
        return Page(items, None, open_circuits=rows[0][-1] if rows else None)

    return Query("sync_log", SYNC_STATUS_SQL, {"person": person_id}, build)


async def connections_with_active_sync(pool: AsyncConnectionPool) -> list[UUID]:
    """Return the ids of all connections, of all people, whose newest run is queued or running."""
    async with pool.connection() as connection:
        result = await connection.execute(
            "SELECT connection_id FROM read.sync_standings WHERE live ORDER BY connection_id",
            binary=True,
        )
        return [id_ async for (id_,) in result]
