"""Canvas tokens, each sealed with a key of its own, that key wrapped by the master key."""

import hmac
import os
from dataclasses import dataclass
from uuid import UUID

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from infrastructure.crypto.master_key import KeyRing, MasterKey
from infrastructure.postgres.execute import Pool, execute
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

SELECT_ROW = """
SELECT key_id, wrapped, sealed
  FROM easeboard.canvas_tokens
 WHERE connection_id = %s
   AND fingerprint = %s
"""

DELETE_ROWS = """
DELETE FROM easeboard.canvas_tokens
 WHERE connection_id = %s
   AND (%s::text IS NULL OR fingerprint = %s)
"""


@dataclass(unsafe_hash=True)
class TokenUnreadable(Exception):
    """A kept token opens for one person, connection and Canvas alone, and only by its own key."""

    connection_id: UUID

    def __str__(self) -> str:
        return f"The token of connection {self.connection_id} cannot be opened."


class TokenVault:
    """Canvas tokens in easeboard.canvas_tokens; application.ports.Vault."""

    def __init__(self, pool: Pool, ring: KeyRing, *, threads: int = 4) -> None:
        self._pool = pool
        self._ring = ring
        self._threads = DatabaseThreads(threads)

    def fingerprint(self, token: str) -> str:
        """Tell two tokens apart: 8 hex digits of a keyed digest."""
        key = self._ring.newest.derive(FINGERPRINT_PURPOSE)
        return hmac.digest(key, token.encode(), "sha256").hex()[:8]

    async def store(self, person_id: UUID, connection_id: UUID, origin: str, token: str) -> None:
        """Keep a token beside those the connection has."""
        associated_data = _associated_data(person_id, connection_id, origin)
        master_key = self._ring.newest
        wrapped_key, ciphertext = _encrypt_token(master_key, associated_data, token)
        row = [
            connection_id,
            self.fingerprint(token),
            person_id,
            master_key.id,
            wrapped_key,
            ciphertext,
        ]
        await self._threads.run(execute, self._pool, UPSERT_ROW, row)

    async def load(
        self, person_id: UUID, connection_id: UUID, origin: str, fingerprint: str
    ) -> str:
        """Give a kept token back; raises KeyError where it was destroyed, TokenUnreadable."""
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

    async def destroy(self, connection_id: UUID, fingerprint: str | None = None) -> None:
        """Destroy a connection's tokens, all or the one with this fingerprint."""
        values = [connection_id, fingerprint, fingerprint]
        await self._threads.run(execute, self._pool, DELETE_ROWS, values)

    def close(self) -> None:
        """Let the threads go; the pool is the caller's."""
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
    """Where alone a token opens: for this person, over this connection, towards this Canvas."""
    return orjson.dumps(
        {"v": 1, "person": person_id, "connection": connection_id, "origin": origin},
        option=orjson.OPT_SORT_KEYS,
    )
