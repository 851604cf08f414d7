"""Noticing at the start that a master key is not the one the database was sealed with."""

import os

from cryptography.exceptions import InvalidTag

from infrastructure.crypto.master_key import KeyRing, MasterKey
from infrastructure.postgres.execute import Pool, execute

KEY_CHECK_PURPOSE = "easeboard/canary/v1"
CHECK_PLAINTEXT = b"This key opens what this database keeps."

INSERT_CHECK = """
INSERT INTO easeboard.key_canary (key_id, sealed)
VALUES (%s, %s)
    ON CONFLICT (key_id) DO NOTHING
"""

SELECT_CHECKS = "SELECT key_id, sealed FROM easeboard.key_canary ORDER BY key_id"


class WrongMasterKey(Exception):
    """A master key is missing, or another one goes by its name; nothing could be opened."""


def check_master_key(pool: Pool, ring: KeyRing) -> None:
    """Try every canary left before, then leave one under the newest key.

    Raises WrongMasterKey where the ring lacks a key, or holds another one under its id.
    """
    _check_all(pool, ring)
    execute(pool, INSERT_CHECK, [ring.newest.id, _encrypt_check(ring.newest)])
    _check_all(pool, ring)


def _check_all(pool: Pool, ring: KeyRing) -> None:
    for key_id, ciphertext in execute(pool, SELECT_CHECKS):
        _check(ring, key_id, ciphertext)


def _encrypt_check(key: MasterKey) -> bytes:
    nonce = os.urandom(12)
    return nonce + key.cipher(KEY_CHECK_PURPOSE).encrypt(nonce, CHECK_PLAINTEXT, key.id.encode())


def _check(ring: KeyRing, key_id: str, ciphertext: bytes) -> None:
    try:
        ring.by_id(key_id).cipher(KEY_CHECK_PURPOSE).decrypt(
            ciphertext[:12], ciphertext[12:], key_id.encode()
        )
    except KeyError as error:
        raise WrongMasterKey(
            f"This database was sealed with a master key `{key_id}` that CANVAS_ENCRYPTION_KEY "
            f"does not hold (it holds {', '.join(ring.ids)}): add it to the list."
        ) from error
    except (InvalidTag, ValueError) as error:
        raise WrongMasterKey(
            f"The master key `{key_id}` in CANVAS_ENCRYPTION_KEY is not the one this database "
            "was sealed with: put that one back. Nothing was changed."
        ) from error
