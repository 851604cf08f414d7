"""Appending to the log in one round trip."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID, uuid4

import psycopg
from psycopg.errors import DeadlockDetected, UniqueViolation

from domain.errors import PersonIsErased, VersionConflict
from infrastructure.event_store.append_statement import call_append
from infrastructure.event_store.binary_arrays import bigints, byteas, texts, uuids
from infrastructure.event_store.mapper import Stored
from infrastructure.postgres.execute import Pool, ask, patiently

ERASED = "EB001"
"""The SQLSTATE by which easeboard.append refuses an erased person."""

MINE = """
SELECT max(e.position)
  FROM easeboard.events AS e
  JOIN unnest(%s::uuid[], %s::bigint[]) AS mine (stream, version) USING (stream, version)
 WHERE e.command_id = %s
"""

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What an append says beside the events: about whom, who acts, and why."""

    person_id: UUID
    sealed: bool
    actor: str
    correlation_id: str | None = None
    causation_id: UUID | None = None
    command_id: UUID = field(default_factory=uuid4)

    def values(self) -> tuple[bytes | None, ...]:
        """In binary, in the order easeboard.append takes them."""
        return (
            self.command_id.bytes,
            self.person_id.bytes,
            b"\x01" if self.sealed else b"\x00",
            self.actor.encode(),
            self.correlation_id.encode() if self.correlation_id is not None else None,
            self.causation_id.bytes if self.causation_id else None,
        )


class Recorder:
    """Appends to easeboard.events."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def append(self, rows: Sequence[Stored], by: Circumstances) -> int:
        """Append rows in order, in one transaction; returns the position of the last.

        Raises VersionConflict, PersonIsErased, DatabaseBusy, DatabaseUnavailable.
        """
        streams, versions, topics, states, *_ = zip(*rows, strict=True)
        columns = uuids(streams), bigints(versions), texts(topics), byteas(states)
        values = *by.values(), *columns
        try:
            return patiently(self._pool, partial(call_append, values=values))
        except UniqueViolation as error:
            ((mine,),) = ask(self._pool, MINE, [list(streams), list(versions), by.command_id])
            if mine:
                return int(mine)
            raise VersionConflict(_disputed(error) or streams[0]) from error
        except DeadlockDetected as error:
            # Only appends to the same streams wait for each other.
            raise VersionConflict(streams[0]) from error
        except psycopg.DatabaseError as error:
            if error.sqlstate == ERASED:
                raise PersonIsErased(by.person_id) from error
            raise


def _disputed(error: UniqueViolation) -> UUID | None:
    named = _UUID.search(error.diag.message_detail or "")
    return UUID(named[0]) if named else None
