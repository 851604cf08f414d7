"""Stores Canvas tokens: each is encrypted with its own key, which a master key wraps."""

import hmac
import os
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from infrastructure.crypto.master_key import KeyRing, MasterKey
from infrastructure.postgres.batched_calls import BatchedCalls
from infrastructure.postgres.execute import SecretStatement, execute
from infrastructure.postgres.pools import WritePool
from infrastructure.postgres.threads import DatabaseThreads

KEY_WRAPPING_PURPOSE = "canvas/kek/v1"
FINGERPRINT_PURPOSE = "canvas/fingerprint/v2"
EARLY_FINGERPRINT_PURPOSE = "canvas/fingerprint/v1"
TOKEN_NONCE_BYTES = 12

UPSERT_ROW = """
INSERT INTO easeboard.canvas_tokens (
    connection_id, fingerprint, person_id, key_id, wrapped, sealed
)
VALUES (%s, %s, %s, %s, %s, %s)
    ON CONFLICT (connection_id, fingerprint) DO UPDATE
   SET person_id = excluded.person_id,
       key_id = excluded.key_id,
       wrapped = excluded.wrapped,
       sealed = excluded.sealed
"""

UPDATE_ROW = """
UPDATE easeboard.canvas_tokens
   SET key_id = %s,
       wrapped = %s,
       sealed = %s
 WHERE connection_id = %s
   AND fingerprint = %s
   AND person_id = %s
"""

SELECT_ROWS = """
SELECT connection_id, fingerprint, key_id, wrapped, sealed
  FROM unnest(%s::uuid[], %s::text[]) AS asked (connection_id, fingerprint)
  JOIN easeboard.canvas_tokens USING (connection_id, fingerprint)
"""

DELETE_ROWS = """
DELETE FROM easeboard.canvas_tokens
 WHERE connection_id = %s
   AND fingerprint IS DISTINCT FROM %s::text
"""


@dataclass(unsafe_hash=True)
class TokenUnreadable(Exception):
    """A stored token cannot be decrypted for this person, connection and origin.

    The master key is missing, or the row was changed.
    """

    connection_id: UUID

    def __str__(self) -> str:
        return (
            f"The Canvas token of connection {self.connection_id} cannot be decrypted: check "
            "CANVAS_ENCRYPTION_KEY, or rotate the token."
        )


class TokenVault:
    """Stores Canvas tokens in easeboard.canvas_tokens; implements application.ports.Vault."""

    def __init__(self, pool: WritePool, ring: KeyRing, *, threads: int = 4) -> None:
        self._pool = pool
        self._ring = ring
        self._threads = DatabaseThreads(threads)
        self._rows = BatchedCalls(self._threads.running(self._select))

    def fingerprint(self, connection_id: UUID, token: str, known: str = "") -> str:
        """Return 8 hex digits of a keyed hash; they distinguish the tokens of one connection.

        They differ by connection, so that they do not show who has the same token. If `known` is
        the fingerprint of this token, also under another master key or in the form of an earlier
        release, it is returned.
        """
        key_ids = self._ring.ids if known else ()
        for key in map(self._ring.by_id, key_ids):
            if known in {_fingerprint(key, connection_id, token), _early_fingerprint(key, token)}:
                return known
        return _fingerprint(self._ring.active, connection_id, token)

    def storing(
        self,
        person_id: UUID,
        connection_id: UUID,
        origin: str,
        token: str,
        fingerprint: str | None = None,
    ) -> SecretStatement:
        """Return the change that stores a token; the other tokens of the connection remain.

        Its fingerprint is computed unless one is given.
        """
        fingerprint = fingerprint or self.fingerprint(connection_id, token)
        place = token_place(person_id, connection_id, origin)
        row = [connection_id, fingerprint, person_id, *self._encrypted(place, token)]
        return SecretStatement(UPSERT_ROW, row)

    def replacing(
        self,
        person_id: UUID,
        connection_id: UUID,
        origin: str,
        token: str,
        fingerprint: str | None = None,
    ) -> SecretStatement:
        """Return the change that encrypts a token again; it does nothing if it is not stored.

        Its fingerprint is computed unless one is given.
        """
        fingerprint = fingerprint or self.fingerprint(connection_id, token)
        place = token_place(person_id, connection_id, origin)
        row = [*self._encrypted(place, token), connection_id, fingerprint, person_id]
        return SecretStatement(UPDATE_ROW, row)

    def _encrypted(self, associated_data: bytes, token: str) -> tuple[str, bytes, bytes]:
        master_key = self._ring.active
        return master_key.id, *_encrypt_token(master_key, associated_data, token)

    async def load(
        self, person_id: UUID, connection_id: UUID, origin: str, fingerprint: str
    ) -> str:
        """Return a stored token.

        Raises: KeyError if it was destroyed; TokenUnreadable if it cannot be decrypted.
        """
        row = await self._rows.ask((connection_id, fingerprint))
        if row is None:
            raise KeyError(fingerprint)
        key_id, wrapped_key, ciphertext = row
        try:
            associated_data = token_place(person_id, connection_id, origin)
            return _decrypt_token(
                self._ring.by_id(key_id), associated_data, wrapped_key, ciphertext
            )
        except (KeyError, ValueError, InvalidTag):
            raise TokenUnreadable(connection_id) from None

    def _select(self, asked: Sequence[tuple[UUID, str]]) -> list[tuple[str, bytes, bytes] | None]:
        """Return the row of each token, None if there is none, with one statement."""
        columns = [[*column] for column in zip(*asked, strict=True)]
        rows = execute(self._pool, SELECT_ROWS, columns)
        found = {row[:2]: row[2:] for row in rows}
        return [found.get(each) for each in asked]

    def destroying(self, connection_id: UUID, *, keep: str | None = None) -> SecretStatement:
        """Return the change that destroys the tokens of a connection, except `keep`."""
        return SecretStatement(DELETE_ROWS, [connection_id, keep])

    def close(self) -> None:
        """Stop the threads; the caller closes the pool."""
        self._threads.close()


