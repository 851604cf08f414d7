"""Reads the rows of a connection as they are stored, with their entries, page by page."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import LiteralString, NamedTuple
from uuid import UUID

from infrastructure.event_store.mapper import EventRow
from infrastructure.event_store.stream_positions import fetch_rows
from infrastructure.postgres.pools import ReadPool
from infrastructure.seals.log_entries import ENTRY

PAGE_ROWS = 256
MAX_PAGE_BYTES = 4 * 1024 * 1024
"""Bytes of the states of a page, after its first row."""

SELECT_ROWS: LiteralString = f"""
SELECT stream, version, topic, state, recorded_at, person_id, position,
       event_id, actor, correlation_id, causation_id, {ENTRY}
  FROM (
           SELECT chosen.*,
                  sum(octet_length(state)) OVER (ORDER BY position ROWS UNBOUNDED PRECEDING)
                      - octet_length(state) AS bytes_before
             FROM (
                      SELECT own.*
                        FROM unnest(%(streams)s::uuid[], %(after)s::bigint[])
                             AS part (of_stream, after_version)
                       CROSS JOIN LATERAL (
                                 SELECT *
                                   FROM easeboard.events AS event
                                  WHERE event.stream = part.of_stream
                                    AND event.version > part.after_version
                                  ORDER BY event.version
                                  LIMIT %(limit)s
                             ) AS own
                       ORDER BY own.position
                       LIMIT %(limit)s
                  ) AS chosen
       ) AS page
 WHERE bytes_before < %(max_bytes)s
 ORDER BY position
"""  # noqa: S608  # no value is in it


class ExportedRow(NamedTuple):
    """A row of the log with its stored state, and its entry in the tree."""

    stream: UUID
    version: int
    topic: str
    state: bytes
    recorded_at: datetime
    person_id: UUID
    position: int
    event_id: UUID
    actor: str
    correlation_id: str | None
    causation_id: UUID | None
    entry: bytes

    @property
    def event_row(self) -> EventRow:
        """The columns that the mapper needs."""
        return self[:7]


@dataclass(frozen=True, slots=True)
class ExportedRows:
    """The rows of some streams up to a position, in the order of the log."""

    pool: ReadPool
    streams: Sequence[UUID]
    up_to: int

    async def pages(self) -> AsyncIterator[list[ExportedRow]]:
        """Yield all rows in pages; no connection of the pool is held between them."""
        after = dict.fromkeys(self.streams, 0)
        while True:
            rows = await self._read(after)
            page = [row for row in rows if row.position <= self.up_to]
            if page:
                yield page
            if not rows or len(page) < len(rows):
                return
            after.update((row.stream, row.version) for row in page)

    async def _read(self, after: dict[UUID, int]) -> list[ExportedRow]:
        parameters = {
            "streams": list(after),
            "after": list(after.values()),
            "limit": PAGE_ROWS,
            "max_bytes": MAX_PAGE_BYTES,
        }
        rows = await fetch_rows(self.pool, SELECT_ROWS, parameters)
        return [ExportedRow(*row)._replace(recorded_at=row[4].astimezone(UTC)) for row in rows]
