"""Idempotency keys: a claim while a request is handled, then its response for a day.

The body of a stored response is encrypted, because it may have a secret, such as the address of a
calendar.
"""

import hmac
import os
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID, uuid4

from cryptography.exceptions import InvalidTag
from psycopg.types.json import Jsonb

from infrastructure.crypto.master_key import KeyRing, MasterKey
from infrastructure.postgres.execute import execute
from infrastructure.postgres.pools import WritePool
from infrastructure.postgres.threads import DatabaseThreads

REQUEST_FINGERPRINT_PURPOSE = "easeboard/idempotency/v1"
BODY_ENCRYPTION_PURPOSE = "easeboard/idempotency-body/v1"
BODY_NONCE_BYTES = 12
RESPONSE_RETENTION = timedelta(hours=24)
CLAIM_LEASE = timedelta(seconds=60)
"""Lease of a claim; longer than any request, so only a crashed process loses its claim."""
MAX_EXPIRED_ROWS_DELETED = 50
"""Expired rows that are deleted with each stored response, so that they do not accumulate."""
MAX_CLAIM_ATTEMPTS = 4

INSERT_CLAIM = """
INSERT INTO easeboard.idempotency_keys AS existing (
    person_id, request, key_id, fingerprint, claim, leased_until
)
VALUES (%s, %s, %s, %s, %s, clock_timestamp() + %s)
    ON CONFLICT (person_id, request) DO UPDATE
   SET key_id = excluded.key_id,
       fingerprint = excluded.fingerprint,
       claim = excluded.claim,
       created_at = excluded.created_at,
       leased_until = excluded.leased_until,
       status = NULL,
       headers = NULL,
       body = NULL,
       position = NULL,
       body_key_id = NULL
 WHERE existing.claim = excluded.claim
    OR existing.created_at <= clock_timestamp() - %s
    OR (existing.status IS NULL AND existing.leased_until <= clock_timestamp())
RETURNING claim
"""

SELECT_CLAIM = """
SELECT key_id, fingerprint, body_key_id, status, headers, body, position
  FROM easeboard.idempotency_keys
 WHERE person_id = %s
   AND request = %s
"""

STORE_RESPONSE = """
WITH deleted AS (
    DELETE FROM easeboard.idempotency_keys
     WHERE ctid = ANY (ARRAY(
        SELECT ctid
          FROM easeboard.idempotency_keys
         WHERE created_at <= clock_timestamp() - %s
           AND claim <> %s
         ORDER BY created_at
         LIMIT %s
           FOR UPDATE SKIP LOCKED
     ))
)
UPDATE easeboard.idempotency_keys
   SET status = %s,
       headers = %s,
       body = %s,
       position = %s,
       body_key_id = %s
 WHERE person_id = %s
   AND request = %s
   AND claim = %s
"""

DELETE_CLAIM = """
DELETE FROM easeboard.idempotency_keys
 WHERE person_id = %s
   AND request = %s
   AND claim = %s
"""

DELETE_CLAIMS_OF_PERSON = "DELETE FROM easeboard.idempotency_keys WHERE person_id = %s"


class KeyInUse(Exception):
    """The same request with the same key is being handled."""


class KeyReused(Exception):
    """The key was used before, for a request with other content."""


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

    def fingerprint(self, master_key: MasterKey) -> bytes:
        """Return a keyed hash of the content; it cannot be compared with that of another row."""
        row_key = self.person_id.bytes + self.request_digest
        return hmac.digest(
            master_key.derive(REQUEST_FINGERPRINT_PURPOSE), row_key + self.content, "sha256"
        )


class Claim(NamedTuple):
    """The right to respond to a request, until the lease ends."""

    person_id: UUID
    request_digest: bytes
    id: UUID


class StoredResponse(NamedTuple):
    """A response, and the position of the last event that the request appended (0: none)."""

    status: int
    headers: dict[str, str]
    body: bytes
    position: int


