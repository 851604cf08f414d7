"""Appends rows to the log: alone in one round trip, or in a transaction with other changes."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple
from uuid import UUID, uuid4

import psycopg

from domain.errors import PersonIsErased, TooManyConnections, VersionConflict
from domain.log_position import LogPosition
from infrastructure.event_store.append_statement import call_append, call_appends
from infrastructure.event_store.binary_arrays import (
    encode_bigints,
    encode_byteas,
    encode_ids,
    encode_optional_ids,
    encode_texts,
    encode_uuids,
)
from infrastructure.event_store.mapper import StoredEvent
from infrastructure.postgres.errors import ConnectionLost, DatabaseReadOnly, DatabaseUnavailable
from infrastructure.postgres.execute import SecretStatement, execute
from infrastructure.postgres.pools import WritePool
from infrastructure.postgres.retry import with_retry
from infrastructure.postgres.timeouts import TimedConnection

REFUSALS = ("23505", "40P01", "EB001", "EB002", "EB003", "EB004", "EB016")
"""SQLSTATEs of refused appends.

They are for a version or a key that exists, for a deadlock with other appends to the same streams,
for an erased person, for a caller that knows another timeline or a key that the database lacks, for
a stream that has no event before the new ones, for a secret under a closed master key, and for a
person who has as many connections as one may have.
"""

SELECT_TIMELINE = "SELECT easeboard.current_timeline()"

# A state is encrypted with a random nonce, so only this very append has these states.
SELECT_OWN_APPEND = """
SELECT max(e.position), easeboard.current_timeline()
  FROM easeboard.events AS e
  JOIN unnest(%s::uuid[], %s::bigint[], %s::bytea[]) AS own (stream, version, state)
 USING (stream, version, state)
 WHERE e.command_id = %s
"""

KEY_TABLE = "people_keys"

_UUID_PATTERN = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class AppendMetadata:
    """What is stored with all events of one append: their person, the actor and the cause.

    Without a correlation, the events continue the chain of the event before them in their stream:
    they get its correlation, and it is their cause if no other one is given.
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


class Append(NamedTuple):
    """Rows that are appended together, at one time, with the same metadata."""

    rows: Sequence[StoredEvent]
    metadata: AppendMetadata
    event_ids: Sequence[bytes]
    """The ids of the events."""
    causes: Sequence[bytes | None] | None = None
    """The ids of the events that caused them; for None, the causation of the metadata."""

    def to_binary(self, timeline: int | None) -> tuple[bytes | None, ...]:
        """Return the arguments of easeboard.append, in PostgreSQL's binary format."""
        streams, versions, topics, states, *_ = zip(*self.rows, strict=True)
        return (
            *self.metadata.to_binary(),
            encode_uuids(streams),
            encode_bigints(versions),
            encode_texts(topics),
            encode_byteas(states),
            encode_ids(self.event_ids),
            encode_optional_ids(self.causes) if self.causes else None,
            timeline.to_bytes(8) if timeline is not None else None,
        )


class MemoryOutdated(Exception):
    """The log is on another timeline than this process knew, as after a failover or a restore.

    Whatever the process remembers of the log, such as keys, must be read again.
    """


class MasterKeyClosed(Exception):
    """A secret is encrypted with a master key that another one has replaced: use that one."""


class KeyExists(Exception):
    """Another append has created the key of the person first: encrypt with that one."""


class GroupRefused(Exception):
    """An append of a group was refused, so none has taken effect unless it had before a retry."""


class Recorder:
    """Appends rows to easeboard.events."""

    def __init__(self, pool: WritePool) -> None:
        self._pool = pool
        self._timeline: int | None = None

    def timeline(self) -> int:
        """Return the timeline that this process knows; the database is asked if it knows none."""
        timeline = self._timeline
        if timeline is None:
            ((timeline,),) = execute(self._pool, SELECT_TIMELINE)
            self._timeline = timeline
        return int(timeline)

    def forget(self) -> None:
        """Read the timeline again when it is needed next."""
        self._timeline = None

    def append(
        self,
        appends: Sequence[Append],
        changes: Sequence[SecretStatement] = (),
        timeline: int | None = None,
    ) -> LogPosition:
        """Append in order, and make the changes, in one transaction; returns the last place.

        `timeline` is the one on which the caller has read what it decided by; None for any. If the
        connection breaks, the transaction is retried; it takes effect once.

        Raises:
            VersionConflict: If another append to one of the streams was first.
            TooManyConnections: If a change refuses another connection of the person.
            PersonIsErased: If the events must be encrypted and the person's key was destroyed.
            MemoryOutdated: If the log is on another timeline.
            MasterKeyClosed: If a change has a secret under a master key that was replaced.
            KeyExists: If a change creates a key that exists.
            DatabaseBusy: If no connection becomes free in time.
            DatabaseUnavailable: If the database cannot be reached or does not respond in time.
        """
        values = [append.to_binary(timeline) for append in appends]
        work = partial(_append_with_changes, values=values, changes=changes)
        if len(values) == 1 and not changes:
            work = partial(call_append, values=values[0])
        last = appends[-1]
        try:
            return with_retry(self._pool, work)
        except psycopg.DatabaseError as error:
            if error.sqlstate not in REFUSALS:
                raise
            # The refused attempt may be the second one, after the response to the first was lost.
            place = self._own_place(last)
            if place is None:
                raise _translate(error, last) from error
            return place

    def append_group(self, appends: Sequence[tuple[Append, int]]) -> list[LogPosition]:
        """Append several times in one transaction; returns the place of each.

        Each has the timeline on which its caller has read. If the connection breaks, the group is
        retried, but not more: whoever is refused must append the same rows again, alone.

        Raises: GroupRefused if one is refused or waits for a lock; DatabaseBusy or
        DatabaseUnavailable as `append` does, and then it may have taken effect.
        """
        values = [append.to_binary(timeline) for append, timeline in appends]
        try:
            return with_retry(self._pool, partial(call_appends, values=values))
        except (ConnectionLost, DatabaseReadOnly):
            raise
        except (DatabaseUnavailable, psycopg.DatabaseError) as error:
            raise GroupRefused from error

    def _own_place(self, append: Append) -> LogPosition | None:
        """Return the place of an append that has taken effect, else None."""
        streams, versions, _, states, *_ = zip(*append.rows, strict=True)
        ((position, timeline),) = execute(
            self._pool,
            SELECT_OWN_APPEND,
            [list(streams), list(versions), list(states), append.metadata.command_id],
        )
        return LogPosition(timeline, position) if position is not None else None


def _translate(error: psycopg.DatabaseError, append: Append) -> Exception:
    match error.sqlstate:
        case "EB001":
            return PersonIsErased(append.metadata.person_id)
        case "EB002":
            return MemoryOutdated()
        case "EB004":
            return MasterKeyClosed()
        case "EB016":
            return TooManyConnections(int(error.diag.message_detail or 0))
        case _ if error.diag.table_name == KEY_TABLE:
            return KeyExists()
        case _:
            return VersionConflict(_conflicting_stream(error) or append.rows[0].originator_id)


def _append_with_changes(
    connection: TimedConnection,
    values: Sequence[Sequence[bytes | None]],
    changes: Sequence[SecretStatement],
) -> LogPosition:
    with connection.transaction():
        for change in changes:
            connection.execute(change.statement, change.values, binary=True)
        return [call_append(connection, each) for each in values][-1]


def _conflicting_stream(error: psycopg.DatabaseError) -> UUID | None:
    match = _UUID_PATTERN.search(error.diag.message_detail or "")
    return UUID(match[0]) if match else None
