"""Noticing at the start that a master key is not the one the database was sealed with."""

import os

from cryptography.exceptions import InvalidTag

from infrastructure.crypto.master_key import KeyRing, MasterKey
from infrastructure.postgres.execute import Pool, ask

PURPOSE = "easeboard/canary/v1"
SONG = b"This key opens what this database keeps."

LEAVE = """
INSERT INTO easeboard.key_canary (key_id, sealed)
VALUES (%s, %s)
    ON CONFLICT (key_id) DO NOTHING
"""

EVERY = "SELECT key_id, sealed FROM easeboard.key_canary ORDER BY key_id"


class WrongMasterKey(Exception):
    """A master key is missing, or another one goes by its name; nothing could be opened."""


def check_canary(pool: Pool, ring: KeyRing) -> None:
    """Try every canary left before, then leave one under the newest key.

    Raises WrongMasterKey where the ring lacks a key, or holds another one under its id.
    """
    _try_all(pool, ring)
    ask(pool, LEAVE, [ring.newest.id, _seal(ring.newest)])
    _try_all(pool, ring)


def _try_all(pool: Pool, ring: KeyRing) -> None:
    for key_id, sealed in ask(pool, EVERY):
        _try(ring, key_id, sealed)


def _seal(key: MasterKey) -> bytes:
    nonce = os.urandom(12)
    return nonce + key.cipher(PURPOSE).encrypt(nonce, SONG, key.id.encode())


def _try(ring: KeyRing, key_id: str, sealed: bytes) -> None:
    try:
        ring.by_id(key_id).cipher(PURPOSE).decrypt(sealed[:12], sealed[12:], key_id.encode())
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
