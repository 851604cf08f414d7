"""Reads rows of requests with an idempotency key, also those that the release before wrote.

That release uses master keys. Its rows end within a day of the upgrade, and are read until then.
"""

import hmac
from hashlib import sha256

from cryptography.exceptions import InvalidTag

from infrastructure.crypto.keyed_requests import (
    NONCE_BYTES,
    PERSON_KEY_ID,
    BodyUnreadable,
    KeyedRequest,
    RequestCipher,
)
from infrastructure.crypto.master_key import KeyRing

EARLIER_FINGERPRINT_PURPOSE = "easeboard/idempotency/v1"
EARLIER_BODY_PURPOSE = "easeboard/idempotency-body/v1"


class RequestRowReader:
    """Compares a request with what is stored of it, and decrypts its response."""

    def __init__(self, request: KeyedRequest, cipher: RequestCipher, ring: KeyRing) -> None:
        self._request = request
        self._cipher = cipher
        self._ring = ring

    def matches(self, key_id: str, fingerprint: bytes) -> bool:
        """Return whether the content has this fingerprint; False if its master key is missing."""
        if key_id == PERSON_KEY_ID:
            return self._cipher.matches(self._request, fingerprint)
        try:
            key = self._ring.by_id(key_id).derive(EARLIER_FINGERPRINT_PURPOSE)
        except KeyError:
            return False
        expected = hmac.digest(key, _row_key(self._request) + self._request.content, "sha256")
        return hmac.compare_digest(expected, fingerprint)

    def decrypt_body(self, key_id: str | None, request_digest: bytes, stored: bytes) -> bytes:
        """Return a stored body; without a key id, it is stored in plain text.

        Raises: BodyUnreadable.
        """
        if key_id is None:
            return stored
        if key_id == PERSON_KEY_ID:
            return self._cipher.decrypt_body(request_digest, stored)
        nonce, encrypted = stored[:NONCE_BYTES], stored[NONCE_BYTES:]
        try:
            cipher = self._ring.by_id(key_id).cipher(EARLIER_BODY_PURPOSE)
            return cipher.decrypt(nonce, encrypted, _row_key(self._request))
        except (KeyError, ValueError, InvalidTag) as error:
            raise BodyUnreadable from error


def earlier_digest(request: KeyedRequest) -> bytes:
    """Return the digest by which the release before identifies a request."""
    return sha256(request.name).digest()


def _row_key(request: KeyedRequest) -> bytes:
    """Return person and request, to which fingerprint and body are bound."""
    return request.person_id.bytes + earlier_digest(request)