class IdempotencyKeys:
    """Stores claims and responses in easeboard.idempotency_keys, by the clock of the database.

    Every method may raise DatabaseBusy and DatabaseUnavailable.
    """

    def __init__(self, pool: WritePool, ring: KeyRing, *, threads: int = 4) -> None:
        self._pool = pool
        self._ring = ring
        self._threads = DatabaseThreads(threads)

    async def claim(self, request: KeyedRequest) -> Claim | StoredResponse:
        """Claim a key for a request, or return the response that was stored for it.

        Raises: KeyInUse if the same request is being handled; KeyReused if the key was used for
        other content before.
        """
        return await self._threads.run(self._claim, request)

    async def store(self, claim: Claim, response: StoredResponse) -> None:
        """Store the response for a day, unless another request has taken over the claim."""
        master_key = self._ring.newest
        body = _encrypt_body(master_key, claim, response.body)
        columns = [response.status, Jsonb(response.headers), body, response.position, master_key.id]
        values = [RESPONSE_RETENTION, claim.id, MAX_EXPIRED_ROWS_DELETED, *columns, *claim]
        await self._threads.run(execute, self._pool, STORE_RESPONSE, values)

    async def release(self, claim: Claim) -> None:
        """Delete the claim, so that the key can be used again, also with other content."""
        await self._threads.run(execute, self._pool, DELETE_CLAIM, claim)

    async def delete_person(self, person_id: UUID) -> None:
        """Delete all keys and responses of a person."""
        await self._threads.run(execute, self._pool, DELETE_CLAIMS_OF_PERSON, [person_id])

    def close(self) -> None:
        """Stop the threads; the caller closes the pool."""
        self._threads.close()

    def _claim(self, request: KeyedRequest) -> Claim | StoredResponse:
        master_key, claim = (
            self._ring.newest,
            Claim(request.person_id, request.request_digest, uuid4()),
        )
        row = [
            request.person_id,
            request.request_digest,
            master_key.id,
            request.fingerprint(master_key),
            claim.id,
        ]
        for _ in range(MAX_CLAIM_ATTEMPTS):
            if execute(self._pool, INSERT_CLAIM, [*row, CLAIM_LEASE, RESPONSE_RETENTION]):
                return claim
            if rows := execute(
                self._pool, SELECT_CLAIM, [request.person_id, request.request_digest]
            ):
                key_id, fingerprint, body_key_id, *response = rows[0]
                self._require_same_content(request, key_id, fingerprint)
                if None not in response:
                    return self._decrypt(request, body_key_id, StoredResponse(*response))
                break
        raise KeyInUse

    def _require_same_content(self, request: KeyedRequest, key_id: str, fingerprint: bytes) -> None:
        """Raise KeyReused for other content, or if the master key for the comparison is missing."""
        try:
            expected = request.fingerprint(self._ring.by_id(key_id))
        except KeyError:
            raise KeyReused from None
        if not hmac.compare_digest(expected, fingerprint):
            raise KeyReused

    def _decrypt(
        self, request: KeyedRequest, key_id: str | None, stored: StoredResponse
    ) -> StoredResponse:
        """Decrypt the body; raise KeyReused if that is not possible.

        Without a key id, an earlier release has stored it in plain text.
        """
        if key_id is None:
            return stored
        nonce, encrypted = stored.body[:BODY_NONCE_BYTES], stored.body[BODY_NONCE_BYTES:]
        try:
            cipher = self._ring.by_id(key_id).cipher(BODY_ENCRYPTION_PURPOSE)
            body = cipher.decrypt(
                nonce, encrypted, _associated_data(request.person_id, request.request_digest)
            )
        except (KeyError, ValueError, InvalidTag):
            raise KeyReused from None
        return stored._replace(body=body)


def _encrypt_body(master_key: MasterKey, claim: Claim, body: bytes) -> bytes:
    nonce = os.urandom(BODY_NONCE_BYTES)
    associated_data = _associated_data(claim.person_id, claim.request_digest)
    return nonce + master_key.cipher(BODY_ENCRYPTION_PURPOSE).encrypt(nonce, body, associated_data)


def _associated_data(person_id: UUID, request_digest: bytes) -> bytes:
    """Bind a body to its person and request (AES-GCM associated data)."""
    return person_id.bytes + request_digest
