"""Reads the events that a past view needs, and stores the states from which it can begin.

A state is what was made of the events of a stream up to a version. It is encrypted with the key of
the person. One that cannot be used is ignored; all events are read instead.
"""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

import structlog

from domain.recorded_event import RecordedEvent
from infrastructure.event_store.encryption import NONCE_BYTES, decrypt, encrypt
from infrastructure.event_store.errors import EventUnreadable
from infrastructure.event_store.mapper import Mapper, PersonKeyring
from infrastructure.event_store.stream_positions import fetch_rows
from infrastructure.event_store.whole_appends import Versions
from infrastructure.postgres.execute import execute
from infrastructure.postgres.pools import ReadPool, WritePool

SELECT_EVENTS = """
SELECT e.stream, e.version, e.topic, e.state, e.recorded_at, e.person_id, e.position, e.event_id
  FROM unnest(%(streams)s::uuid[], %(after)s::bigint[], %(up_to)s::bigint[])
       AS part (stream, after_version, last_version)
 CROSS JOIN LATERAL (
           SELECT *
             FROM easeboard.events AS own
            WHERE own.stream = part.stream
              AND own.version > part.after_version
              AND own.version <= part.last_version
              AND own.topic = ANY(%(topics)s)
            ORDER BY own.version
       ) AS e
 ORDER BY e.position
"""

SELECT_STATE = """
SELECT kept.version, kept.person_id, kept.state
  FROM easeboard.past_views AS kept
 CROSS JOIN LATERAL (
           SELECT event_id
             FROM easeboard.events
            WHERE stream = kept.stream
              AND version = kept.version
            LIMIT 1
       ) AS recorded
 WHERE kept.stream = %(stream)s
   AND kept.version <= %(up_to)s
   AND kept.form = %(form)s
   AND kept.event_id = recorded.event_id
 ORDER BY kept.version DESC
 LIMIT 1
"""

SELECT_STATE_AND_EVENTS = f"""
WITH newest AS MATERIALIZED ({SELECT_STATE})
SELECT NULL AS stream, version, NULL AS topic, state, NULL AS recorded_at, person_id,
       0 AS position, NULL AS event_id
  FROM newest
 UNION ALL
SELECT e.stream, e.version, e.topic, e.state, e.recorded_at, e.person_id, e.position, e.event_id
  FROM (
           SELECT %(owner)s::uuid, 0, %(owner_up_to)s::bigint, %(owner_is_whole)s::boolean
            UNION ALL
           SELECT %(stream)s::uuid, coalesce((SELECT version FROM newest), 0), %(up_to)s::bigint,
                  FALSE
       ) AS part (stream, after_version, last_version, is_whole)
 CROSS JOIN LATERAL (
           SELECT *
             FROM easeboard.events AS own
            WHERE own.stream = part.stream
              AND own.version > part.after_version
              AND own.version <= part.last_version
              AND (own.topic = ANY(%(topics)s) OR part.is_whole)
            ORDER BY own.version
       ) AS e
 ORDER BY position
"""  # noqa: S608  # a constant of this module
"""The newest state first, if there is one, and the events after it."""

STORE_STATES = """
INSERT INTO easeboard.past_views (stream, version, form, person_id, event_id, state)
SELECT *
  FROM unnest(%s::uuid[], %s::bigint[], %s::text[], %s::uuid[], %s::uuid[], %s::bytea[])
       AS made (stream, version, form, person_id, event_id, state)
 WHERE NOT EXISTS (
           SELECT FROM easeboard.people_keys AS key
            WHERE key.person_id = made.person_id
              AND key.destroyed_at IS NOT NULL
       )
    ON CONFLICT (stream, version) DO UPDATE
   SET form = excluded.form,
       person_id = excluded.person_id,
       event_id = excluded.event_id,
       recorded_at = excluded.recorded_at,
       state = excluded.state
"""

SELECT_LEFT_OUT = """
SELECT letters.projection, letters.position, letters.error
  FROM easeboard.dead_letters AS letters
  JOIN easeboard.projections AS live
    ON live.name = letters.projection
   AND live.version = letters.version
   AND live.role = 'live'
 WHERE letters.stream = ANY(%(streams)s::uuid[])
   AND letters.position <= %(up_to)s
 UNION ALL
SELECT skipped.projection, skipped.position, NULL
  FROM easeboard.skipped_events AS skipped
  JOIN easeboard.events AS own
    ON own.position = skipped.position
   AND own.event_id = skipped.id
 WHERE own.stream = ANY(%(streams)s::uuid[])
   AND own.position <= %(up_to)s
 ORDER BY projection, position
"""

MAX_WHOLE_EVENTS = 100
"""Events of a connection itself up to which it is rebuilt from those of its view."""

logger = structlog.get_logger()


class StoredState(NamedTuple):
    """What was stored of a stream up to a version."""

    version: int
    plain: bytes


class EncryptedViewState(NamedTuple):
    """A row of `past_views`."""

    stream: UUID
    version: int
    form: str
    person_id: UUID
    event_id: UUID
    state: bytes


