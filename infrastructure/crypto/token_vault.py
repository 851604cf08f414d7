"""Canvas tokens, each sealed with a key of its own, that key wrapped by the master key."""

import hmac
import os
from dataclasses import dataclass
from uuid import UUID

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from infrastructure.crypto.master_key import KeyRing, MasterKey
from infrastructure.postgres.execute import Pool, ask
from infrastructure.postgres.threads import Threads

WRAPPING = "canvas/kek/v1"
FINGERPRINT = "canvas/fingerprint/v1"
NONCE = 12

KEEP = """
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

REVEAL = """
SELECT key_id, wrapped, sealed
  FROM easeboard.canvas_tokens
 WHERE connection_id = %s
   AND fingerprint = %s
"""

DESTROY = """
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
        self._threads = Threads(threads)

    def fingerprint(self, token: str) -> str:
        """Tell two tokens apart: 8 hex digits of a keyed digest."""
        key = self._ring.newest.derive(FINGERPRINT)
        return hmac.digest(key, token.encode(), "sha256").hex()[:8]

    async def keep(self, person_id: UUID, connection_id: UUID, origin: str, token: str) -> None:
        """Keep a token beside those the connection has."""
        place = _place(person_id, connection_id, origin)
        master = self._ring.newest
        wrapped, sealed = _seal(master, place, token)
        row = [connection_id, self.fingerprint(token), person_id, master.id, wrapped, sealed]
        await self._threads.run(ask, self._pool, KEEP, row)

    async def reveal(
        self, person_id: UUID, connection_id: UUID, origin: str, fingerprint: str
    ) -> str:
        """Give a kept token back; raises KeyError where it was destroyed, TokenUnreadable."""
        rows = await self._threads.run(ask, self._pool, REVEAL, [connection_id, fingerprint])
        if not rows:
            raise KeyError(fingerprint)
        key_id, wrapped, sealed = rows[0]
        try:
            place = _place(person_id, connection_id, origin)
            return _open(self._ring.by_id(key_id), place, wrapped, sealed)
        except (KeyError, ValueError, InvalidTag):
            raise TokenUnreadable(connection_id) from None

    async def destroy(self, connection_id: UUID, fingerprint: str | None = None) -> None:
        """Destroy a connection's tokens, all or the one with this fingerprint."""
        wanted = [connection_id, fingerprint, fingerprint]
        await self._threads.run(ask, self._pool, DESTROY, wanted)

    def close(self) -> None:
        """Let the threads go; the pool is the caller's."""
        self._threads.close()


def _seal(master: MasterKey, place: bytes, token: str) -> tuple[bytes, bytes]:
    key, nonce, other = os.urandom(32), os.urandom(NONCE), os.urandom(NONCE)
    wrapped = nonce + master.cipher(WRAPPING).encrypt(nonce, key, b"key" + place)
    sealed = other + AESGCM(key).encrypt(other, token.encode(), b"token" + place)
    return wrapped, sealed


def _open(master: MasterKey, place: bytes, wrapped: bytes, sealed: bytes) -> str:
    key = master.cipher(WRAPPING).decrypt(wrapped[:NONCE], wrapped[NONCE:], b"key" + place)
    return AESGCM(key).decrypt(sealed[:NONCE], sealed[NONCE:], b"token" + place).decode()


def _place(person_id: UUID, connection_id: UUID, origin: str) -> bytes:
    """Where alone a token opens: for this person, over this connection, towards this Canvas."""
    return orjson.dumps(
        {"v": 1, "person": person_id, "connection": connection_id, "origin": origin},
        option=orjson.OPT_SORT_KEYS,
    )
