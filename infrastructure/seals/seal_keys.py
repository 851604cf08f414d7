"""The keys that sign checkpoints: made once, and stored encrypted with a master key."""

from typing import Any
from uuid import uuid4

import psycopg
from cryptography.exceptions import InvalidTag

from infrastructure.crypto.master_key import KeyRing, MasterKey
from infrastructure.crypto.wrapped_seal_keys import unwrap_seal_key, wrap_seal_key
from infrastructure.postgres.pools import ReadPool
from infrastructure.seals.signatures import (
    ED25519,
    ML_DSA_44,
    SigningKey,
    VerifierKey,
    new_signing_key,
    parse_vkey,
    signing_key,
)

SELECT_VKEYS = "SELECT vkey FROM easeboard.seal_keys ORDER BY kind, number"

SELECT_KEYS = """
SELECT vkey, key_id, wrapped
  FROM easeboard.seal_keys
 WHERE retired_at IS NULL
 ORDER BY kind, number
"""

# Of two processes that make the first key at once, the second one waits here and then does nothing.
INSERT_FIRST_KEY = """
INSERT INTO easeboard.seal_keys (kind, number, vkey, key_id, wrapped)
VALUES (%s, 1, %s, %s, %s)
    ON CONFLICT (kind, number) DO NOTHING
"""


class SealKeyUnreadable(Exception):
    """A key that signs checkpoints cannot be decrypted with any configured master key."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The key that signs the checkpoints of {name} cannot be decrypted with any key in "
            "CANVAS_ENCRYPTION_KEY: add the master key that encrypted it."
        )


async def verifier_keys(pool: ReadPool) -> list[VerifierKey]:
    """Return the public keys of the log, Ed25519 first; empty before the first checkpoint."""
    async with pool.connection() as connection:
        rows = await (await connection.execute(SELECT_VKEYS)).fetchall()
    return [parse_vkey(vkey) for (vkey,) in rows]


def stored_signing_keys(connection: psycopg.Connection[Any], ring: KeyRing) -> list[SigningKey]:
    """Return the stored keys that sign, Ed25519 first.

    Raises: SealKeyUnreadable, and the errors of psycopg.
    """
    rows = connection.execute(SELECT_KEYS, binary=True).fetchall()
    return [_to_signing_key(ring, *row) for row in rows]


def ensure_signing_keys(
    connection: psycopg.Connection[Any], ring: KeyRing, *, host: str, with_ml_dsa: bool
) -> list[SigningKey]:
    """Return the keys that sign, Ed25519 first; a kind of which there is none is made and stored.

    All keys have the name of the first one: the origin of the log, `<host>/easeboard/<uuid>`.

    Raises: SealKeyUnreadable, and the errors of psycopg.
    """
    wanted = {ED25519, ML_DSA_44} if with_ml_dsa else {ED25519}
    keys = stored_signing_keys(connection, ring)
    origin = keys[0].name if keys else f"{host}/easeboard/{uuid4()}"
    for kind in sorted(wanted - {key.kind for key in keys}):
        _insert_key(connection, ring.active, new_signing_key(origin, kind))
        keys = stored_signing_keys(connection, ring)
        origin = keys[0].name
    return [key for key in keys if key.kind in wanted]


def _insert_key(
    connection: psycopg.Connection[Any], master_key: MasterKey, key: SigningKey
) -> None:
    vkey = str(key.verifier)
    wrapped = wrap_seal_key(master_key, vkey, key.private_bytes())
    connection.execute(INSERT_FIRST_KEY, [key.kind, vkey, master_key.id, wrapped])


def _to_signing_key(ring: KeyRing, vkey: str, key_id: str, wrapped: bytes) -> SigningKey:
    public = parse_vkey(vkey)
    try:
        private_bytes = unwrap_seal_key(ring.by_id(key_id), vkey, wrapped)
    except (KeyError, ValueError, InvalidTag):
        raise SealKeyUnreadable(public.name) from None
    return signing_key(public.name, public.kind, private_bytes)
