"""A key for every person: it seals all that is recorded about them, and is destroyed once."""

import logging
import os
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from threading import Lock
from time import monotonic
from typing import NamedTuple
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.errors import PersonIsErased
from infrastructure.crypto.master_key import KeyRing
from infrastructure.postgres.execute import Pool, Rows, ask

log = logging.getLogger(__name__)

PURPOSE = "easeboard/people-keys/v1"

FETCH = """
SELECT person_id, key_id, wrapped
  FROM easeboard.people_keys
 WHERE person_id = ANY(%s)
 ORDER BY person_id
"""

# On a conflict the update changes nothing: it returns the row of whoever was first.
MAKE = """
INSERT INTO easeboard.people_keys (person_id, key_id, wrapped)
VALUES (%s, %s, %s)
    ON CONFLICT (person_id) DO UPDATE
   SET person_id = excluded.person_id
RETURNING person_id, key_id, wrapped
"""

DESTROY = """
INSERT INTO easeboard.people_keys (person_id, destroyed_at)
VALUES (%s, clock_timestamp())
    ON CONFLICT (person_id) DO UPDATE
   SET key_id = NULL,
       wrapped = NULL,
       destroyed_at = coalesce(people_keys.destroyed_at, excluded.destroyed_at)
"""


@dataclass(unsafe_hash=True)
class PersonKeyUnreadable(Exception):
    """A person's key opens under no master key we hold."""

    person_id: UUID

    def __str__(self) -> str:
        return f"The key of person {self.person_id} opens under no master key we hold."


class _Kept(NamedTuple):
    cipher: AESGCM | None
    until: float


class PeopleKeys:
    """People's keys, remembered for some seconds so that an erasure elsewhere takes effect soon."""

    def __init__(
        self, pool: Pool, ring: KeyRing, *, seconds: float = 5.0, size: int = 10_000
    ) -> None:
        self._pool = pool
        self._ring = ring
        self._seconds = seconds
        self._size = size
        self._kept: OrderedDict[UUID, _Kept] = OrderedDict()
        self._lock = Lock()

    def sealing(self, person_id: UUID) -> AESGCM:
        """The key to seal with, made the first time; raises PersonIsErased, PersonKeyUnreadable."""
        kept = self._kept.get(person_id)
        if kept and kept.cipher and kept.until > monotonic():
            return kept.cipher
        known = self.opening({person_id}) or self._make(person_id)
        if person_id not in known:
            raise PersonKeyUnreadable(person_id)
        cipher = known[person_id]
        if cipher is None:
            raise PersonIsErased(person_id)
        return cipher

    def opening(self, people: Collection[UUID]) -> dict[UUID, AESGCM | None]:
        """The keys to open with: None for whoever is erased, left out where none opens."""
        found = self._remembered(people)
        if missing := [person for person in people if person not in found]:
            found.update(self._fetch(missing))
        return found

    def destroy(self, person_id: UUID) -> None:
        """Destroy a person's key for good, also of somebody who has none yet."""
        ask(self._pool, DESTROY, [person_id])
        self._remember({person_id: None})

    def _make(self, person_id: UUID) -> dict[UUID, AESGCM | None]:
        key, nonce, master = os.urandom(32), os.urandom(12), self._ring.newest
        wrapped = nonce + master.cipher(PURPOSE).encrypt(
            nonce, key, _bound_to(person_id, master.id)
        )
        return self._opened(ask(self._pool, MAKE, [person_id, master.id, wrapped]))

    def _fetch(self, people: Collection[UUID]) -> dict[UUID, AESGCM | None]:
        return self._opened(ask(self._pool, FETCH, [list(people)]))

    def _opened(self, rows: Rows) -> dict[UUID, AESGCM | None]:
        opened: dict[UUID, AESGCM | None] = {}
        for person_id, key_id, wrapped in rows:
            try:
                opened[person_id] = self._unwrap(person_id, key_id, wrapped)
            except (KeyError, ValueError, InvalidTag):
                log.exception("the key of person %s opens under no master key", person_id)
        self._remember(opened)
        return opened

    def _unwrap(self, person_id: UUID, key_id: str | None, wrapped: bytes | None) -> AESGCM | None:
        if key_id is None or wrapped is None:
            return None
        cipher = self._ring.by_id(key_id).cipher(PURPOSE)
        return AESGCM(cipher.decrypt(wrapped[:12], wrapped[12:], _bound_to(person_id, key_id)))

    def _remembered(self, people: Collection[UUID]) -> dict[UUID, AESGCM | None]:
        now = monotonic()
        with self._lock:
            kept = {person: self._kept.get(person) for person in people}
        return {
            person: entry.cipher for person, entry in kept.items() if entry and entry.until > now
        }

    def _remember(self, ciphers: dict[UUID, AESGCM | None]) -> None:
        until = monotonic() + self._seconds
        with self._lock:
            for person, cipher in ciphers.items():
                self._kept[person] = _Kept(cipher, until)
                self._kept.move_to_end(person)
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)


def _bound_to(person_id: UUID, key_id: str) -> bytes:
    return b"person-key/v1" + person_id.bytes + key_id.encode()
