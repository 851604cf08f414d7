"""Rows of events that tests make without a database."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.event import Event
from domain.events.connection import TokenRejected
from infrastructure.event_store.encryption import encrypt
from infrastructure.event_store.mapper import EventRow, Mapper

STREAM = UUID("00000000-0000-4000-8000-000000000001")
PERSON = UUID("00000000-0000-4000-8000-00000000000a")
NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)


@dataclass
class InMemoryPersonKeys:
    """The keys of people in memory; None for an erased person."""

    keys: dict[UUID, AESGCM | None] = field(default_factory=dict)

    def encryption_key(self, person_id: UUID) -> AESGCM:
        key = bytes(range(32)) if person_id == PERSON else person_id.bytes * 2
        cipher = self.keys.setdefault(person_id, AESGCM(key))
        assert cipher
        return cipher

    def new_key(self, person_id: UUID) -> None:
        """Every person has a key."""

    def forget(self) -> None:
        """The keys are of no database."""

    def update_master_key(self) -> None:
        """No master key encrypts them."""

    def decryption_keys(self, person_ids: Collection[UUID]) -> dict[UUID, AESGCM | None]:
        return {
            person_id: self.keys[person_id] for person_id in person_ids if person_id in self.keys
        }


def make_event(event: type[Event], version: int = 1, /, **fields: Any) -> Event:
    return event(originator_id=STREAM, originator_version=version, timestamp=NOW, **fields)


def token_rejected(version: int = 1, reason: str = "dead") -> Event:
    return make_event(TokenRejected, version, reason=reason)


def to_row(mapper: Mapper, event: Event, **changes: Any) -> EventRow:
    (stored,) = mapper.to_stored_events([event], PERSON)
    return stored._replace(recorded_at=NOW, position=7)._replace(**changes)


def to_encrypted_row(person_keys: InMemoryPersonKeys, topic: str, state: object) -> EventRow:
    """A row with any state, as another version of the program could have stored it."""
    associated_data = STREAM.bytes + (1).to_bytes(8, "big") + topic.encode()
    stored = encrypt(
        orjson.dumps(state), person_keys.encryption_key(PERSON), bytes(12), associated_data
    )
    return (STREAM, 1, topic, stored, NOW, PERSON, 1)
