"""Executes queries of read models, each answer together with the place in the log that it shows.

One query is one statement, which selects the checkpoint as well. Several queries are executed in
one snapshot of the database and in one round trip. Their answer is of one moment only if their
read models have the same checkpoint, and no version was switched meanwhile.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, cast

from psycopg import AsyncConnection, AsyncCursor, sql

from domain.log_position import LogPosition
from infrastructure.postgres.pools import ReadPool

Rows = Sequence[tuple[Any, ...]]

WITH_CHECKPOINT = sql.SQL(
    """
    SELECT checkpoint.timeline, checkpoint.position, selected.*
      FROM (
               SELECT position,
                      (
                          SELECT id
                            FROM easeboard.timelines
                           ORDER BY number DESC
                           LIMIT 1
                      ) AS timeline
                 FROM easeboard.projections
                WHERE name = {model}
                  AND role = 'live'
           ) AS checkpoint
      LEFT JOIN LATERAL (
               SELECT TRUE AS is_row, list.*
                 FROM ({statement}) AS list
           ) AS selected
        ON TRUE
    """
)
"""The outer side has one row, so the rows keep the order of the inner statement."""

MANY_ROWS = 512
"""Rows that are decoded at once: more than a page has, and no more than 2 ms of work."""

MAX_PREPARED = 256
"""How many composed statements are kept; the program has about twenty."""

SELECT_CHECKPOINTS = """
SELECT name, version, position, (SELECT id FROM easeboard.timelines ORDER BY number DESC LIMIT 1)
  FROM easeboard.projections
 WHERE name = ANY(%s)
   AND role = 'live'
 ORDER BY name
"""


class ReadModelQuery(Protocol):
    """What is selected from one read model; `projections.support.query.Query` implements it."""

    @property
    def model(self) -> str:
        """The name of the read model."""

    @property
    def statement(self) -> sql.SQL | sql.Composed:
        """One SELECT with named parameters."""

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The values of the parameters."""

    @property
    def build(self) -> Callable[[Rows], Any]:
        """Returns the result of rows in the order of the statement."""

    @property
    def join(self) -> Callable[[Sequence[Any]], Any] | None:
        """Joins results of parts of the rows; None if the rows cannot be built in parts."""


class Reading(NamedTuple):
    """The results of queries, in their order, and the place in the log that they show.

    `place` is None if the results are not of one moment, or a read model has no live version.
    """

    results: tuple[Any, ...]
    place: LogPosition | None


async def read_models(pool: ReadPool, *queries: ReadModelQuery) -> Reading:
    """Execute queries of read models in one snapshot, in one round trip.

    The results are built after the connection is returned to the pool; what building raises is
    raised.
    """
    async with pool.connection() as connection:
        if len(queries) == 1:
            rows, place = await _read_one(connection, queries[0])
            rows_of_queries = [rows]
        else:
            rows_of_queries, place = await _read_together(connection, queries)
    built = [
        await _build(query, rows) for query, rows in zip(queries, rows_of_queries, strict=True)
    ]
    return Reading(tuple(built), place)


async def _build(query: ReadModelQuery, rows: Rows) -> Any:
    """Build the result of a query; between parts of a large one, other requests continue.

    It is not built in a thread: the event loop would wait for the interpreter lock all the time.
    """
    if len(rows) <= MANY_ROWS or query.join is None:
        return query.build(rows)
    parts = []
    for start in range(0, len(rows), MANY_ROWS):
        parts.append(query.build(rows[start : start + MANY_ROWS]))
        await asyncio.sleep(0)
    return query.join(parts)


async def _fetch_all(cursor: AsyncCursor[tuple[Any, ...]]) -> Rows:
    """Return all rows of a result; between parts of a large one, other requests continue."""
    rows = await cursor.fetchmany(MANY_ROWS)
    fetched = len(rows)
    while fetched == MANY_ROWS:
        await asyncio.sleep(0)
        part = await cursor.fetchmany(MANY_ROWS)
        fetched = len(part)
        rows += part
    return rows


async def _read_one(
    connection: AsyncConnection[Any], query: ReadModelQuery
) -> tuple[Rows, LogPosition | None]:
    statement = _with_checkpoint(query.model, query.statement)
    cursor = await connection.execute(statement, query.parameters, binary=True)
    rows = await _fetch_all(cursor)
    if not rows:
        return [], None
    timeline, position, is_row, *_ = rows[0]
    selected = [row[3:] for row in rows] if is_row else []
    return selected, LogPosition(timeline or 0, position)


_prepared: dict[tuple[str, int], tuple[sql.SQL | sql.Composed, bytes]] = {}
"""Statements with their checkpoint by model and identity; the statement keeps its identity."""


def _with_checkpoint(model: str, statement: sql.SQL | sql.Composed) -> bytes:
    key = (model, id(statement))
    if key not in _prepared:
        if len(_prepared) >= MAX_PREPARED:
            _prepared.clear()
        composed = WITH_CHECKPOINT.format(model=sql.Literal(model), statement=statement)
        _prepared[key] = (statement, composed.as_bytes(None))
    return _prepared[key][1]


async def _read_together(
    connection: AsyncConnection[Any], queries: Sequence[ReadModelQuery]
) -> tuple[list[Rows], LogPosition | None]:
    names = {query.model for query in queries}
    async with connection.pipeline():
        await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        checkpoints = await connection.execute(SELECT_CHECKPOINTS, [sorted(names)], binary=True)
        cursors = [
            await connection.execute(query.statement, query.parameters, binary=True)
            for query in queries
        ]
        await connection.execute("COMMIT")
        # A statement uses the views of now, and not those of the snapshot.
        later = await connection.execute(SELECT_CHECKPOINTS, [sorted(names)], binary=True)
    # After the pipeline: within it, the first result would cost a round trip of its own.
    before, after = await checkpoints.fetchall(), await later.fetchall()
    rows_of_queries = [await _fetch_all(cursor) for cursor in cursors]
    return rows_of_queries, _common_place(before, after, len(names))


def _common_place(before: Rows, after: Rows, models: int) -> LogPosition | None:
    """Return the place that all checkpoints have, unless a version was switched."""
    versions_before, versions_after = [row[:2] for row in before], [row[:2] for row in after]
    positions = {cast("int", position) for _, _, position, _ in before}
    if len(before) < models or versions_before != versions_after or len(positions) > 1:
        return None
    return LogPosition(before[0][3] or 0, positions.pop())