def rewrap_token_key(old: MasterKey, new: MasterKey, place: bytes, wrapped_key: bytes) -> bytes:
    """Return the key of a stored token, encrypted with another master key.

    Raises: InvalidTag or ValueError if the old key does not decrypt it for this place.
    """
    return _wrap_key(new, place, _unwrap_key(old, place, wrapped_key))


def _wrap_key(master_key: MasterKey, associated_data: bytes, key: bytes) -> bytes:
    nonce = os.urandom(TOKEN_NONCE_BYTES)
    cipher = master_key.cipher(KEY_WRAPPING_PURPOSE)
    return nonce + cipher.encrypt(nonce, key, b"key" + associated_data)


def _unwrap_key(master_key: MasterKey, associated_data: bytes, wrapped_key: bytes) -> bytes:
    nonce, encrypted = wrapped_key[:TOKEN_NONCE_BYTES], wrapped_key[TOKEN_NONCE_BYTES:]
    cipher = master_key.cipher(KEY_WRAPPING_PURPOSE)
    return cipher.decrypt(nonce, encrypted, b"key" + associated_data)


def _fingerprint(key: MasterKey, connection_id: UUID, token: str) -> str:
    content = connection_id.bytes + token.encode()
    return hmac.digest(key.derive(FINGERPRINT_PURPOSE), content, "sha256").hex()[:8]


def _early_fingerprint(key: MasterKey, token: str) -> str:
    """Return the fingerprint of earlier releases, which is equal for all connections."""
    digest_key = key.derive(EARLY_FINGERPRINT_PURPOSE)
    return hmac.digest(digest_key, token.encode(), "sha256").hex()[:8]


def _encrypt_token(
    master_key: MasterKey, associated_data: bytes, token: str
) -> tuple[bytes, bytes]:
    key, nonce = os.urandom(32), os.urandom(TOKEN_NONCE_BYTES)
    ciphertext = nonce + AESGCM(key).encrypt(nonce, token.encode(), b"token" + associated_data)
    return _wrap_key(master_key, associated_data, key), ciphertext


def _decrypt_token(
    master_key: MasterKey, associated_data: bytes, wrapped_key: bytes, ciphertext: bytes
) -> str:
    key = _unwrap_key(master_key, associated_data, wrapped_key)
    nonce, encrypted = ciphertext[:TOKEN_NONCE_BYTES], ciphertext[TOKEN_NONCE_BYTES:]
    return AESGCM(key).decrypt(nonce, encrypted, b"token" + associated_data).decode()


def token_place(person_id: UUID, connection_id: UUID, origin: str) -> bytes:
    """Bind a token to its person, connection and Canvas (AES-GCM associated data)."""
    return orjson.dumps(
        {"v": 1, "person": person_id, "connection": connection_id, "origin": origin},
        option=orjson.OPT_SORT_KEYS,
    )
