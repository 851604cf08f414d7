"""The key of each person: it encrypts their events and snapshots, until it is destroyed."""

import logging
import os
from collections import OrderedDict
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from time import monotonic
from typing import NamedTuple
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from psycopg.errors import UniqueViolation

from domain.errors import PersonIsErased
from infrastructure.crypto.key_check import SELECT_ACTIVE_KEY, use_active_key
from infrastructure.crypto.master_key import KeyRing, MasterKey
from infrastructure.postgres.execute import Rows, SecretStatement, execute
from infrastructure.postgres.pools import WritePool

logger = logging.getLogger(__name__)

PERSON_KEY_PURPOSE = "easeboard/people-keys/v1"

SELECT_KEYS = """
SELECT person_id, key_id, wrapped
  FROM easeboard.people_keys
 WHERE person_id = ANY(%s)
 ORDER BY person_id
"""

# It fails if the person has a key, so that what is encrypted with another one is not appended.
INSERT_KEY = """
INSERT INTO easeboard.people_keys (person_id, key_id, wrapped)
VALUES (%s, %s, %s)
"""

DESTROY_KEY = """
INSERT INTO easeboard.people_keys (person_id, destroyed_at)
VALUES (%s, clock_timestamp())
    ON CONFLICT (person_id) DO UPDATE
   SET key_id = NULL,
       wrapped = NULL,
       destroyed_at = coalesce(people_keys.destroyed_at, excluded.destroyed_at)
"""


@dataclass(unsafe_hash=True)
class PersonKeyUnreadable(Exception):
    """The key of a person cannot be decrypted with any configured master key."""

    person_id: UUID

    def __str__(self) -> str:
        return (
            f"The key of person {self.person_id} cannot be decrypted with any key in "
            "CANVAS_ENCRYPTION_KEY: add the master key that encrypted it."
        )


class _CachedKey(NamedTuple):
    cipher: AESGCM | None
    expires_at: float


