"""Events to rows of the log and back."""

import os
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol
from uuid import UUID

import eventsourcing.persistence
import orjson
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.aggregate import EPOCH, NOBODY
from domain.event import Event, Redacted
from domain.recorded_event import Recorded
from infrastructure.event_store.encryption import NONCE, Unopenable, disclose, enclose, is_sealed
from infrastructure.event_store.errors import EventUnreadable
from infrastructure.event_store.event_types import Kind, State, kinds

Ciphers = dict[UUID, AESGCM | None]


class Keys(Protocol):
    """The keys of people; infrastructure.crypto.person_keys has the real ones."""

    def sealing(self, person_id: UUID) -> AESGCM:
        """The key to seal with; raises PersonIsErased."""

    def opening(self, people: Collection[UUID]) -> Ciphers:
        """The keys to open with: None for whoever is erased."""


class Stored(NamedTuple):
    """A row of the log; has what the library asks of a StoredEvent."""

    originator_id: UUID
    originator_version: int
    topic: str
    state: bytes
    recorded_at: datetime = EPOCH
    person_id: UUID = NOBODY
    position: int = 0


Row = tuple[UUID, int, str, bytes, datetime, UUID, int]
"""A Stored as the database driver hands it out."""


class Orjson(eventsourcing.persistence.Transcoder):
    """JSON by orjson."""

    def encode(self, obj: Any) -> bytes:
        """Bytes of anything JSON can say, and of UUIDs and datetimes."""
        return orjson.dumps(obj)

    def decode(self, data: bytes) -> Any:
        """What these bytes say."""
        return orjson.loads(data)


class Mapper(eventsourcing.persistence.Mapper[UUID]):
    """Stores and restores events; without keys nothing is sealed, for stores in memory."""

    def __init__(self, keys: Keys | None) -> None:
        super().__init__(Orjson())
        self._keys = keys
        self._kinds = kinds()

    def store(self, events: Sequence[Event], person_id: UUID) -> list[Stored]:
        """Make rows of events about one person; raises PersonIsErased."""
        kinds_ = [self._kinds[type(event).TOPIC] for event in events]  # type: ignore[attr-defined]  # pinned by stored_as
        sealed = any(kind.sealed for kind in kinds_)
        cipher = self._keys.sealing(person_id) if self._keys and sealed else None
        chance = os.urandom(NONCE * len(events))
        return [
            _stored(event, kind, cipher, chance[nth * NONCE : nth * NONCE + NONCE], person_id)
            for nth, (event, kind) in enumerate(zip(events, kinds_, strict=True))
        ]

    def recorded(self, rows: Sequence[Row]) -> list[Recorded]:
        """Restore events with where they stand; raises EventUnreadable at the first that fails."""
        ciphers = self._opening(rows)
        events = [self._event(row, ciphers) for row in rows]
        return [
            Recorded(event, row[6], event.timestamp, row[5])
            for event, row in zip(events, rows, strict=True)
        ]

    def events(self, rows: Sequence[Row]) -> list[Event]:
        """Restore events; raises EventUnreadable at the first that fails."""
        ciphers = self._opening(rows)
        return [self._event(row, ciphers) for row in rows]

    def payloads(self, rows: Sequence[Row]) -> list[State]:
        """What events say, as JSON; `redacted` of the erased, `unreadable` with the reason."""
        ciphers = self._opening(rows)
        return [self._payload(row, ciphers) for row in rows]

    def _opening(self, rows: Sequence[Row]) -> Ciphers:
        return self._keys.opening({row[5] for row in rows}) if self._keys else {}

    def _event(self, row: Row, ciphers: Ciphers) -> Event:
        stream, version, topic, _, recorded_at, _, _ = row
        recorded_at = recorded_at.astimezone(UTC)
        try:
            state = self._state(row, ciphers)
            if state is None:
                return _made(Redacted, stream, version, recorded_at, {"topic": topic})
            kind = self._kinds[topic]
            for name, convert in kind.conversions:
                state[name] = convert(state[name])
        except Exception as error:
            raise _unreadable(row, error) from error
        return _made(kind.event, stream, version, recorded_at, state)

    def _state(self, row: Row, ciphers: Ciphers) -> State | None:
        stream, version, topic, stored, _, person_id, _ = row
        kind = self._kinds[topic]
        cipher = None
        if is_sealed(stored):
            cipher = ciphers[person_id]
            if cipher is None:
                return None
        elif kind.sealed and self._keys:
            raise Unopenable("it is not sealed")
        state: State = orjson.loads(disclose(stored, cipher, _place(stream, version, kind)))
        for upcast in kind.upcasts[state.pop("class_version", 1) - 1 :]:
            upcast(state)
        return state

    def _payload(self, row: Row, ciphers: Ciphers) -> State:
        try:
            state = self._state(row, ciphers)
        except Exception as error:  # noqa: BLE001  # an auditor reads on past a broken event
            return {"unreadable": _unreadable(row, error).reason}
        return {"redacted": True} if state is None else state


def _made(
    event: type[Event], stream: UUID, version: int, recorded_at: datetime, state: State
) -> Event:
    state["originator_id"] = stream
    state["originator_version"] = version
    state["timestamp"] = recorded_at
    made = object.__new__(event)
    # The class is frozen and its own way of being made is slow.
    object.__setattr__(made, "__dict__", state)
    return made


def _stored(
    event: Event, kind: Kind, cipher: AESGCM | None, nonce: bytes, person_id: UUID
) -> Stored:
    state = vars(event).copy()
    stream, version = state.pop("originator_id"), state.pop("originator_version")
    recorded_at = state.pop("timestamp")
    if kind.version > 1:
        state["class_version"] = kind.version
    stored = enclose(
        orjson.dumps(state),
        cipher if kind.sealed else None,
        nonce,
        _place(stream, version, kind),
    )
    return Stored(stream, version, kind.name, stored, recorded_at, person_id)


def _place(stream: UUID, version: int, kind: Kind) -> bytes:
    return stream.bytes + version.to_bytes(8) + kind.topic


def _unreadable(row: Row, error: Exception) -> EventUnreadable:
    stream, version, topic, _, _, _, position = row
    reason = str(error) if isinstance(error, Unopenable) else repr(error)
    return EventUnreadable(position, stream, version, topic, reason)
