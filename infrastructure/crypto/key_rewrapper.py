"""Encrypts stored keys with the active master key, in small transactions that delay nobody.

A transaction skips the rows that others use; the next pass finds them. It can be killed anywhere:
every row is under one key or the other, and the next run goes on with those that are left.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, LiteralString, NamedTuple, TypeVar
from uuid import UUID

import psycopg
from cryptography.exceptions import InvalidTag

from domain.events.connection import ConnectionOpened
from infrastructure.crypto.master_key import KeyRing, MasterKey
from infrastructure.crypto.person_keys import PersonKeys, rewrap_person_key
from infrastructure.crypto.token_vault import rewrap_token_key, token_place
from infrastructure.crypto.wrapped_seal_keys import rewrap_seal_key
from infrastructure.event_store.mapper import Mapper
from infrastructure.postgres.execute import execute
from infrastructure.postgres.pools import WritePool
from infrastructure.postgres.retry import with_retry

BATCH_ROWS = 200
"""Rows of one transaction, which are locked for some milliseconds."""

COUNT_OTHER_RECORDS = """
SELECT (SELECT count(*) FROM easeboard.people_keys WHERE key_id <> %s),
       (SELECT count(*) FROM easeboard.canvas_tokens WHERE key_id <> %s),
       (SELECT count(*) FROM easeboard.seal_keys WHERE key_id <> %s)
"""

SELECT_PERSON_KEYS: LiteralString = """
SELECT person_id, key_id, wrapped
  FROM easeboard.people_keys
 WHERE person_id > %s
   AND key_id <> %s
 ORDER BY person_id
 LIMIT %s
   FOR UPDATE SKIP LOCKED
"""

UPDATE_PERSON_KEYS: LiteralString = """
UPDATE easeboard.people_keys AS stored
   SET key_id = %s,
       wrapped = changed.wrapped
  FROM unnest(%s::uuid[], %s::bytea[]) AS changed (person_id, wrapped)
 WHERE stored.person_id = changed.person_id
"""

SELECT_TOKENS: LiteralString = """
SELECT connection_id, fingerprint, key_id, wrapped, person_id
  FROM easeboard.canvas_tokens
 WHERE (connection_id, fingerprint) > (%s, %s)
   AND key_id <> %s
 ORDER BY connection_id, fingerprint
 LIMIT %s
   FOR UPDATE SKIP LOCKED
"""

UPDATE_TOKENS: LiteralString = """
UPDATE easeboard.canvas_tokens AS stored
   SET key_id = %s,
       wrapped = changed.wrapped
  FROM unnest(%s::uuid[], %s::text[], %s::bytea[]) AS changed (connection_id, fingerprint, wrapped)
 WHERE (stored.connection_id, stored.fingerprint) = (changed.connection_id, changed.fingerprint)
"""

SELECT_SEAL_KEYS: LiteralString = """
SELECT kind, number, key_id, wrapped, vkey
  FROM easeboard.seal_keys
 WHERE (kind, number) > (%s, %s)
   AND key_id <> %s
 ORDER BY kind, number
 LIMIT %s
   FOR UPDATE SKIP LOCKED
"""

UPDATE_SEAL_KEYS: LiteralString = """
UPDATE easeboard.seal_keys AS stored
   SET key_id = %s,
       wrapped = changed.wrapped
  FROM unnest(%s::smallint[], %s::integer[], %s::bytea[]) AS changed (kind, number, wrapped)
 WHERE (stored.kind, stored.number) = (changed.kind, changed.number)
"""

# The first event of a connection has the origin that its tokens are bound to.
SELECT_OPENED: LiteralString = """
SELECT stream, version, topic, state, recorded_at, person_id, position, event_id
  FROM easeboard.events
 WHERE stream = ANY(%s)
   AND version = 1
   AND topic = 'ConnectionOpened'
