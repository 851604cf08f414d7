"""The state and progress of every read model, for administrators."""

from typing import Any

from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

NOT_RECORDED_YET = {"owner": None}
"""Members of the contract without a source yet: no row records which process applies events to a
read model."""

SELECT_STATUS = """
SELECT live.name, live.version, live.error, live.position, log.head,
       greatest(0, log.head - live.position) AS lag_events,
       (
           SELECT extract(epoch FROM clock_timestamp() - recorded_at)::float8
             FROM easeboard.events
            WHERE position > live.position
            ORDER BY position
            LIMIT 1
       ) AS lag_seconds,
       live.rate * exp(
           greatest(
               -250, -abs(extract(epoch FROM clock_timestamp() - live.moved_at))
           ) / 5
       ) AS rate,
       (
           SELECT count(*)
             FROM easeboard.dead_letters AS letter
            WHERE letter.projection = live.name
              AND letter.version = live.version
       ) AS dead_letters,
       building.version AS building, building.position AS done,
       building.error AS building_error,
       building.builder_seen_at > clock_timestamp() - interval '15 s' AS is_alive,
       (building.position - building.began_from) / nullif(
           extract(epoch FROM building.moved_at - building.began_at)::float8, 0
       ) AS building_rate
  FROM easeboard.projections AS live
  LEFT JOIN easeboard.projections AS building
    ON building.name = live.name
   AND building.role = 'building',
       (SELECT coalesce(max(position), 0) AS head FROM easeboard.events) AS log
 WHERE live.role = 'live'
 ORDER BY live.name
"""

SELECT_DEAD_LETTERS = """
SELECT letter.id, live.name AS projection, live.version, letter.position,
       letter.stream, letter.topic, letter.person_id, letter.error,
       (
           SELECT count(*)
             FROM easeboard.events AS event
            WHERE event.stream = letter.stream
              AND event.version > letter.stream_version
       ) AS waiting,
       letter.parked_at
  FROM easeboard.projections AS live
  JOIN easeboard.dead_letters AS letter
    ON letter.projection = live.name
   AND letter.version = live.version
 WHERE live.role = 'live'
   AND live.name = coalesce(%s, live.name)
 ORDER BY live.name, letter.position
"""


async def projection_status(pool: AsyncConnectionPool) -> list[dict[str, Any]]:
    """Return a dict for each read model, by name, in the shape of `GET /api/v1/admin/projections`.

    `lag_seconds` is the age of the oldest event that is not applied yet. `rebuild.done` and
    `rebuild.total` are positions of the log.
    """
    async with pool.connection() as connection:
        cursor = connection.cursor(row_factory=dict_row)
        await cursor.execute(SELECT_STATUS)
        return [_row(row) async for row in cursor]


def _row(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": row["name"],
        "version": row["version"],
        "state": "failing" if row["error"] else "live",
        "error": row["error"],
        "position": row["position"],
        "head": row["head"],
        "lag_events": row["lag_events"],
        "lag_seconds": round(max(0.0, row["lag_seconds"] or 0.0), 3),
        "events_per_second": round(row["rate"], 1),
        "dead_letters": row["dead_letters"],
        **NOT_RECORDED_YET,
        "rebuild": _rebuild_status(row) if row["building"] else None,
    }


def _rebuild_status(row: dict[str, Any]) -> dict[str, Any]:
    total, rate = max(row["head"], row["done"]), row["building_rate"]
    return {
        "state": "running" if row["is_alive"] else "interrupted",
        "done": row["done"],
        "total": total,
        "eta_seconds": round((total - row["done"]) / rate, 1) if rate and rate > 0 else None,
    }


async def dead_letters_of(pool: AsyncConnectionPool, name: str | None) -> list[dict[str, Any]]:
    """Return the dead letters of the live version of a read model; of all without a `name`.

    Each is a dict in the shape of `GET /api/v1/admin/projections/{name}/dead-letters`, in the order
    of the log. `waiting` is the number of later events of the same stream.
    """
    async with pool.connection() as connection:
        cursor = connection.cursor(row_factory=dict_row)
        await cursor.execute(SELECT_DEAD_LETTERS, [name])
        return await cursor.fetchall()
