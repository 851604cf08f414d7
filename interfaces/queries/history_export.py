"""The whole history of a connection as lines of JSON, with proofs, page by page."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import NamedTuple
from uuid import UUID

from domain.errors import ConnectionNotFound
from infrastructure.event_store.encryption import Opening
from infrastructure.event_store.errors import EventUnreadable
from infrastructure.event_store.mapper import EventRow, Mapper
from infrastructure.event_store.stream_positions import (
    fetch_rows,
    is_connection_stream,
    newest_position,
    stream_ends,
)
from infrastructure.postgres.pools import ReadPool
from infrastructure.seals.event_proofs import EventChanged
from infrastructure.seals.exports.export_lines import ExportHeader, ExportSummary, event_line
from infrastructure.seals.exports.exported_rows import ExportedRow, ExportedRows
from infrastructure.seals.exports.proof_paths import ProofPaths
from infrastructure.seals.seal_keys import verifier_keys
from infrastructure.seals.seal_store import SealedCheckpoint, indexes_of, newest_checkpoint
from interfaces.queries.audit_history import history_streams
from interfaces.queries.history_pages import STREAM_NAMES
from interfaces.queries.log_proofs import NotSealedYet

SEAL_WAIT_SECONDS = 3.0
SEAL_POLL_SECONDS = 0.1

COUNT_NOT_SEALED = """
SELECT count(*)
  FROM unnest(%(streams)s::uuid[]) AS part (stream)
 CROSS JOIN LATERAL (
           SELECT position
             FROM easeboard.events AS event
            WHERE event.stream = part.stream
            ORDER BY event.version DESC
            LIMIT %(limit)s
       ) AS newest
 WHERE position > %(sealed)s
   AND position <= %(end)s
"""
COUNTED_EVENTS = 10_000
"""Of so many newest events of each stream, those that are not sealed are counted."""


class _Prepared(NamedTuple):
    """What the line of an event needs beside its row."""

    row: ExportedRow
    entry_index: int
    path: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class HistoryExport:
    """An export of one connection, which ends at the event that was its newest one.

    It is made before its reading is recorded, and read afterwards: so the export does not have its
    own record.
    """

    pool: ReadPool
    mapper: Mapper
    connection_id: UUID
    end: int

    async def count(self) -> int:
        """Return the number of events that it has, if all of them are sealed."""
        ends = await stream_ends(self.pool, history_streams(self.connection_id), self.end)
        return sum(end.version for end in ends.values())

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield the lines of the export, many at once; the first chunk is the header alone.

        It waits at most SEAL_WAIT_SECONDS until a checkpoint covers the newest event.

        Raises: NotSealedYet before the first chunk if there is no checkpoint; EventChanged if a
        row is not in its place in the tree; TilesMissing; the errors of psycopg.
        """
        streams = history_streams(self.connection_id)
        names = dict(zip(streams, STREAM_NAMES, strict=True))
        checkpoint = await self._covering_checkpoint()
        keys = await verifier_keys(self.pool)
        yield ExportHeader(
            connection_id=self.connection_id,
            streams={name: stream for stream, name in names.items()},
            log=keys[0].name,
            keys=keys,
            note=checkpoint.note,
            exported_at=datetime.now(UTC),
        ).line()
        paths, summary = ProofPaths(self.pool, checkpoint.size), ExportSummary()
        up_to = min(self.end, checkpoint.last_position)
        async for page in ExportedRows(self.pool, streams, up_to).pages():
            prepared = await self._prepare(page, paths)
            yield await asyncio.to_thread(self._encode, prepared, names, summary)
        yield summary.line(await self._count_not_sealed(streams, up_to))

    async def _covering_checkpoint(self) -> SealedCheckpoint:
        """Return the newest checkpoint, when it covers the end or the time is over."""
        deadline = monotonic() + SEAL_WAIT_SECONDS
        while True:
            newest = await newest_checkpoint(self.pool)
            if newest and newest.last_position >= self.end:
                return newest
            if monotonic() > deadline:
                if newest is None:
                    raise NotSealedYet
                return newest
            await asyncio.sleep(SEAL_POLL_SECONDS)

    async def _prepare(self, page: Sequence[ExportedRow], paths: ProofPaths) -> list[_Prepared]:
        indexes = await indexes_of(self.pool, [row.position for row in page])
        try:
            ordered = [indexes[row.position] for row in page]
            found = await paths.paths(ordered)
        except (KeyError, ValueError) as error:
            raise EventChanged(
                "Events were added or removed after they were sealed: `easeboard audit verify`"
                " finds which."
            ) from error
        return [
            _Prepared(row, index, path)
            for row, index, path in zip(page, ordered, found, strict=True)
        ]

    def _encode(
        self, page: Sequence[_Prepared], names: dict[UUID, str], summary: ExportSummary
    ) -> bytes:
        rows = [each.row.event_row for each in page]
        payloads = self.mapper.to_payloads(rows)
        lines = []
        for each, payload, opening in zip(page, payloads, self._openings(rows), strict=True):
            name = names[each.row.stream]
            summary.count(name, each.row)
            lines.append(
                event_line(
                    each.row,
                    stream=name,
                    payload=payload,
                    opening=opening,
                    index=each.entry_index,
                    path=each.path,
                )
            )
        return b"".join(lines)

    def _openings(self, rows: Sequence[EventRow]) -> list[Opening | None]:
        """Return the openings of rows; None for one that cannot be decrypted."""
        try:
            return self.mapper.open_states(rows)
        except EventUnreadable:
            return [self._opening(row) for row in rows]

    def _opening(self, row: EventRow) -> Opening | None:
        try:
            return self.mapper.open_state(row)
        except EventUnreadable:
            return None

    async def _count_not_sealed(self, streams: Sequence[UUID], sealed: int) -> int:
        parameters = {
            "streams": list(streams),
            "sealed": sealed,
            "end": self.end,
            "limit": COUNTED_EVENTS,
        }
        rows = await fetch_rows(self.pool, COUNT_NOT_SEALED, parameters)
        return int(rows[0][0])


@dataclass(frozen=True, slots=True)
class HistoryExports:
    """Makes exports."""

    pool: ReadPool
    mapper: Mapper

    async def export(self, connection_id: UUID) -> HistoryExport:
        """Return an export of a connection up to its newest event.

        Raises: ConnectionNotFound if no such connection was ever opened.
        """
        if not await is_connection_stream(self.pool, connection_id):
            raise ConnectionNotFound(connection_id)
        end = await newest_position(self.pool, history_streams(connection_id))
        return HistoryExport(self.pool, self.mapper, connection_id, end)
