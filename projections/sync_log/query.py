"""Which runs there were, and what each connection is doing."""

from datetime import timedelta
from uuid import UUID

from psycopg_pool import AsyncConnectionPool

from projections.support.json_documents import encode_time_or_null
from projections.support.page import Page, build_page, decode_cursor, position_key, rows_to_fetch
from projections.support.schedule_row import ScheduleRow


async def syncs_of(
    person_id: UUID,
    *,
    connection_id: UUID | None = None,
    status: str | None = None,
    cursor: str | None = None,
    limit: int | None,
    pool: AsyncConnectionPool,
) -> Page:
    """A person's runs, newest first; raises BadCursor."""
    [before] = decode_cursor(cursor, position_key)
    async with pool.connection() as connection:
        result = await connection.execute(
            """
            SELECT requested, document
              FROM read.syncs
             WHERE person_id = %(person)s
               AND (%(before)s::bigint IS NULL OR requested < %(before)s)
               AND (%(connection)s::uuid IS NULL OR connection_id = %(connection)s)
               AND (%(status)s::text IS NULL OR status = %(status)s)
             ORDER BY requested DESC
             LIMIT %(limit)s
            """,
            {
                "person": person_id,
                "before": before,
                "connection": connection_id,
                "status": status,
                "limit": rows_to_fetch(limit),
            },
            binary=True,
        )
        rows = await result.fetchall()
    return build_page(rows, limit, lambda row: row[1], lambda row: row[:1])


async def sync_status_of(
    person_id: UUID, *, interval: timedelta, pool: AsyncConnectionPool
) -> list[bytes]:
    """One item per open connection of a person, with its newest run."""
    async with pool.connection() as connection:
        result = await connection.execute(
            """
            SELECT status.connection_id,
                   CASE WHEN status.live THEN sync.status ELSE 'idle' END,
                   sync.document, status.active, status.rested_at, status.wait,
                   host.open_until
              FROM read.sync_standings AS status
              LEFT JOIN read.syncs AS sync USING (sync_id)
              LEFT JOIN easeboard.canvas_hosts AS host USING (origin)
             WHERE status.person_id = %s
             ORDER BY status.opened
            """,
            [person_id],
            binary=True,
        )
        return [
            b'{"connection_id":"%b","state":"%b","sync":%b,"next_sync_at":%b}'
            % (
                str(id_).encode(),
                state.encode(),
                sync or b"null",
                encode_time_or_null(ScheduleRow(*schedule).next_sync_at(interval)),
            )
            async for id_, state, sync, *schedule in result
        ]


async def connections_with_active_sync(pool: AsyncConnectionPool) -> list[UUID]:
    """The connections whose newest run is queued or running."""
    async with pool.connection() as connection:
        result = await connection.execute(
            "SELECT connection_id FROM read.sync_standings WHERE live ORDER BY connection_id",
            binary=True,
        )
        return [id_ async for (id_,) in result]
