"""Encrypts the keys that sign checkpoints with a master key, bound to their public half."""

import os

from infrastructure.crypto.master_key import MasterKey

SEAL_KEY_PURPOSE = "easeboard/seal-keys/v1"
NONCE_BYTES = 12


def wrap_seal_key(master_key: MasterKey, vkey: str, private_bytes: bytes) -> bytes:
    """Return the private half of a key, encrypted with a master key."""
    nonce = os.urandom(NONCE_BYTES)
    cipher = master_key.cipher(SEAL_KEY_PURPOSE)
    return nonce + cipher.encrypt(nonce, private_bytes, _associated_data(vkey, master_key.id))


def unwrap_seal_key(master_key: MasterKey, vkey: str, wrapped: bytes) -> bytes:
    """Return the private half of a key.

    Raises: InvalidTag or ValueError if the master key does not decrypt it for this public half.
    """
    nonce, encrypted = wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:]
    cipher = master_key.cipher(SEAL_KEY_PURPOSE)
    return cipher.decrypt(nonce, encrypted, _associated_data(vkey, master_key.id))


def rewrap_seal_key(old: MasterKey, new: MasterKey, vkey: str, wrapped: bytes) -> bytes:
    """Return the private half of a key, encrypted with another master key.

    Raises: InvalidTag or ValueError if the old one does not decrypt it.
    """
    return wrap_seal_key(new, vkey, unwrap_seal_key(old, vkey, wrapped))


def _associated_data(vkey: str, key_id: str) -> bytes:
    return b"seal-key/v1" + vkey.encode() + b"\n" + key_id.encode()
