"""The bytes of a stored state: a form, then JSON, deflated when large, sealed with a key."""

import zlib

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

DEFLATED = 1
SEALED = 2

LARGE = 2048
"""Bytes from which deflating a state pays for itself."""

NONCE = 12
FORMS = [bytes([form]) for form in range(4)]


class Unopenable(ValueError):
    """These bytes are none we wrote, or not with this key, or not for this place."""


def enclose(data: bytes, cipher: AESGCM | None, nonce: bytes, bound_to: bytes) -> bytes:
    """Bytes to store; `bound_to` names the place where alone they open. No cipher: not sealed."""
    form = 0
    if len(data) >= LARGE:
        form, data = DEFLATED, zlib.compress(data, 1)
    if cipher is None:
        return FORMS[form] + data
    return FORMS[form | SEALED] + nonce + cipher.encrypt(nonce, data, bound_to)


def disclose(stored: bytes, cipher: AESGCM | None, bound_to: bytes) -> bytes:
    """What was stored; raises Unopenable, also where something is sealed that should not be."""
    form = stored[0] if stored else len(FORMS)
    if form >= len(FORMS):
        raise Unopenable("its form is unknown")
    data = stored[1:]
    if form & SEALED:
        if cipher is None:
            raise Unopenable("there is no key to open it with")
        try:
            data = cipher.decrypt(data[:NONCE], data[NONCE:], bound_to)
        except (InvalidTag, ValueError):
            raise Unopenable("its seal is broken") from None
    return _inflated(data) if form & DEFLATED else data


def is_sealed(stored: bytes) -> bool:
    """Whether these bytes need a key."""
    return bool(stored) and stored[0] & SEALED == SEALED


def _inflated(data: bytes) -> bytes:
    try:
        return zlib.decompress(data)
    except zlib.error as error:
        raise Unopenable("it does not inflate") from error