class LeftOutEvent(NamedTuple):
    """An event that a live read model leaves out; the error is None if it was skipped."""

    read_model: str
    position: int
    error: str | None


class StoredParts(NamedTuple):
    """What a past view is made of: rows of a state and of the events, and what is left out."""

    left_out: list[LeftOutEvent]
    state: tuple[Any, ...] | None
    events: list[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class PastViewStore:
    """Reads and stores, with the keys of the mapper."""

    read_pool: ReadPool
    write_pool: WritePool
    mapper: Mapper

    @property
    def keys(self) -> PersonKeyring:
        """The keys with which events are encrypted."""
        if self.mapper.keys is None:
            raise TypeError("past views need the keys of people")
        return self.mapper.keys

    async def read_rows(
        self,
        streams: Sequence[UUID],
        after: Sequence[int],
        up_to: Sequence[int],
        topics: Sequence[str],
    ) -> list[tuple[Any, ...]]:
        """Return rows of these topics, after one version of each stream and up to another."""
        parameters = {
            "streams": list(streams),
            "after": list(after),
            "up_to": list(up_to),
            "topics": list(topics),
        }
        return await fetch_rows(self.read_pool, SELECT_EVENTS, parameters)

    def to_events(
        self, rows: Sequence[tuple[Any, ...]]
    ) -> tuple[list[RecordedEvent], list[EventUnreadable]]:
        """Decode rows, and return the errors of those that cannot be read; may read keys."""
        return self.mapper.to_readable_events(rows)

    async def read_parts(
        self, streams: Sequence[UUID], versions: Versions, form: str | None, topics: Sequence[str]
    ) -> StoredParts:
        """Return what a view of two streams at these versions is made of, in one round trip.

        Of the second stream it is the newest state of this form, unless `form` is None, and the
        events after it. Of a short first stream it is all events, and not these topics only.
        """
        owner, stream = streams
        owner_up_to, up_to = versions.versions
        wanted = {
            "owner": owner,
            "owner_up_to": owner_up_to,
            "owner_is_whole": owner_up_to <= MAX_WHOLE_EVENTS,
            "stream": stream,
            "up_to": up_to,
            "form": form,
            "topics": list(topics),
        }
        left_out = {"streams": list(streams), "up_to": versions.position}
        async with self.read_pool.connection() as connection:
            async with connection.pipeline():
                letters = await connection.execute(SELECT_LEFT_OUT, left_out, binary=True)
                parts = await connection.execute(SELECT_STATE_AND_EVENTS, wanted, binary=True)
            rows = await parts.fetchall()
            found = [LeftOutEvent(*row) for row in await letters.fetchall()]
        state = rows.pop(0) if rows and rows[0][0] is None else None
        return StoredParts(found, state, rows)

    async def newest_state(self, stream: UUID, up_to: int, form: str) -> StoredState | None:
        """Return the newest state up to a version; None if there is none that can be used."""
        parameters = {"stream": stream, "up_to": up_to, "form": form}
        rows = await fetch_rows(self.read_pool, SELECT_STATE, parameters)
        return await asyncio.to_thread(self._decrypt, stream, form, rows[0]) if rows else None

    def decrypt_state(self, stream: UUID, form: str, row: tuple[Any, ...]) -> StoredState | None:
        """Return the state of a row of `read_parts`; None if it cannot be used; may read keys."""
        _, version, _, state, _, person_id, *_ = row
        return self._decrypt(stream, form, (version, person_id, state))

    def encrypt_state(self, plain: bytes, last: RecordedEvent, form: str) -> EncryptedViewState:
        """Encrypt what was made of the events of a stream up to the event `last`.

        Raises: PersonIsErased; DatabaseBusy or DatabaseUnavailable.
        """
        stream, version = last.event.originator_id, last.event.originator_version
        state = encrypt(
            plain,
            self.keys.encryption_key(last.person_id),
            os.urandom(NONCE_BYTES),
            _associated_data(stream, version, form),
        )
        return EncryptedViewState(stream, version, form, last.person_id, last.event_id, state)

    def store_states(self, states: Sequence[EncryptedViewState]) -> None:
        """Store states of different versions with one statement.

        Raises: DatabaseBusy or DatabaseUnavailable.
        """
        if states:
            columns = [[*column] for column in zip(*states, strict=True)]
            execute(self.write_pool, STORE_STATES, columns)

    def _decrypt(self, stream: UUID, form: str, row: tuple[Any, ...]) -> StoredState | None:
        version, person_id, state = row
        try:
            cipher = self.keys.decryption_keys({person_id})[person_id]
            plain = decrypt(state, cipher, _associated_data(stream, version, form))
        except (ValueError, KeyError) as error:
            logger.warning("past_view.state_ignored", stream=str(stream), reason=repr(error))
            return None
        return StoredState(version, plain)


def _associated_data(stream: UUID, version: int, form: str) -> bytes:
    return b"past view" + stream.bytes + version.to_bytes(8) + form.encode()
