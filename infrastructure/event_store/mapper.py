"""Converts events to rows of the log and back; encrypts and decrypts their state."""

import os
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol
from uuid import UUID

import eventsourcing.persistence
import orjson
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.aggregate import EPOCH, NO_PERSON
from domain.event import Event, Redacted
from domain.recorded_event import RecordedEvent
from infrastructure.event_store.encryption import (
    RANDOM_BYTES,
    DecryptionFailed,
    Opening,
    OpeningWrong,
    decrypt,
    encrypt,
    encrypt_committed,
    is_encrypted,
    open_committed,
)
from infrastructure.event_store.errors import EventUnreadable, UnknownForm
from infrastructure.event_store.event_types import (
    EventType,
    State,
    collect_event_types,
    to_current_form,
)
from infrastructure.postgres.execute import SecretStatement

Ciphers = dict[UUID, AESGCM | None]


class PersonKeyring(Protocol):
    """Provides the keys of people; infrastructure.crypto.person_keys.PersonKeys implements it."""

    def new_key(self, person_id: UUID) -> tuple[AESGCM, SecretStatement] | None:
        """Return a key for a person who never had one, and the change that stores it."""

    def encryption_key(self, person_id: UUID) -> AESGCM:
        """Return the key to encrypt with; raises PersonIsErased if it was destroyed."""

    def decryption_keys(self, person_ids: Collection[UUID]) -> Ciphers:
        """Return the keys to decrypt with: None for an erased person.

        People without a usable key are absent.
        """

    def forget(self) -> None:
        """Read all keys again when they are needed next."""

    def update_master_key(self) -> None:
        """Read with which master key new keys are encrypted."""


class StoredEvent(NamedTuple):
    """A row of the log: the fields of eventsourcing's StoredEvent, and three of our own."""

    originator_id: UUID
    originator_version: int
    topic: str
    state: bytes
    recorded_at: datetime = EPOCH
    person_id: UUID = NO_PERSON
    position: int = 0


EventRow = tuple[UUID, int, str, bytes, datetime, UUID, int]
"""The fields of a StoredEvent, as the database driver returns them."""
IdentifiedRow = tuple[UUID, int, str, bytes, datetime, UUID, int, UUID]
"""An EventRow, and the id of the event."""


class OrjsonTranscoder(eventsourcing.persistence.Transcoder):
    """Encodes and decodes JSON with orjson."""

    def encode(self, obj: Any) -> bytes:
        """Encode what JSON can represent, and UUIDs and datetimes as text."""
        return orjson.dumps(obj)

    def decode(self, data: bytes) -> Any:
        """Decode JSON; UUIDs and datetimes remain text."""
        return orjson.loads(data)


