"""Requests with an idempotency key: their digests, and the encryption of their responses.

The body of a response may have a secret, such as the address of a calendar. All keys are derived
from the key of the person, so that nothing of a person can be read or compared after an erasure.
"""

import hmac
import os
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID, uuid5

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

PERSON_KEY_ID = "@person"
"""The key id of rows that the key of their person protects; no master key can have this id."""
REQUEST_DIGEST_PURPOSE = b"easeboard/idempotency-digest/v2"
BODY_ENCRYPTION_PURPOSE = b"easeboard/idempotency-body/v2"
NONCE_BYTES = 12


class BodyUnreadable(Exception):
    """A stored body cannot be decrypted: its key is missing, or it was changed or moved."""


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """A request with an idempotency key.

    `content` may have secrets, so only a keyed hash of it is stored.
    """

    person_id: UUID
    path: str
    key: str
    content: bytes

    @property
    def name(self) -> bytes:
        """Path and key, which identify the request among those of the person."""
        return f"{self.path}\0{self.key}".encode()

    @property
    def command_id(self) -> UUID:
        """The id of the command that the request executes, however often it is sent."""
        return uuid5(self.person_id, f"{self.path}\0{self.key}")


class RequestCipher:
    """Digests and encrypts what is stored of the keyed requests of one person."""

    def __init__(self, person_key: AESGCM) -> None:
        self._digest_key = _derive(person_key, REQUEST_DIGEST_PURPOSE)
        self._body_key = AESGCM(_derive(person_key, BODY_ENCRYPTION_PURPOSE))

    def request_digest(self, request: KeyedRequest) -> bytes:
        """Return a digest that identifies the request among those of the person."""
        return self._digest(b"request", request.name)

    def fingerprint(self, request: KeyedRequest) -> bytes:
        """Return a keyed hash of the content; it cannot be compared with that of another row."""
        return self._digest(b"content", self.request_digest(request) + request.content)

    def matches(self, request: KeyedRequest, fingerprint: bytes) -> bool:
        """Return whether the content of a request has this fingerprint."""
        return hmac.compare_digest(self.fingerprint(request), fingerprint)

    def encrypt_body(self, request_digest: bytes, body: bytes) -> bytes:
        """Return the bytes to store: a nonce, then the encrypted body, bound to its row."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._body_key.encrypt(nonce, body, request_digest)

    def decrypt_body(self, request_digest: bytes, stored: bytes) -> bytes:
        """Return a stored body; raises BodyUnreadable."""
        nonce, encrypted = stored[:NONCE_BYTES], stored[NONCE_BYTES:]
        try:
            return self._body_key.decrypt(nonce, encrypted, request_digest)
        except (ValueError, InvalidTag) as error:
            raise BodyUnreadable from error

    def _digest(self, kind: bytes, content: bytes) -> bytes:
        return hmac.digest(self._digest_key, kind + b"\0" + content, "sha256")


def _derive(person_key: AESGCM, purpose: bytes) -> bytes:
    """Derive 32 bytes for one purpose: the key stream of a nonce that is reserved for it.

    AES in counter mode is a pseudorandom function, and the 12 random bytes with which anything else
    is encrypted do not meet this nonce.
    """
    nonce = sha256(purpose).digest()[:NONCE_BYTES]
    return person_key.encrypt(nonce, bytes(32), None)[:32]
