"""The state and progress of every read model, for administrators."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from psycopg.rows import class_row, dict_row
from psycopg_pool import AsyncConnectionPool

from infrastructure.projection_engine.version_locks import REBUILD_LEASE_SECONDS

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
       (
           SELECT letter.error
             FROM easeboard.dead_letters AS letter
            WHERE letter.projection = live.name
              AND letter.version = live.version
            ORDER BY letter.position
            LIMIT 1
       ) AS letter_error,
       (
           SELECT string_agg(kept.version || ': ' || kept.dependents, '; ' ORDER BY kept.version)
             FROM easeboard.projections AS kept
            WHERE kept.name = live.name
              AND kept.dependents IS NOT NULL
       ) AS kept_versions,
       (
           SELECT format(
                      'a sample of %%s people is not what the event log gives:'
                      ' easeboard projections verify %%s lists the differences', people, live.name
                  )
             FROM easeboard.projection_samples AS sample
            WHERE sample.name = live.name
              AND sample.differences > 0
              AND sample.checked_at > greatest(
                      live.began_at,
                      CASE WHEN live.verified_result = 'ok' THEN live.verified_at END
                  )
       ) AS sample_error,
       live.paused_at,
       CASE WHEN owners.until >= clock_timestamp() THEN owners.owner END AS owner,
       live.verified_at, live.verified_position, live.verified_digest, live.verified_result,
       building.version AS building, building.position AS done,
       building.error AS building_error,
       building.builder_seen_at
           > clock_timestamp() - make_interval(secs => %(rebuild_seconds)s) AS is_alive,
       (building.position - building.began_from) / nullif(
           extract(epoch FROM building.moved_at - building.began_at)::float8, 0
       ) AS building_rate
  FROM easeboard.projections AS live
  LEFT JOIN easeboard.projections AS building
    ON building.name = live.name
   AND building.role = 'building'
  LEFT JOIN easeboard.projection_owners AS owners
    ON owners.name = live.name,
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

SELECT_OWNERSHIP = """
SELECT owners.name,
       unowned_seconds + greatest(
           0, extract(epoch FROM clock_timestamp() - until)::float8
       ) AS unowned_seconds,
       coalesce(sample.differences, 0) AS sample_differences
  FROM easeboard.projection_owners AS owners
  LEFT JOIN easeboard.projections AS live
    ON live.name = owners.name
   AND live.role = 'live'
  LEFT JOIN easeboard.projection_samples AS sample
    ON sample.name = owners.name
   AND sample.checked_at > greatest(
           live.began_at, CASE WHEN live.verified_result = 'ok' THEN live.verified_at END
       )
 ORDER BY name
"""


async def projection_status(pool: AsyncConnectionPool) -> list[dict[str, Any]]:
    """Return a dict for each read model, by name, in the shape of `GET /api/v1/admin/projections`.

    `lag_seconds` is the age of the oldest event that is not applied yet. `owner` is the process
    that applies events, as long as its lease lasts. `error` has every reason why
    something is not as it should be. `rebuild.done` and `rebuild.total` are positions of the log.
    """
    async with pool.connection() as connection:
        cursor = connection.cursor(row_factory=dict_row)
        await cursor.execute(SELECT_STATUS, {"rebuild_seconds": REBUILD_LEASE_SECONDS})
        return [_row(row) async for row in cursor]


def _row(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": row["name"],
        "version": row["version"],
        "state": _state(row),
        "error": "; ".join(_reasons(row)) or None,
        "position": row["position"],
        "head": row["head"],
        "lag_events": row["lag_events"],
        "lag_seconds": round(max(0.0, row["lag_seconds"] or 0.0), 3),
        "events_per_second": round(row["rate"], 1),
        "dead_letters": row["dead_letters"],
        "owner": row["owner"],
        "verified": _verified(row) if row["verified_at"] else None,
        "rebuild": _rebuild_status(row) if row["building"] else None,
    }


def _state(row: dict[str, Any]) -> str:
    if row["paused_at"]:
        return "paused"
    return "failing" if row["error"] else "live"


def _reasons(row: dict[str, Any]) -> Iterator[str]:
    if row["error"]:
        yield row["error"]
    if row["dead_letters"]:
        yield f"{row['dead_letters']} set aside, the first: {row['letter_error']}"
    if row["building_error"]:
        yield f"the rebuild failed: {row['building_error']}"
    if row["sample_error"]:
        yield row["sample_error"]
    if row["kept_versions"]:
        yield f"objects of others use version {row['kept_versions']}"


def _verified(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "at": row["verified_at"],
        "position": row["verified_position"],
        "digest": row["verified_digest"],
        "result": row["verified_result"],
    }


def _rebuild_status(row: dict[str, Any]) -> dict[str, Any]:
    total, rate = max(row["head"], row["done"]), row["building_rate"]
    return {
        "state": "running" if row["is_alive"] else "interrupted",
        "done": row["done"],
        "total": total,
        "eta_seconds": round((total - row["done"]) / rate, 1) if rate and rate > 0 else None,
    }


class OwnershipStatus(NamedTuple):
    """A read model, for metrics.

    `unowned_seconds` is the time that it was without an owner since the installation.
    `sample_differences` are the people and events of the last sample that were not as in the log.
    """

    name: str
    unowned_seconds: float
    sample_differences: int


async def ownership_status(pool: AsyncConnectionPool) -> list[OwnershipStatus]:
    """Return how long each read model was without an owner, and what the last sample found."""
    async with pool.connection() as connection:
        cursor = connection.cursor(row_factory=class_row(OwnershipStatus))
        await cursor.execute(SELECT_OWNERSHIP)
        return await cursor.fetchall()


async def dead_letters_of(pool: AsyncConnectionPool, name: str | None) -> list[dict[str, Any]]:
    """Return the dead letters of the live version of a read model; of all without a `name`.

    Each is a dict in the shape of `GET /api/v1/admin/projections/{name}/dead-letters`, in the order
    of the log. `waiting` is the number of later events of the same stream.
    """
    async with pool.connection() as connection:
        cursor = connection.cursor(row_factory=dict_row)
        await cursor.execute(SELECT_DEAD_LETTERS, [name])
        return await cursor.fetchall()
