"""Stores Canvas tokens: each is encrypted with its own key, which a master key wraps."""

import hmac
import os
from dataclasses import dataclass
from uuid import UUID

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from infrastructure.crypto.master_key import KeyRing, MasterKey
from infrastructure.postgres.execute import SecretStatement, execute
from infrastructure.postgres.pools import WritePool
from infrastructure.postgres.threads import DatabaseThreads

KEY_WRAPPING_PURPOSE = "canvas/kek/v1"
FINGERPRINT_PURPOSE = "canvas/fingerprint/v1"
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

SELECT_ROW = """
SELECT key_id, wrapped, sealed
  FROM easeboard.canvas_tokens
 WHERE connection_id = %s
   AND fingerprint = %s
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

    def fingerprint(self, token: str) -> str:
        """Return 8 hex digits of a keyed hash; they distinguish tokens but do not reveal them."""
        key = self._ring.newest.derive(FINGERPRINT_PURPOSE)
        return hmac.digest(key, token.encode(), "sha256").hex()[:8]

    def storing(
        self, person_id: UUID, connection_id: UUID, origin: str, token: str
    ) -> SecretStatement:
        """Return the change that stores a token; the other tokens of the connection remain."""
        return SecretStatement(UPSERT_ROW, self._row(person_id, connection_id, origin, token))

    def replacing(
        self, person_id: UUID, connection_id: UUID, origin: str, token: str
    ) -> SecretStatement:
        """Return the change that encrypts a token anew; it does nothing if it is not stored."""
        row = self._row(person_id, connection_id, origin, token)
        return SecretStatement(UPDATE_ROW, [*row[3:], *row[:3]])

    def _row(
        self, person_id: UUID, connection_id: UUID, origin: str, token: str
    ) -> list[UUID | str | bytes]:
        master_key = self._ring.newest
        wrapped_key, ciphertext = _encrypt_token(
            master_key, _associated_data(person_id, connection_id, origin), token
        )
        fingerprint = self.fingerprint(token)
        return [connection_id, fingerprint, person_id, master_key.id, wrapped_key, ciphertext]

    async def load(
        self, person_id: UUID, connection_id: UUID, origin: str, fingerprint: str
    ) -> str:
        """Return a stored token.

        Raises: KeyError if it was destroyed; TokenUnreadable if it cannot be decrypted.
        """
        rows = await self._threads.run(
            execute, self._pool, SELECT_ROW, [connection_id, fingerprint]
        )
        if not rows:
            raise KeyError(fingerprint)
        key_id, wrapped_key, ciphertext = rows[0]
        try:
            associated_data = _associated_data(person_id, connection_id, origin)
            return _decrypt_token(
                self._ring.by_id(key_id), associated_data, wrapped_key, ciphertext
            )
        except (KeyError, ValueError, InvalidTag):
            raise TokenUnreadable(connection_id) from None

    def destroying(self, connection_id: UUID, *, keep: str | None = None) -> SecretStatement:
        """Return the change that destroys the tokens of a connection, except `keep`."""
        return SecretStatement(DELETE_ROWS, [connection_id, keep])

    def close(self) -> None:
        """Stop the threads; the caller closes the pool."""
        self._threads.close()


def _encrypt_token(
    master_key: MasterKey, associated_data: bytes, token: str
) -> tuple[bytes, bytes]:
    key = os.urandom(32)
    key_nonce, token_nonce = os.urandom(TOKEN_NONCE_BYTES), os.urandom(TOKEN_NONCE_BYTES)
    wrapped_key = key_nonce + master_key.cipher(KEY_WRAPPING_PURPOSE).encrypt(
        key_nonce, key, b"key" + associated_data
    )
    ciphertext = token_nonce + AESGCM(key).encrypt(
        token_nonce, token.encode(), b"token" + associated_data
    )
    return wrapped_key, ciphertext


def _decrypt_token(
    master_key: MasterKey, associated_data: bytes, wrapped_key: bytes, ciphertext: bytes
) -> str:
    key = master_key.cipher(KEY_WRAPPING_PURPOSE).decrypt(
        wrapped_key[:TOKEN_NONCE_BYTES], wrapped_key[TOKEN_NONCE_BYTES:], b"key" + associated_data
    )
    token_nonce, encrypted = ciphertext[:TOKEN_NONCE_BYTES], ciphertext[TOKEN_NONCE_BYTES:]
    return AESGCM(key).decrypt(token_nonce, encrypted, b"token" + associated_data).decode()


def _associated_data(person_id: UUID, connection_id: UUID, origin: str) -> bytes:
    """Bind a token to its person, connection and Canvas (AES-GCM associated data)."""
    return orjson.dumps(
        {"v": 1, "person": person_id, "connection": connection_id, "origin": origin},
        option=orjson.OPT_SORT_KEYS,
    )
