"""Appends rows to the log, in one round trip."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID, uuid4

import psycopg
from psycopg.errors import DeadlockDetected, UniqueViolation

from domain.errors import PersonIsErased, VersionConflict
from infrastructure.event_store.append_statement import call_append
from infrastructure.event_store.binary_arrays import (
    encode_bigints,
    encode_byteas,
    encode_texts,
    encode_uuids,
)
from infrastructure.event_store.mapper import StoredEvent
from infrastructure.postgres.execute import execute
from infrastructure.postgres.pools import WritePool
from infrastructure.postgres.retry import with_retry

ERASED_SQLSTATE = "EB001"
"""SQLSTATE of the error that easeboard.append raises for an erased person."""

SELECT_OWN_APPEND = """
SELECT max(e.position)
  FROM easeboard.events AS e
  JOIN unnest(%s::uuid[], %s::bigint[]) AS own (stream, version) USING (stream, version)
 WHERE e.command_id = %s
"""

_UUID_PATTERN = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class AppendMetadata:
    """What is stored with all events of one append: their person, the actor and the cause.

    `command_id` identifies the append, so that a retry does not append twice.
    """

    person_id: UUID
    encrypted: bool
    actor: str
    correlation_id: str | None = None
    causation_id: UUID | None = None
    command_id: UUID = field(default_factory=uuid4)

    def to_binary(self) -> tuple[bytes | None, ...]:
        """Return the first arguments of easeboard.append, in PostgreSQL's binary format."""
        return (
            self.command_id.bytes,
            self.person_id.bytes,
            b"\x01" if self.encrypted else b"\x00",
            self.actor.encode(),
            self.correlation_id.encode() if self.correlation_id is not None else None,
            self.causation_id.bytes if self.causation_id else None,
        )


class Recorder:
    """Appends rows to easeboard.events."""

    def __init__(self, pool: WritePool) -> None:
        self._pool = pool

    def append(self, rows: Sequence[StoredEvent], metadata: AppendMetadata) -> int:
        """Append rows in order, in one transaction; returns the position of the last row.

        If the connection breaks, the append is retried; it takes effect once.

        Raises:
            VersionConflict: If another append to one of the streams was first.
            PersonIsErased: If the events must be encrypted and the person's key was destroyed.
            DatabaseBusy: If no connection becomes free in time.
            DatabaseUnavailable: If the database cannot be reached or does not respond in time.
        """
        streams, versions, topics, states, *_ = zip(*rows, strict=True)
        columns = (
            encode_uuids(streams),
            encode_bigints(versions),
            encode_texts(topics),
            encode_byteas(states),
        )
        values = *metadata.to_binary(), *columns
        try:
            return with_retry(self._pool, partial(call_append, values=values))
        except UniqueViolation as error:
            ((own_position,),) = execute(
                self._pool, SELECT_OWN_APPEND, [list(streams), list(versions), metadata.command_id]
            )
            if own_position:
                return int(own_position)
            raise VersionConflict(_conflicting_stream(error) or streams[0]) from error
        except DeadlockDetected as error:
            # An append waits only for other appends to the same streams.
            raise VersionConflict(streams[0]) from error
        except psycopg.DatabaseError as error:
            if error.sqlstate == ERASED_SQLSTATE:
                raise PersonIsErased(metadata.person_id) from error
            raise


def _conflicting_stream(error: UniqueViolation) -> UUID | None:
    match = _UUID_PATTERN.search(error.diag.message_detail or "")
    return UUID(match[0]) if match else None
