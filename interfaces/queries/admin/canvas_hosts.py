"""The list of all Canvas hosts for admins: their circuits, connections and jobs."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, LiteralString

import orjson
from psycopg.rows import dict_row

from domain.circuit_breaker import CircuitBreaker
from infrastructure.postgres.pools import ReadPool
from interfaces.queries.admin.host_names import host_of
from projections.support.page import (
    Page,
    build_page,
    decode_cursor,
    parse_position_key,
    parse_text_key,
    rows_to_fetch,
)

MAX_COUNTED = 10_000
"""Connections of a host that are counted of each kind, so that a page is read in bounded time."""

SELECT_HOSTS: LiteralString = """
WITH RECURSIVE healthy (origin) AS (
    (SELECT origin FROM read.sync_standings WHERE failed_runs = 0 ORDER BY origin LIMIT 1)
     UNION ALL
    SELECT (
               SELECT origin
                 FROM read.sync_standings
                WHERE failed_runs = 0
                  AND origin > healthy.origin
                ORDER BY origin
                LIMIT 1
           )
      FROM healthy
     WHERE healthy.origin IS NOT NULL
), failing (origin) AS (
    (SELECT origin FROM read.sync_standings WHERE failed_runs > 0 ORDER BY origin LIMIT 1)
     UNION ALL
    SELECT (
               SELECT origin
                 FROM read.sync_standings
                WHERE failed_runs > 0
                  AND origin > failing.origin
                ORDER BY origin
                LIMIT 1
           )
      FROM failing
     WHERE failing.origin IS NOT NULL
), listed AS (
    SELECT CASE
               WHEN host.open_until IS NOT NULL THEN 0
               WHEN host.failures > 0 THEN 1
               ELSE 2
           END AS rank, origin, host.failures, host.openings, host.open_until, host.is_probed,
           host.failing_since, host.failed_at
      FROM (
               SELECT origin FROM healthy
                UNION
               SELECT origin FROM failing
                UNION
               SELECT origin FROM easeboard.canvas_hosts
           ) AS origins
      LEFT JOIN easeboard.canvas_hosts AS host USING (origin)
     WHERE origin IS NOT NULL
), page AS (
    SELECT *
      FROM listed
     WHERE (rank, origin) > (%(rank)s, %(origin)s)
     ORDER BY rank, origin
     LIMIT %(limit)s
), jobs AS (
    SELECT regexp_replace(lock, '/[0-9]+$', '') AS origin,
           count(*) FILTER (WHERE status = 'todo') AS queued,
           count(*) FILTER (WHERE status = 'doing') AS running
      FROM procrastinate.procrastinate_jobs
     WHERE status IN ('todo', 'doing')
       AND lock IS NOT NULL
     GROUP BY 1
)
SELECT page.*, jobs.queued, jobs.running,
       (
           SELECT count(*)
             FROM (
                      SELECT
                        FROM read.sync_standings
                       WHERE failed_runs = 0
                         AND origin = page.origin
                       ORDER BY connection_id
                       LIMIT %(most)s
                  ) AS healthy_ones
       ) AS healthy_connections,
       (
           SELECT jsonb_agg(
                      jsonb_build_object('code', error_code, 'connections', connections)
                      ORDER BY connections DESC, error_code
                  )
             FROM (
                      SELECT error_code, count(*) AS connections
                        FROM (
                                 SELECT error_code
                                   FROM read.sync_standings
                                  WHERE failed_runs > 0
                                    AND origin = page.origin
                                  ORDER BY partial, -failed_runs, failing_since, connection_id
                                  LIMIT %(most)s
                             ) AS failing_ones
                       GROUP BY error_code
                  ) AS codes
       ) AS codes
  FROM page
  LEFT JOIN jobs USING (origin)
 ORDER BY rank, origin
"""
"""The recursive parts read one entry of an index for each host, not one for each connection."""


@dataclass(frozen=True, slots=True)
class CanvasHosts:
    """The Canvas hosts of all connections, and those with recent failures."""

    pool: ReadPool

    async def page(self, *, cursor: str | None = None, limit: int) -> Page:
        """Return a page of hosts: first those that do not respond, then by address.

        Raises: BadCursor if the cursor does not belong to this list.
        """
        rank, origin = decode_cursor(cursor, parse_position_key, parse_text_key)
        parameters = {
            "rank": -1 if rank is None else min(rank, 2**31 - 1),
            "origin": origin or "",
            "limit": rows_to_fetch(limit),
            "most": MAX_COUNTED,
        }
        async with (
            self.pool.connection() as connection,
            connection.cursor(row_factory=dict_row) as rows,
        ):
            await rows.execute(SELECT_HOSTS, parameters)
            found = [((row["rank"], row["origin"]), row) for row in await rows.fetchall()]
        now = datetime.now(UTC)
        return build_page(found, limit, lambda each: _encode(each[1], now), lambda each: each[0])


def host_document(row: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Return an item of `GET /api/v1/admin/hosts`."""
    codes = row["codes"] or []
    failing = sum(each["connections"] for each in codes)
    breaker = CircuitBreaker(
        row["failures"] or 0, row["openings"] or 0, row["open_until"], bool(row["is_probed"])
    )
    return {
        "canvas_url": row["origin"],
        "host": host_of(row["origin"]),
        "circuit": breaker.state(now),
        "failures": breaker.failures,
        "openings": breaker.openings,
        "failing_since": row["failing_since"],
        "last_failed_at": row["failed_at"],
        "next_try_at": breaker.open_until,
        "connections": row["healthy_connections"] + failing,
        "failing_connections": failing,
        "codes": codes,
        "queued": row["queued"] or 0,
        "running": row["running"] or 0,
    }


def _encode(row: dict[str, Any], now: datetime) -> bytes:
    return orjson.dumps(host_document(row, now), option=orjson.OPT_UTC_Z)