class Mapper(eventsourcing.persistence.Mapper[UUID]):
    """Converts events to rows and back.

    Without keys nothing is encrypted; this is for stores in memory.
    """

    def __init__(self, keys: PersonKeyring | None) -> None:
        super().__init__(OrjsonTranscoder())
        self._keys = keys
        self._event_types = collect_event_types()

    @property
    def keys(self) -> PersonKeyring | None:
        """The keys with which states are encrypted; None for a store in memory."""
        return self._keys

    def forget_keys(self) -> None:
        """Read the keys of people again, because the database may be another one than before."""
        if self._keys:
            self._keys.forget()

    def to_stored_events(
        self, events: Sequence[Event], person_id: UUID, new_key: AESGCM | None = None
    ) -> list[StoredEvent]:
        """Convert events about one person to rows, encrypted with their key or the new one.

        What is encrypted has a commitment, so that each event can be shown alone.

        Raises: PersonIsErased if an event must be encrypted and the person's key was destroyed.
        """
        event_types = [self._event_types[type(event).TOPIC] for event in events]  # type: ignore[attr-defined]  # set by stored_as
        needs_key = any(event_type.encrypted for event_type in event_types)
        cipher = new_key
        if cipher is None and self._keys and needs_key:
            cipher = self._keys.encryption_key(person_id)
        random = os.urandom(RANDOM_BYTES * len(events))
        return [
            _to_stored_event(
                event,
                event_type,
                cipher,
                random[index * RANDOM_BYTES : index * RANDOM_BYTES + RANDOM_BYTES],
                person_id,
            )
            for index, (event, event_type) in enumerate(zip(events, event_types, strict=True))
        ]

    def to_recorded_events(self, rows: Sequence[IdentifiedRow]) -> list[RecordedEvent]:
        """Convert rows to events with their position, time, person and id.

        Raises: EventUnreadable for the first row that cannot be decrypted or decoded.
        """
        events = self.to_events([row[:7] for row in rows])
        return [
            RecordedEvent(event, row[6], event.timestamp, row[5], row[7])
            for event, row in zip(events, rows, strict=True)
        ]

    def to_readable_events(
        self, rows: Sequence[IdentifiedRow]
    ) -> tuple[list[RecordedEvent], list[EventUnreadable]]:
        """Convert the rows that can be read to events, and return the errors of the others."""
        try:
            return self.to_recorded_events(rows), []
        except EventUnreadable:
            pass
        events: list[RecordedEvent] = []
        errors: list[EventUnreadable] = []
        ciphers = self._decryption_keys([row[:7] for row in rows])
        for row in rows:
            try:
                event = self._to_event(row[:7], ciphers)
            except EventUnreadable as error:
                errors.append(error)
            else:
                events.append(RecordedEvent(event, row[6], event.timestamp, row[5], row[7]))
        return events, errors

    def to_events(self, rows: Sequence[EventRow]) -> list[Event]:
        """Convert rows to events.

        Raises: EventUnreadable for the first row that cannot be decrypted or decoded.
        """
        ciphers = self._decryption_keys(rows)
        return [self._to_event(row, ciphers) for row in rows]

    def to_payloads(self, rows: Sequence[EventRow]) -> list[State]:
        """Return the state of each event as a JSON object.

        It is `{"redacted": true}` if the person is erased, and `{"unreadable": reason}` if the
        event cannot be decrypted or decoded.
        """
        ciphers = self._decryption_keys(rows)
        return [self._to_payload(row, ciphers) for row in rows]

    def open_state(self, row: EventRow) -> Opening | None:
        """Return the opening of one event, as `open_states` does."""
        (opening,) = self.open_states([row])
        return opening

    def open_states(self, rows: Sequence[EventRow]) -> list[Opening | None]:
        """Return the opening of each event: what shows it alone, without the key of its person.

        It is None if the person is erased, or if the event has no commitment.

        Raises: EventUnreadable for the first event that cannot be decrypted.
        """
        ciphers = self._decryption_keys(rows)
        return [self._to_opening(row, ciphers) for row in rows]

    def _decryption_keys(self, rows: Sequence[EventRow]) -> Ciphers:
        return self._keys.decryption_keys({row[5] for row in rows}) if self._keys else {}

    def _to_event(self, row: EventRow, ciphers: Ciphers) -> Event:
        stream, version, topic, _, recorded_at, _, _ = row
        recorded_at = recorded_at.astimezone(UTC)
        try:
            state = self._decode_state(row, ciphers)
            if state is None:
                return _build_event(Redacted, stream, version, recorded_at, {"topic": topic})
            event_type = self._event_types[topic]
            for name, decoder in event_type.decoders:
                state[name] = decoder(state[name])
        except Exception as error:
            raise _unreadable_error(row, error) from error
        return _build_event(event_type.event_class, stream, version, recorded_at, state)

    def _decode_state(self, row: EventRow, ciphers: Ciphers) -> State | None:
        stream, version, topic, stored, _, person_id, _ = row
        event_type = self._event_types.get(topic)
        if event_type is None:
            raise UnknownForm(f"this program knows no event of type {topic}: upgrade it")
        cipher = None
        if is_encrypted(stored):
            cipher = _cipher_of(person_id, ciphers)
            if cipher is None:
                return None
        elif event_type.encrypted and self._keys:
            raise DecryptionFailed("it is not encrypted")
        return to_current_form(
            event_type,
            orjson.loads(
                decrypt(stored, cipher, _associated_data(stream, version, event_type.topic_bytes))
            ),
        )

    def _to_opening(self, row: EventRow, ciphers: Ciphers) -> Opening | None:
        stream, version, topic, stored, _, person_id, _ = row
        if not is_encrypted(stored):
            return None
        try:
            cipher = _cipher_of(person_id, ciphers)
            place = _associated_data(stream, version, topic.encode())
            return open_committed(stored, cipher, place) if cipher else None
        except (DecryptionFailed, OpeningWrong) as error:
            raise _unreadable_error(row, error) from error

    def _to_payload(self, row: EventRow, ciphers: Ciphers) -> State:
        try:
            state = self._decode_state(row, ciphers)
        except Exception as error:  # noqa: BLE001  # an unreadable event must not hide the others
            return {"unreadable": _unreadable_error(row, error).reason}
        return {"redacted": True} if state is None else state


def _build_event(
    event_class: type[Event], stream: UUID, version: int, recorded_at: datetime, state: State
) -> Event:
    state["originator_id"] = stream
    state["originator_version"] = version
    state["timestamp"] = recorded_at
    event = object.__new__(event_class)
    # The class is frozen, and its constructor is slow.
    object.__setattr__(event, "__dict__", state)
    return event


def _to_stored_event(
    event: Event, event_type: EventType, cipher: AESGCM | None, random: bytes, person_id: UUID
) -> StoredEvent:
    state = vars(event).copy()
    stream, version = state.pop("originator_id"), state.pop("originator_version")
    recorded_at = state.pop("timestamp")
    if event_type.version > 1:
        state["class_version"] = event_type.version
    data = orjson.dumps(state)
    if cipher is not None and event_type.encrypted:
        place = _associated_data(stream, version, event_type.topic_bytes)
        encoded = encrypt_committed(data, cipher, random, place)
    else:
        encoded = encrypt(data, None, b"", b"")
    return StoredEvent(stream, version, event_type.topic, encoded, recorded_at, person_id)


def _cipher_of(person_id: UUID, ciphers: Ciphers) -> AESGCM | None:
    if person_id not in ciphers:
        raise DecryptionFailed("the key of the person is missing or cannot be decrypted")
    return ciphers[person_id]


def _associated_data(stream: UUID, version: int, topic: bytes) -> bytes:
    return stream.bytes + version.to_bytes(8) + topic


def _unreadable_error(row: EventRow, error: Exception) -> EventUnreadable:
    stream, version, topic, _, _, _, position = row
    is_plain = isinstance(error, DecryptionFailed | OpeningWrong | UnknownForm)
    reason = str(error) if is_plain else "its content is not that of an event of its type"
    return EventUnreadable(position, stream, version, topic, reason)
