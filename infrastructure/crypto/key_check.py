"""Startup check that the configured master keys can decrypt this database."""

import os
from typing import Any, LiteralString

import psycopg
from cryptography.exceptions import InvalidTag

from infrastructure.crypto.master_key import KeyRing, MasterKey
from infrastructure.postgres.pools import WritePool, open_write_pool
from infrastructure.postgres.retry import with_retry

KEY_CHECK_PURPOSE = "easeboard/canary/v1"
CHECK_PLAINTEXT = b"This key decrypts this database."

KEY_FENCE_LOCK: LiteralString = "SELECT pg_advisory_xact_lock(1161905989, 5)"
"""Waits until no transaction writes a record that is encrypted with a master key."""

INSERT_CHECK = """
INSERT INTO easeboard.key_canary (key_id, sealed)
VALUES (%s, %s)
    ON CONFLICT (key_id) DO NOTHING
"""

# A key is needed if records are encrypted with it, or will be.
SELECT_CHECKS = """
SELECT key_id, sealed,
       key_id = (SELECT id FROM easeboard.master_keys ORDER BY active_since DESC, id LIMIT 1)
       OR EXISTS (SELECT FROM easeboard.people_keys AS key WHERE key.key_id = canary.key_id)
       OR EXISTS (SELECT FROM easeboard.canvas_tokens AS token WHERE token.key_id = canary.key_id)
  FROM easeboard.key_canary AS canary
 ORDER BY key_id
"""

SELECT_ACTIVE_KEY = """
SELECT id
  FROM easeboard.master_keys
 ORDER BY active_since DESC, id
 LIMIT 1
"""

INSERT_FIRST_KEY = """
INSERT INTO easeboard.master_keys (id, active_since)
SELECT %s, clock_timestamp()
 WHERE NOT EXISTS (SELECT FROM easeboard.master_keys)
"""


class WrongMasterKey(Exception):
    """A master key is missing, or another key has its id, so that data cannot be decrypted."""


def check_master_key(pool: WritePool, ring: KeyRing) -> None:
    """Check that the keys decrypt the database, and encrypt with its active key from now on.

    The newest key of the first process becomes the active one of a new database.

    Raises: WrongMasterKey if a needed key is missing, or another key has its id.
    """
    with_retry(pool, lambda connection: _verify(connection, ring))
    active_id = with_retry(pool, lambda connection: _activate_first(connection, ring))
    with_retry(pool, lambda connection: _verify(connection, ring))
    use_active_key(ring, active_id)


def verify_master_keys(url: str, ring: KeyRing) -> None:
    """Check that the keys decrypt the database at this URL; changes nothing.

    Raises: WrongMasterKey if a needed key is missing, or another key has its id.
    """
    with open_write_pool(url, size=1) as pool:
        with_retry(pool, lambda connection: _verify(connection, ring))


def use_active_key(ring: KeyRing, active_id: str) -> None:
    """Encrypt with the active key of the database.

    Raises: WrongMasterKey if it is not configured.
    """
    try:
        ring.use(active_id)
    except KeyError:
        raise WrongMasterKey(_missing_key(active_id, ring)) from None


def store_check(connection: psycopg.Connection[Any], key: MasterKey) -> None:
    """Store a text that only this key decrypts, unless there is one."""
    nonce = os.urandom(12)
    sealed = nonce + key.cipher(KEY_CHECK_PURPOSE).encrypt(nonce, CHECK_PLAINTEXT, key.id.encode())
    connection.execute(INSERT_CHECK, [key.id, sealed])


def _activate_first(connection: psycopg.Connection[Any], ring: KeyRing) -> str:
    """Return the id of the active key; that is the newest key if the database has none yet."""
    with connection.transaction():
        if row := connection.execute(SELECT_ACTIVE_KEY).fetchone():
            return str(row[0])
        connection.execute(KEY_FENCE_LOCK)
        connection.execute(INSERT_FIRST_KEY, [ring.newest.id])
        ((active_id,),) = connection.execute(SELECT_ACTIVE_KEY).fetchall()
        if active_id == ring.newest.id:
            store_check(connection, ring.newest)
        return str(active_id)


def _verify(connection: psycopg.Connection[Any], ring: KeyRing) -> None:
    with connection.transaction():
        checks = connection.execute(SELECT_CHECKS, binary=True).fetchall()
        active = connection.execute(SELECT_ACTIVE_KEY).fetchone()
    for key_id, ciphertext, is_needed in checks:
        if key_id in ring.ids:
            _check(ring.by_id(key_id), ciphertext)
        elif is_needed:
            raise WrongMasterKey(_missing_key(key_id, ring))
    if active and active[0] not in ring.ids:
        raise WrongMasterKey(_missing_key(active[0], ring))


def _check(key: MasterKey, ciphertext: bytes) -> None:
    try:
        key.cipher(KEY_CHECK_PURPOSE).decrypt(ciphertext[:12], ciphertext[12:], key.id.encode())
    except (InvalidTag, ValueError) as error:
        raise WrongMasterKey(
            f"The master key `{key.id}` is not the one that encrypted this database: set the "
            "original key in CANVAS_ENCRYPTION_KEY or, for the embedded database, restore the file "
            "`master-key` in EASEBOARD_HOME. Nothing was changed."
        ) from error


def _missing_key(key_id: str, ring: KeyRing) -> str:
    return (
        f"Data in this database is encrypted with the master key `{key_id}`, which "
        f"CANVAS_ENCRYPTION_KEY does not contain (it contains {', '.join(ring.ids)}): "
        f"add `{key_id}=<key>` at its end."
    )