class PersonKeys:
    """Creates, reads and destroys the keys of people.

    The event store stores a new key in the transaction of the first events that need it.

    Keys are cached for a few seconds only, so that an erasure by another process takes effect
    soon. Every method may raise DatabaseBusy and DatabaseUnavailable.
    """

    def __init__(
        self,
        pool: WritePool,
        ring: KeyRing,
        *,
        cache_seconds: float = 5.0,
        cache_size: int = 10_000,
    ) -> None:
        self._pool = pool
        self._ring = ring
        self._cache_seconds = cache_seconds
        self._cache_size = cache_size
        self._cache: OrderedDict[UUID, _CachedKey] = OrderedDict()
        self._lock = Lock()

    def new_key(self, person_id: UUID) -> tuple[AESGCM, SecretStatement] | None:
        """Return a key for a person who never had one, and the change that stores it.

        The change fails with a UniqueViolation if another one was stored meanwhile.
        """
        if self._cached_keys({person_id}):
            return None
        if rows := execute(self._pool, SELECT_KEYS, [[person_id]]):
            self._unwrap_rows(rows)
            return None
        key, master_key = os.urandom(32), self._ring.active
        wrapped = _wrap(master_key, person_id, key)
        values = [person_id, master_key.id, wrapped]
        return AESGCM(key), SecretStatement(INSERT_KEY, values)

    def encryption_key(self, person_id: UUID) -> AESGCM:
        """Return the key to encrypt with; it is created if there is none.

        Raises: PersonIsErased if it was destroyed; PersonKeyUnreadable if no master key
        decrypts it.
        """
        cached = self._cache.get(person_id)
        if cached and cached.cipher and cached.expires_at > monotonic():
            return cached.cipher
        if new_key := self.new_key(person_id):
            _, storing = new_key
            with suppress(UniqueViolation):
                execute(self._pool, storing.statement, storing.values)
        ciphers = self.decryption_keys({person_id})
        if person_id not in ciphers:
            raise PersonKeyUnreadable(person_id)
        cipher = ciphers[person_id]
        if cipher is None:
            raise PersonIsErased(person_id)
        return cipher

    def decryption_keys(self, person_ids: Collection[UUID]) -> dict[UUID, AESGCM | None]:
        """Return the keys to decrypt with: None for an erased person.

        People without a key, or with one that no master key decrypts, are absent.
        """
        ciphers = self._cached_keys(person_ids)
        if missing := [person_id for person_id in person_ids if person_id not in ciphers]:
            ciphers.update(self._fetch_keys(missing))
        return ciphers

    def forget(self) -> None:
        """Read all keys again, because the database may be another one than before."""
        with self._lock:
            self._cache.clear()

    def update_master_key(self) -> None:
        """Read which master key is active; raises WrongMasterKey if it is not configured."""
        for (active_id,) in execute(self._pool, SELECT_ACTIVE_KEY):
            use_active_key(self._ring, active_id)

    def destroy(self, person_id: UUID) -> None:
        """Destroy the key of a person for good; a person without one can never get one."""
        execute(self._pool, DESTROY_KEY, [person_id])
        self.note_destroyed(person_id)

    def note_destroyed(self, person_id: UUID) -> None:
        """Use the key of a person no longer, because it was destroyed."""
        self._cache_keys({person_id: None})

    def _fetch_keys(self, person_ids: Collection[UUID]) -> dict[UUID, AESGCM | None]:
        return self._unwrap_rows(execute(self._pool, SELECT_KEYS, [list(person_ids)]))

    def _unwrap_rows(self, rows: Rows) -> dict[UUID, AESGCM | None]:
        ciphers: dict[UUID, AESGCM | None] = {}
        for person_id, key_id, wrapped in rows:
            try:
                ciphers[person_id] = self._unwrap(person_id, key_id, wrapped)
            except (KeyError, ValueError, InvalidTag):
                logger.exception(
                    "the key of person %s cannot be decrypted with any configured master key",
                    person_id,
                )
        self._cache_keys(ciphers)
        return ciphers

    def _unwrap(self, person_id: UUID, key_id: str | None, wrapped: bytes | None) -> AESGCM | None:
        if key_id is None or wrapped is None:
            return None
        return AESGCM(_unwrap(self._ring.by_id(key_id), person_id, wrapped))

    def _cached_keys(self, person_ids: Collection[UUID]) -> dict[UUID, AESGCM | None]:
        now = monotonic()
        with self._lock:
            cached = {person_id: self._cache.get(person_id) for person_id in person_ids}
        return {
            person_id: entry.cipher
            for person_id, entry in cached.items()
            if entry and entry.expires_at > now
        }

    def _cache_keys(self, ciphers: dict[UUID, AESGCM | None]) -> None:
        expires_at = monotonic() + self._cache_seconds
        with self._lock:
            for person_id, cipher in ciphers.items():
                self._cache[person_id] = _CachedKey(cipher, expires_at)
                self._cache.move_to_end(person_id)
            while len(self._cache) > self._cache_size:
                self._cache.popitem(last=False)


def rewrap_person_key(old: MasterKey, new: MasterKey, person_id: UUID, wrapped: bytes) -> bytes:
    """Return the key of a person, encrypted with another master key.

    Raises: InvalidTag or ValueError if the old key does not decrypt it.
    """
    return _wrap(new, person_id, _unwrap(old, person_id, wrapped))


def _wrap(master_key: MasterKey, person_id: UUID, key: bytes) -> bytes:
    nonce = os.urandom(12)
    associated_data = _associated_data(person_id, master_key.id)
    return nonce + master_key.cipher(PERSON_KEY_PURPOSE).encrypt(nonce, key, associated_data)


def _unwrap(master_key: MasterKey, person_id: UUID, wrapped: bytes) -> bytes:
    return master_key.cipher(PERSON_KEY_PURPOSE).decrypt(
        wrapped[:12], wrapped[12:], _associated_data(person_id, master_key.id)
    )


def _associated_data(person_id: UUID, key_id: str) -> bytes:
    return b"person-key/v1" + person_id.bytes + key_id.encode()
