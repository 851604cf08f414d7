"""The queries of who read what about whom: of all people for auditors, of oneself for a student."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from psycopg import sql

from domain.history_access import HistoryAccess, ListAccess
from domain.log_position import LogPosition
from infrastructure.event_store.mapper import Mapper
from infrastructure.event_store.mark_waiter import MarkWaiter
from infrastructure.event_store.stream_positions import fetch_rows
from infrastructure.postgres.pools import ReadPool
from interfaces.queries.audit_history import LogReading
from interfaces.queries.own_readings import SEARCHED_READINGS
from projections.support.json_documents import format_rfc3339
from projections.support.page import Page, decode_cursor, encode_cursor, parse_position_key

Row = tuple[Any, ...]

SELECT_READINGS = sql.SQL(
    """
    SELECT stream, version, topic, state, recorded_at, person_id, position, actor
      FROM easeboard.events
     WHERE topic IN ('HistoryRead', 'ConnectionsListed')
       AND position <= %(up_to)s
       {condition}
     ORDER BY position DESC
     LIMIT %(limit)s
    """
)

OF_ALL = SELECT_READINGS.format(condition=sql.SQL("AND position > 0"))
OF_READER = SELECT_READINGS.format(condition=sql.SQL("AND actor = %(reader)s"))
OF_CONNECTION = SELECT_READINGS.format(
    condition=sql.SQL(
        """
        AND person_id = (
                SELECT opened.person_id
                  FROM easeboard.events AS opened
                 WHERE opened.stream = %(connection)s
                   AND opened.version = 1
            )
        AND stream = %(stream)s
        AND (%(reader)s::text IS NULL OR actor = %(reader)s)
        """
    )
)
OF_PERSON = SELECT_READINGS.format(
    condition=sql.SQL("AND person_id = %(person)s AND stream <> %(own_lists)s")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedReadings:
    """The queries of recorded readings, newest first. They record nothing."""

    pool: ReadPool
    mapper: Mapper
    marks: MarkWaiter

    async def readings(
        self,
        *,
        at: LogPosition | None = None,
        reader: str | None = None,
        connection_id: UUID | None = None,
        since: datetime | None = None,
        cursor: str | None = None,
        limit: int = 100,
        asked_by: str | None = None,
    ) -> LogReading[Page]:
        """Return a page of the readings of one reader or all, about one connection or all.

        `since` ends the list before the newest reading that is older. The basis of the first page
        does not depend on the lists that `asked_by` has read, as each reading of this list is one.

        Raises: BadCursor if the cursor does not belong to this list.
        """
        statement = OF_CONNECTION if connection_id else OF_READER if reader else OF_ALL
        parameters = {
            "reader": reader,
            "connection": connection_id,
            "stream": HistoryAccess.id_for(connection_id) if connection_id else None,
        }
        wanted = max(limit + 1, SEARCHED_READINGS) if cursor is None else limit + 1
        rows, place = await self._read(statement, parameters, at, cursor, wanted)
        page = self._page(_since(rows, since), limit, _reading_document)
        others = (
            row[6] for row in rows if not (row[2] == "ConnectionsListed" and row[7] == asked_by)
        )
        basis = b"%d" % next(others, 0) if cursor is None and asked_by else None
        return LogReading((await page)._replace(basis=basis), place)

    async def disclosures_of(
        self,
        person_id: UUID,
        *,
        at: LogPosition | None = None,
        since: datetime | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> LogReading[Page]:
        """Return a page of who read the data of a person, when, and for which purpose.

        It has the readings of the histories of their connections, and those lists that a filter
        restricted to this person. `since` ends the list before the newest reading that is older.

        Raises: BadCursor if the cursor does not belong to this list.
        """
        parameters = {"person": person_id, "own_lists": ListAccess.id_for(person_id)}
        rows, place = await self._read(OF_PERSON, parameters, at, cursor, limit + 1)
        page = await self._page(_since(rows, since), limit, _disclosure_document)
        return LogReading(page, place)

    async def _read(
        self,
        statement: sql.Composed,
        parameters: dict[str, Any],
        at: LogPosition | None,
        cursor: str | None,
        limit: int,
    ) -> tuple[list[Row], LogPosition]:
        [before] = decode_cursor(cursor, parse_position_key)
        at = at or await self.marks.settled_place()
        up_to = at.position if before is None else min(before - 1, at.position)
        values = parameters | {"up_to": up_to, "limit": limit}
        return await fetch_rows(self.pool, statement, values), at

    async def _page(self, rows: Sequence[Row], limit: int, to_document: Any) -> Page:
        shown = rows[:limit]
        # The mapper may read keys from the database, which blocks.
        payloads = await asyncio.to_thread(self.mapper.to_payloads, [row[:7] for row in shown])
        items = [
            orjson.dumps(to_document(row, payload))
            for row, payload in zip(shown, payloads, strict=True)
        ]
        return Page(items, encode_cursor(shown[-1][6]) if len(rows) > limit else None)


def _since(rows: list[Row], since: datetime | None) -> list[Row]:
    """Return the rows before the first one that is older; they are sorted, the newest first."""
    if since is None:
        return rows
    end = next((nth for nth, row in enumerate(rows) if row[4] < since), len(rows))
    return rows[:end]


def _disclosure_document(row: Row, payload: dict[str, Any]) -> dict[str, Any]:
    _, _, _, _, recorded_at, _, position, actor = row
    return {
        "position": position,
        "read_at": format_rfc3339(recorded_at.astimezone(UTC)),
        "reader": payload.get("reader", actor),
        "connection_id": payload.get("connection_id"),
        "what": payload.get("what"),
        "purpose": payload.get("purpose"),
    }


def _reading_document(row: Row, payload: dict[str, Any]) -> dict[str, Any]:
    stream, person_id = row[0], row[5]
    document = _disclosure_document(row, payload)
    # A list of many people is recorded as one about its reader.
    is_of_many = stream == ListAccess.id_for(person_id)
    what, purpose = document.pop("what"), document.pop("purpose")
    user_id = None if is_of_many else person_id
    return document | {"user_id": user_id, "what": what, "purpose": purpose}
