"""Requests with an idempotency key: their digests, and the encryption of their responses.

The body of a response may have a secret, such as the address of a calendar.
"""

import hmac
import os
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID, uuid5

from cryptography.exceptions import InvalidTag

from infrastructure.crypto.master_key import KeyRing, MasterKey

REQUEST_FINGERPRINT_PURPOSE = "easeboard/idempotency/v1"
BODY_ENCRYPTION_PURPOSE = "easeboard/idempotency-body/v1"
BODY_NONCE_BYTES = 12


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
    def request_digest(self) -> bytes:
        """A digest that identifies the request among those of the person; its size is fixed."""
        return sha256(f"{self.path}\0{self.key}".encode()).digest()

    @property
    def command_id(self) -> UUID:
        """The id of the command that the request executes, however often it is sent."""
        return uuid5(self.person_id, f"{self.path}\0{self.key}")

    def fingerprint(self, master_key: MasterKey) -> bytes:
        """Return a keyed hash of the content; it cannot be compared with that of another row."""
        row_key = self.person_id.bytes + self.request_digest
        return hmac.digest(
            master_key.derive(REQUEST_FINGERPRINT_PURPOSE), row_key + self.content, "sha256"
        )

    def matches(self, ring: KeyRing, key_id: str, fingerprint: bytes) -> bool:
        """Return whether the content has this fingerprint; False if its master key is missing."""
        try:
            expected = self.fingerprint(ring.by_id(key_id))
        except KeyError:
            return False
        return hmac.compare_digest(expected, fingerprint)


def encrypt_body(key: MasterKey, person_id: UUID, request_digest: bytes, body: bytes) -> bytes:
    """Return the bytes to store: a nonce, then the encrypted body, bound to its request."""
    nonce = os.urandom(BODY_NONCE_BYTES)
    cipher = key.cipher(BODY_ENCRYPTION_PURPOSE)
    return nonce + cipher.encrypt(nonce, body, _associated_data(person_id, request_digest))


def decrypt_body(ring: KeyRing, key_id: str | None, request: KeyedRequest, stored: bytes) -> bytes:
    """Return a stored body; without a key id, an earlier release has stored it in plain text.

    Raises: BodyUnreadable.
    """
    if key_id is None:
        return stored
    nonce, encrypted = stored[:BODY_NONCE_BYTES], stored[BODY_NONCE_BYTES:]
    place = _associated_data(request.person_id, request.request_digest)
    try:
        return ring.by_id(key_id).cipher(BODY_ENCRYPTION_PURPOSE).decrypt(nonce, encrypted, place)
    except (KeyError, ValueError, InvalidTag) as error:
        raise BodyUnreadable from error


def _associated_data(person_id: UUID, request_digest: bytes) -> bytes:
    """Bind a body to its person and request (AES-GCM associated data)."""
    return person_id.bytes + request_digest
