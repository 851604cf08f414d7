"""The bytes of a stored state: one byte of flags, then JSON, compressed and encrypted.

Only large states are compressed. With a key, the nonce and the AES-256-GCM ciphertext follow the
flags.
"""

import zlib

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

COMPRESSED_FLAG = 1
ENCRYPTED_FLAG = 2

MIN_COMPRESSED_BYTES = 2048
"""Size from which compression saves more than it costs."""

NONCE_BYTES = 12
FLAG_BYTES = [bytes([flags]) for flags in range(4)]


class DecryptionFailed(ValueError):
    """The bytes have an unknown format, or do not match the key or the associated data."""


def encrypt(data: bytes, cipher: AESGCM | None, nonce: bytes, associated_data: bytes) -> bytes:
    """Return the bytes to store; without a cipher they are not encrypted.

    `associated_data` (AES-GCM) binds the bytes to their place: stream, version and name. The
    nonce has NONCE_BYTES random bytes.
    """
    flags = 0
    if len(data) >= MIN_COMPRESSED_BYTES:
        flags, data = COMPRESSED_FLAG, zlib.compress(data, 1)
    if cipher is None:
        return FLAG_BYTES[flags] + data
    return FLAG_BYTES[flags | ENCRYPTED_FLAG] + nonce + cipher.encrypt(nonce, data, associated_data)


def decrypt(stored: bytes, cipher: AESGCM | None, associated_data: bytes) -> bytes:
    """Return the data that was stored.

    Raises: DecryptionFailed if the format is unknown, the key is missing or wrong, or the bytes
    were changed or moved to another place.
    """
    flags = stored[0] if stored else len(FLAG_BYTES)
    if flags >= len(FLAG_BYTES):
        raise DecryptionFailed("its format is unknown")
    data = stored[1:]
    if flags & ENCRYPTED_FLAG:
        if cipher is None:
            raise DecryptionFailed("there is no key to decrypt it with")
        try:
            data = cipher.decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], associated_data)
        except (InvalidTag, ValueError):
            raise DecryptionFailed("it was changed, moved, or encrypted with another key") from None
    return _decompress(data) if flags & COMPRESSED_FLAG else data


def is_encrypted(stored: bytes) -> bool:
    """Return whether these bytes are encrypted."""
    return bool(stored) and stored[0] & ENCRYPTED_FLAG == ENCRYPTED_FLAG


def _decompress(data: bytes) -> bytes:
    try:
        return zlib.decompress(data)
    except zlib.error as error:
        raise DecryptionFailed("it cannot be decompressed") from error
