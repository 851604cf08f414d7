"""Queries for who checks the log: signed checkpoints, the proof of one event, the public keys."""

from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

import orjson

from domain.history_access import HistoryAccess
from domain.sync import Sync
from infrastructure.event_store.stream_positions import fetch_rows, is_connection_stream
from infrastructure.postgres.pools import ReadPool
from infrastructure.seals.entry import decode_entry
from infrastructure.seals.event_proofs import proof_of
from infrastructure.seals.log_entries import find_entry
from infrastructure.seals.seal_keys import verifier_keys
from infrastructure.seals.seal_store import MAX_SIZE, SealedCheckpoint, checkpoints
from infrastructure.seals.signed_checkpoint import encode_hash
from infrastructure.seals.signed_note import split_note
from projections.support.json_documents import format_rfc3339
from projections.support.page import (
    Page,
    decode_cursor,
    encode_cursor,
    parse_position_key,
)

SELECT_CONNECTIONS = """
SELECT stream
  FROM easeboard.events
 WHERE topic = 'ConnectionOpened'
   AND person_id = %(person)s
"""


class EventUnknown(Exception):
    """There is no event with this id."""

    def __init__(self, event_id: UUID) -> None:
        super().__init__(f"There is no event with the id {event_id}.")


class NotSealedYet(Exception):
    """No signed checkpoint covers what is asked for; one does within seconds."""


class FoundEvent(NamedTuple):
    """An event of the log: whose it is, and the connection that its stream belongs to, if any."""

    event_id: UUID
    person_id: UUID
    connection_id: UUID | None


@dataclass(frozen=True, slots=True)
class LogProofs:
    """The queries; they record nothing."""

    pool: ReadPool

    async def signed_checkpoints(self, *, cursor: str | None = None, limit: int = 100) -> Page:
        """Return a page of the signed checkpoints, the newest first.

        Raises: BadCursor if the cursor does not belong to this list.
        """
        [before] = decode_cursor(cursor, parse_position_key)
        found = await checkpoints(self.pool, before_size=before or MAX_SIZE, limit=limit + 1)
        shown = found[:limit]
        has_more = len(found) > limit
        return Page(
            [_encode_checkpoint(each) for each in shown],
            encode_cursor(shown[-1].size) if has_more else None,
        )

    async def find_event(self, event_id: UUID) -> FoundEvent:
        """Return whose an event is.

        Raises: EventUnknown.
        """
        async with self.pool.connection() as connection:
            found = await find_entry(connection, event_id)
        if found is None:
            raise EventUnknown(event_id)
        entry = decode_entry(found[1])
        connection_id = await self._connection_of(entry.stream, entry.person_id)
        return FoundEvent(event_id, entry.person_id, connection_id)

    async def proof_text(self, event_id: UUID) -> bytes:
        """Return the `.tlog-proof` file of an event; its `extra` line has the entry.

        Raises: EventUnknown; NotSealedYet; EventChanged, TilesMissing if the database was changed.
        """
        found = await proof_of(self.pool, event_id)
        if found is None:
            await self.find_event(event_id)
            raise NotSealedYet
        return found.proof._replace(extra=found.entry).text()

    async def key_lines(self) -> str:
        """Return the public keys of the log, a C2SP vkey on each line.

        Raises: NotSealedYet before the first checkpoint.
        """
        keys = await verifier_keys(self.pool)
        if not keys:
            raise NotSealedYet
        return "".join(f"{key}\n" for key in keys)

    async def _connection_of(self, stream: UUID, person_id: UUID) -> UUID | None:
        if await is_connection_stream(self.pool, stream):
            return stream
        rows = await fetch_rows(self.pool, SELECT_CONNECTIONS, {"person": person_id})
        for (connection_id,) in rows:
            if stream in {Sync.id_for(connection_id), HistoryAccess.id_for(connection_id)}:
                return UUID(str(connection_id))
        return None


def _encode_checkpoint(checkpoint: SealedCheckpoint) -> bytes:
    text, lines = split_note(checkpoint.note)
    origin = text.decode().partition("\n")[0]
    return orjson.dumps(
        {
            "size": checkpoint.size,
            "last_position": checkpoint.last_position,
            "root": encode_hash(checkpoint.root),
            "sealed_at": format_rfc3339(checkpoint.sealed_at),
            "note": checkpoint.note.decode(),
            "cosigners": list(dict.fromkeys(line.name for line in lines if line.name != origin)),
        }
    )
