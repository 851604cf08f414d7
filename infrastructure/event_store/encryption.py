"""The bytes of a stored state: one byte that names the form, then JSON.

Only large states are compressed. With a key, the nonce and the AES-256-GCM ciphertext follow the
form. An event has a commitment before the nonce: the SHA-256 of a random salt, which is encrypted
with the JSON, and of the JSON. So one event can be shown, and be compared with what is stored,
without the key: whoever has salt and JSON has its opening.
"""

import zlib
from hashlib import sha256
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

COMPRESSED_FLAG = 1
ENCRYPTED_FLAG = 2
COMMITTED_FLAG = 4

MIN_COMPRESSED_BYTES = 2048
"""Size from which compression saves more than it costs."""

NONCE_BYTES = 12
SALT_BYTES = 16
RANDOM_BYTES = NONCE_BYTES + SALT_BYTES
"""What one event with a commitment needs."""
COMMITMENT_BYTES = 32

FORM_BYTES = [bytes([form]) for form in range(8)]
_KNOWN_FORMS = frozenset({0, 1, 2, 3, 6, 7})
"""Only what is encrypted has a commitment."""
_HEAD_BYTES = 1 + COMMITMENT_BYTES
"""Form and commitment."""


class DecryptionFailed(ValueError):
    """The bytes have an unknown format, or do not match the key or the associated data."""


class OpeningWrong(ValueError):
    """An opening does not belong to the bytes that are stored."""


class Opening(NamedTuple):
    """What shows the content of one stored event without the key: its salt and its JSON."""

    salt: bytes
    plaintext: bytes


def encrypt(data: bytes, cipher: AESGCM | None, nonce: bytes, associated_data: bytes) -> bytes:
    """Return the bytes to store; without a cipher they are not encrypted.

    `associated_data` (AES-GCM) binds the bytes to their place: stream, version and name. The
    nonce has NONCE_BYTES random bytes.
    """
    form, data = _compress(data)
    if cipher is None:
        return FORM_BYTES[form] + data
    return FORM_BYTES[form | ENCRYPTED_FLAG] + nonce + cipher.encrypt(nonce, data, associated_data)


def encrypt_committed(data: bytes, cipher: AESGCM, random: bytes, associated_data: bytes) -> bytes:
    """Return the bytes of an event to store, with a commitment to its data.

    `random` has RANDOM_BYTES from a secure source. Form and commitment are authenticated with the
    associated data, so that a reader need not compute the commitment.
    """
    nonce, salt = random[:NONCE_BYTES], random[NONCE_BYTES:]
    salted = salt + data
    commitment = sha256(salted).digest()
    form, data = _compress(data)
    if form:
        salted = salt + data
    head = FORM_BYTES[form | ENCRYPTED_FLAG | COMMITTED_FLAG] + commitment
    return head + nonce + cipher.encrypt(nonce, salted, associated_data + head)


def decrypt(stored: bytes, cipher: AESGCM | None, associated_data: bytes) -> bytes:
    """Return the data that was stored, in whichever form.

    Raises: DecryptionFailed if the format is unknown, the key is missing or wrong, or the bytes
    were changed or moved to another place.
    """
    form = _form_of(stored)
    if not form & ENCRYPTED_FLAG:
        data = stored[1:]
    elif form & COMMITTED_FLAG:
        data = _decrypt_salted(stored, cipher, associated_data)[SALT_BYTES:]
    else:
        data = _decrypt(stored, 1, cipher, associated_data)
    return _decompress(data) if form & COMPRESSED_FLAG else data


def open_committed(stored: bytes, cipher: AESGCM, associated_data: bytes) -> Opening | None:
    """Return the opening of stored bytes; None if they have no commitment.

    Raises: what `decrypt` raises; OpeningWrong if the commitment is to other data.
    """
    form = _form_of(stored)
    if not form & COMMITTED_FLAG:
        return None
    salted = _decrypt_salted(stored, cipher, associated_data)
    data = salted[SALT_BYTES:]
    opening = Opening(salted[:SALT_BYTES], _decompress(data) if form & COMPRESSED_FLAG else data)
    check_opening(stored, opening)
    return opening


def commitment_of(stored: bytes) -> bytes | None:
    """Return the commitment in stored bytes; None if their form has none, or is unknown."""
    is_committed = bool(stored) and stored[0] in _KNOWN_FORMS and stored[0] & COMMITTED_FLAG
    if not is_committed or len(stored) < _HEAD_BYTES:
        return None
    return stored[1:_HEAD_BYTES]


def check_opening(stored: bytes, opening: Opening) -> None:
    """Require that stored bytes have a commitment, and that it is to this salt and plaintext.

    Needs no key. That the stored bytes are those of the log, the proof of their entry shows.

    Raises: OpeningWrong.
    """
    commitment = commitment_of(stored)
    if commitment is None:
        raise OpeningWrong("the stored bytes have no commitment")
    if len(opening.salt) != SALT_BYTES:
        raise OpeningWrong(f"a salt has {SALT_BYTES} bytes")
    if sha256(opening.salt + opening.plaintext).digest() != commitment:
        raise OpeningWrong("the commitment in the stored bytes is to another salt or content")


def is_encrypted(stored: bytes) -> bool:
    """Return whether these bytes are encrypted."""
    return bool(stored) and stored[0] & ENCRYPTED_FLAG == ENCRYPTED_FLAG


def _form_of(stored: bytes) -> int:
    if not stored or stored[0] not in _KNOWN_FORMS:
        raise DecryptionFailed("its format is unknown")
    return stored[0]


def _decrypt_salted(stored: bytes, cipher: AESGCM | None, associated_data: bytes) -> bytes:
    return _decrypt(stored, _HEAD_BYTES, cipher, associated_data + stored[:_HEAD_BYTES])


def _decrypt(stored: bytes, start: int, cipher: AESGCM | None, associated_data: bytes) -> bytes:
    if cipher is None:
        raise DecryptionFailed("there is no key to decrypt it with")
    end = start + NONCE_BYTES
    try:
        return cipher.decrypt(stored[start:end], stored[end:], associated_data)
    except (InvalidTag, ValueError):
        raise DecryptionFailed("it was changed, moved, or encrypted with another key") from None


def _compress(data: bytes) -> tuple[int, bytes]:
    if len(data) < MIN_COMPRESSED_BYTES:
        return 0, data
    return COMPRESSED_FLAG, zlib.compress(data, 1)


def _decompress(data: bytes) -> bytes:
    try:
        return zlib.decompress(data)
    except zlib.error as error:
        raise DecryptionFailed("it cannot be decompressed") from error