"""

P = TypeVar("P", UUID, bytes, str)
OnProgress = Callable[[int], None]


class OtherRecords(NamedTuple):
    """How many records are encrypted with other keys than the active one."""

    person_keys: int
    tokens: int
    seal_keys: int

    @property
    def total(self) -> int:
        """The number of all records."""
        return sum(self)


class Batch(NamedTuple):
    """The rows of one transaction: how many were read and rewrapped, and the key of the last."""

    read: int
    rewrapped: int
    last: tuple[Any, ...]


class KeyRewrapper:
    """Encrypts all stored keys with the active master key.

    Every method may raise DatabaseBusy and DatabaseUnavailable.
    """

    def __init__(self, pool: WritePool, ring: KeyRing, *, batch_rows: int = BATCH_ROWS) -> None:
        self._pool = pool
        self._ring = ring
        self._mapper = Mapper(PersonKeys(pool, ring))
        self._batch_rows = batch_rows

    def count_others(self) -> OtherRecords:
        """Count the records that are encrypted with other keys."""
        (row,) = execute(self._pool, COUNT_OTHER_RECORDS, [self._ring.active.id] * 3)
        return OtherRecords(*row)

    def run_pass(self, on_progress: OnProgress) -> int:
        """Rewrap every row that no other session uses; return how many there were.

        `on_progress` gets the number of rows of each transaction. Rows that no configured key
        decrypts remain as they are.
        """
        return (
            self._walk(self._rewrap_person_keys, (UUID(int=0),), on_progress)
            + self._walk(self._rewrap_tokens, (UUID(int=0), ""), on_progress)
            + self._walk(self._rewrap_seal_keys, (0, 0), on_progress)
        )

    def _walk(
        self,
        rewrap: Callable[..., Batch],
        start: tuple[Any, ...],
        on_progress: OnProgress,
    ) -> int:
        count, after = 0, start
        while True:
            batch = with_retry(self._pool, partial(rewrap, after=after))
            count += batch.rewrapped
            on_progress(batch.rewrapped)
            if batch.read < self._batch_rows:
                return count
            after = batch.last

    def _rewrap_person_keys(
        self, connection: psycopg.Connection[Any], after: tuple[Any, ...]
    ) -> Batch:
        key = self._ring.active
        with connection.transaction():
            values = [*after, key.id, self._batch_rows]
            rows = connection.execute(SELECT_PERSON_KEYS, values, binary=True).fetchall()
            changed = [
                (person_id, wrapped)
                for person_id, key_id, stored in rows
                if (wrapped := self._rewrap(key_id, rewrap_person_key, person_id, stored))
            ]
            if changed:
                columns = [list(column) for column in zip(*changed, strict=True)]
                connection.execute(UPDATE_PERSON_KEYS, [key.id, *columns])
        return Batch(len(rows), len(changed), rows[-1][:1] if rows else after)

    def _rewrap_tokens(self, connection: psycopg.Connection[Any], after: tuple[Any, ...]) -> Batch:
        key = self._ring.active
        with connection.transaction():
            values = [*after, key.id, self._batch_rows]
            rows = connection.execute(SELECT_TOKENS, values, binary=True).fetchall()
            origins = self._origins(connection, [row[0] for row in rows])
            changed = [
                (stream, fingerprint, wrapped)
                for stream, fingerprint, key_id, stored, person_id in rows
                if (origin := origins.get(stream))
                and (place := token_place(person_id, stream, origin))
                and (wrapped := self._rewrap(key_id, rewrap_token_key, place, stored))
            ]
            if changed:
                columns = [list(column) for column in zip(*changed, strict=True)]
                connection.execute(UPDATE_TOKENS, [key.id, *columns])
        return Batch(len(rows), len(changed), rows[-1][:2] if rows else after)

    def _rewrap_seal_keys(
        self, connection: psycopg.Connection[Any], after: tuple[Any, ...]
    ) -> Batch:
        key = self._ring.active
        with connection.transaction():
            values = [*after, key.id, self._batch_rows]
            rows = connection.execute(SELECT_SEAL_KEYS, values, binary=True).fetchall()
            changed = [
                (kind, number, wrapped)
                for kind, number, key_id, stored, vkey in rows
                if (wrapped := self._rewrap(key_id, rewrap_seal_key, vkey, stored))
            ]
            if changed:
                columns = [list(column) for column in zip(*changed, strict=True)]
                connection.execute(UPDATE_SEAL_KEYS, [key.id, *columns])
        return Batch(len(rows), len(changed), rows[-1][:2] if rows else after)

    def _origins(
        self, connection: psycopg.Connection[Any], streams: Sequence[UUID]
    ) -> dict[UUID, str]:
        """Return the origin of each connection; unknown and erased ones are absent."""
        rows = connection.execute(SELECT_OPENED, [list(streams)], binary=True).fetchall()
        recorded, _ = self._mapper.to_readable_events(rows)
        events = [each.event for each in recorded]
        return {
            event.originator_id: event.canvas_url
            for event in events
            if isinstance(event, ConnectionOpened)
        }

    def _rewrap(
        self,
        key_id: str,
        rewrap: Callable[[MasterKey, MasterKey, P, bytes], bytes],
        place: P,
        wrapped: bytes,
    ) -> bytes | None:
        """Return a wrapped key under the active master key; None if no key decrypts it."""
        try:
            return rewrap(self._ring.by_id(key_id), self._ring.active, place, wrapped)
        except (KeyError, ValueError, InvalidTag):
            return None
