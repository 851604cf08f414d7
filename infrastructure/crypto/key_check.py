"""Startup check that the configured master keys can decrypt this database."""

import os

from cryptography.exceptions import InvalidTag

from infrastructure.crypto.master_key import KeyRing, MasterKey
from infrastructure.postgres.execute import execute
from infrastructure.postgres.pools import WritePool

KEY_CHECK_PURPOSE = "easeboard/canary/v1"
CHECK_PLAINTEXT = b"This key decrypts this database."

INSERT_CHECK = """
INSERT INTO easeboard.key_canary (key_id, sealed)
VALUES (%s, %s)
    ON CONFLICT (key_id) DO NOTHING
"""

SELECT_CHECKS = "SELECT key_id, sealed FROM easeboard.key_canary ORDER BY key_id"


class WrongMasterKey(Exception):
    """A master key is missing, or another key has its id, so that data cannot be decrypted."""


def check_master_key(pool: WritePool, ring: KeyRing) -> None:
    """Decrypt every stored key check, then store one for the newest key.

    Raises: WrongMasterKey if a key is missing, or another key has its id.
    """
    _check_all(pool, ring)
    execute(pool, INSERT_CHECK, [ring.newest.id, _encrypt_check(ring.newest)])
    _check_all(pool, ring)


def _check_all(pool: WritePool, ring: KeyRing) -> None:
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
            f"Data in this database is encrypted with the master key `{key_id}`, which "
            f"CANVAS_ENCRYPTION_KEY does not contain (it contains {', '.join(ring.ids)}): "
            f"add `{key_id}=<key>` at its end."
        ) from error
    except (InvalidTag, ValueError) as error:
        raise WrongMasterKey(
            f"The master key `{key_id}` is not the one that encrypted this database: set the "
            "original key in CANVAS_ENCRYPTION_KEY or, for the embedded database, restore the file "
            "`master-key` in EASEBOARD_HOME. Nothing was changed."
        ) from error
