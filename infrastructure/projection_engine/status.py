"""The state and progress of every read model, for administrators."""

from typing import Any

from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

NOT_RECORDED_YET = {"dead_letters": 0, "owner": None}
"""Members of the contract without a source yet: events are never set aside as dead letters, and
no row records which process applies events to a read model."""


async def projection_status(pool: AsyncConnectionPool) -> list[dict[str, Any]]:
    """Return a dict for each read model, by name, in the shape of `GET /api/v1/admin/projections`.

    `lag_seconds` is the age of the oldest event that is not applied yet. `rebuild.done` and
    `rebuild.total` are positions of the log.
    """
    async with pool.connection() as connection:
        cursor = connection.cursor(row_factory=dict_row)
        await cursor.execute(
            """
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
        )
        return [_row(row) async for row in cursor]


def _row(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": row["name"],
        "version": row["version"],
        "state": "failing" if row["error"] else "live",
        "position": row["position"],
        "head": row["head"],
        "lag_events": row["lag_events"],
        "lag_seconds": round(max(0.0, row["lag_seconds"] or 0.0), 3),
        "events_per_second": round(row["rate"], 1),
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
