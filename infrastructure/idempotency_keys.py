"""Answers given once: a claim on a key while a request is worked on, then the answer for a day."""

import hmac
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb

from infrastructure.crypto.master_key import KeyRing, MasterKey
from infrastructure.postgres.execute import Pool, execute
from infrastructure.postgres.threads import DatabaseThreads

REQUEST_FINGERPRINT_PURPOSE = "easeboard/idempotency/v1"
RESPONSE_RETENTION = timedelta(hours=24)
CLAIM_LEASE = timedelta(seconds=60)
"""After it a claim is nobody's: longer than any request takes, so only a dead process's is lost."""
MAX_EXPIRED_ROWS_DELETED = 50
"""Expired rows deleted with each answer kept, so that they never pile up."""
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
       position = NULL
 WHERE existing.claim = excluded.claim
    OR existing.created_at <= clock_timestamp() - %s
    OR (existing.status IS NULL AND existing.leased_until <= clock_timestamp())
RETURNING claim
"""

SELECT_CLAIM = """
SELECT key_id, fingerprint, status, headers, body, position
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
       position = %s
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
    """The same request is being worked on just now."""


class KeyReused(Exception):
    """The key came with something else before."""


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """A request under a key; its content may hold secrets, and is kept as a keyed digest alone."""

    person_id: UUID
    path: str
    key: str
    content: bytes

    @property
    def request_digest(self) -> bytes:
        """What tells it among the person's requests, of one size however long path and key are."""
        return sha256(f"{self.path}\0{self.key}".encode()).digest()

    def fingerprint(self, master_key: MasterKey) -> bytes:
        """A digest of the content that says nothing outside this row."""
        row_key = self.person_id.bytes + self.request_digest
        return hmac.digest(
            master_key.derive(REQUEST_FINGERPRINT_PURPOSE), row_key + self.content, "sha256"
        )


class Claim(NamedTuple):
    """The right to answer a request, until the lease ends."""

    person_id: UUID
    request_digest: bytes
    id: UUID


class StoredResponse(NamedTuple):
    """What was answered, and how far into the log that reached."""

    status: int
    headers: dict[str, str]
    body: bytes
    position: int


class IdempotencyKeys:
    """Claims and answers in easeboard.idempotency_keys, in the time of the database."""

    def __init__(self, pool: Pool, ring: KeyRing, *, threads: int = 4) -> None:
        self._pool = pool
        self._ring = ring
        self._threads = DatabaseThreads(threads)

    async def claim(self, request: KeyedRequest) -> Claim | StoredResponse:
        """The right to answer, or the answer given before; raises KeyInUse, KeyReused."""
        return await self._threads.run(self._claim, request)

    async def store(self, claim: Claim, response: StoredResponse) -> None:
        """Keep the answer for a day, unless somebody else took the claim over."""
        columns = [response.status, Jsonb(response.headers), response.body, response.position]
        values = [RESPONSE_RETENTION, claim.id, MAX_EXPIRED_ROWS_DELETED, *columns, *claim]
        await self._threads.run(execute, self._pool, STORE_RESPONSE, values)

    async def release(self, claim: Claim) -> None:
        """Give the claim up: the key is as good as new."""
        await self._threads.run(execute, self._pool, DELETE_CLAIM, claim)

    async def delete_person(self, person_id: UUID) -> None:
        """Forget every key of a person and what was answered."""
        await self._threads.run(execute, self._pool, DELETE_CLAIMS_OF_PERSON, [person_id])

    def close(self) -> None:
        """Let the threads go; the pool is the caller's."""
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
                key_id, fingerprint, *response = rows[0]
                self._require_same_content(request, key_id, fingerprint)
                if None not in response:
                    return StoredResponse(*response)
                break
        raise KeyInUse

    def _require_same_content(self, request: KeyedRequest, key_id: str, fingerprint: bytes) -> None:
        """Raise KeyReused for other content, or where the key that could tell is gone."""
        try:
            expected = request.fingerprint(self._ring.by_id(key_id))
        except KeyError:
            raise KeyReused from None
        if not hmac.compare_digest(expected, fingerprint):
            raise KeyReused
