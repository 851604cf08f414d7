"""The bytes of a stored state: a form, then JSON, deflated when large, sealed with a key."""

import zlib

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

COMPRESSED_FLAG = 1
ENCRYPTED_FLAG = 2

MIN_COMPRESSED_BYTES = 2048
"""Bytes from which deflating a state pays for itself."""

NONCE_BYTES = 12
FLAG_BYTES = [bytes([flags]) for flags in range(4)]


class DecryptionFailed(ValueError):
    """These bytes are none we wrote, or not with this key, or not for this place."""


def encrypt(data: bytes, cipher: AESGCM | None, nonce: bytes, associated_data: bytes) -> bytes:
    """Bytes to store; `associated_data` is where alone they open. No cipher: not encrypted."""
    flags = 0
    if len(data) >= MIN_COMPRESSED_BYTES:
        flags, data = COMPRESSED_FLAG, zlib.compress(data, 1)
    if cipher is None:
        return FLAG_BYTES[flags] + data
    return FLAG_BYTES[flags | ENCRYPTED_FLAG] + nonce + cipher.encrypt(nonce, data, associated_data)


def decrypt(stored: bytes, cipher: AESGCM | None, associated_data: bytes) -> bytes:
    """What was stored; raises DecryptionFailed, also for encrypted bytes without a key."""
    flags = stored[0] if stored else len(FLAG_BYTES)
    if flags >= len(FLAG_BYTES):
        raise DecryptionFailed("its form is unknown")
    data = stored[1:]
    if flags & ENCRYPTED_FLAG:
        if cipher is None:
            raise DecryptionFailed("there is no key to open it with")
        try:
            data = cipher.decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], associated_data)
        except (InvalidTag, ValueError):
            raise DecryptionFailed("its seal is broken") from None
    return _decompress(data) if flags & COMPRESSED_FLAG else data


def is_encrypted(stored: bytes) -> bool:
    """Whether these bytes need a key."""
    return bool(stored) and stored[0] & ENCRYPTED_FLAG == ENCRYPTED_FLAG


def _decompress(data: bytes) -> bytes:
    try:
        return zlib.decompress(data)
    except zlib.error as error:
        raise DecryptionFailed("it does not inflate") from error
