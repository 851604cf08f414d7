"""Idempotency keys: a claim while a request is handled, then its response for a day.

A claim names its process, so that the claim of a dead process can be taken over at once.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, LiteralString, NamedTuple
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb

from domain.log_position import LogPosition
from infrastructure.crypto.keyed_requests import (
    BodyUnreadable,
    KeyedRequest,
    decrypt_body,
    encrypt_body,
)
from infrastructure.crypto.master_key import KeyRing
from infrastructure.postgres.execute import execute
from infrastructure.postgres.pools import WritePool
from infrastructure.postgres.threads import DatabaseThreads

RESPONSE_RETENTION = timedelta(hours=24)
CLAIM_LEASE = timedelta(seconds=60)
"""Lease of a claim; longer than any request.

It ends the claim of an earlier release, or one whose process is alive but could not give it back.
"""
MAX_EXPIRED_ROWS_DELETED = 50
"""Expired rows that are deleted with each stored response, so that they do not accumulate."""
MAX_CLAIM_ATTEMPTS = 4

# A conflict does not wait for a transaction that has locked the row.
INSERT_CLAIM = """
INSERT INTO easeboard.idempotency_keys (
    person_id, request, key_id, fingerprint, claim, held_by, leased_until
)
VALUES (%s, %s, %s, %s, %s, %s, clock_timestamp() + %s)
    ON CONFLICT (person_id, request) DO NOTHING
RETURNING created_at
"""

DELETE_EXPIRED = """
DELETE FROM easeboard.idempotency_keys
 WHERE (person_id, request) = (%s, %s)
   AND created_at <= clock_timestamp() - %s
"""

# The position of an earlier release has no timeline: it is of the log as it is now.
SELECT_ROW = """
SELECT key_id, fingerprint, claim, created_at,
       created_at <= clock_timestamp() - %s,
       CASE WHEN starts_with(held_by, claim || ' ') THEN substr(held_by, 38) END,
       leased_until > clock_timestamp(),
       body_key_id, status, headers, body, position,
       CASE WHEN position > 0 THEN coalesce(timeline, easeboard.current_timeline()) END
  FROM easeboard.idempotency_keys
 WHERE (person_id, request) = (%s, %s)
"""

TAKE_OVER = """
UPDATE easeboard.idempotency_keys
   SET claim = %s,
       held_by = %s,
       leased_until = clock_timestamp() + %s
 WHERE ctid = ANY (ARRAY(
           SELECT ctid
             FROM easeboard.idempotency_keys
            WHERE (person_id, request, claim) = (%s, %s, %s)
              AND status IS NULL
              FOR UPDATE SKIP LOCKED
       ))
RETURNING claim
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
       timeline = %s,
       body_key_id = %s
 WHERE (person_id, request, claim) = (%s, %s, %s)
"""

ABANDON_CLAIM = """
UPDATE easeboard.idempotency_keys
   SET held_by = claim || ' '
 WHERE (person_id, request, claim) = (%s, %s, %s)
"""

DELETE_CLAIM = """
DELETE FROM easeboard.idempotency_keys
 WHERE (person_id, request, claim) = (%s, %s, %s)
"""

DELETE_CLAIMS_OF_PERSON = "DELETE FROM easeboard.idempotency_keys WHERE person_id = %s"


class KeyInUse(Exception):
    """The same request with the same key is being handled."""


class KeyReused(Exception):
    """The key was used before, for a request with other content."""


class Claim(NamedTuple):
    """The right to respond to a request."""

    person_id: UUID
    request_digest: bytes
    id: UUID
    since: datetime
    """When the key was used first, in UTC; a claim that is taken over keeps it."""

    @property
    def row_key(self) -> tuple[UUID, bytes, UUID]:
        """The person, the request and the id, which name the row while the claim lasts."""
        return self[:3]


class EarlierClaim(NamedTuple):
    """A claim that another request has made, and to which there is no response."""

    claim: Claim
    process: str | None
    """The process that holds it; empty if none does, None for a claim of an earlier release."""
    is_leased: bool


class StoredResponse(NamedTuple):
    """A response, and the place of the last event that the request appended (None: none)."""

    status: int
    headers: dict[str, str]
    body: bytes
    appended: LogPosition | None = None


class IdempotencyKeys:
    """Stores claims and responses in easeboard.idempotency_keys, by the clock of the database.

    `is_alive` returns whether the process of a name is alive; `process` is the name of this one.

    Every method may raise DatabaseBusy and DatabaseUnavailable.
    """

    def __init__(
        self,
        pool: WritePool,
        ring: KeyRing,
        *,
        process: str,
        is_alive: Callable[[str], Awaitable[bool]],
        threads: int = 4,
    ) -> None:
        self._pool = pool
        self._ring = ring
        self._process = process
        self._is_alive = is_alive
        self._held: set[UUID] = set()
        self._threads = DatabaseThreads(threads)

    async def claim(self, request: KeyedRequest) -> Claim | EarlierClaim | StoredResponse:
        """Claim a key, or return the earlier claim, or the response that was stored.

        Raises: KeyReused if the key was used for other content before; KeyInUse if the claim
        changes all the time.
        """
        claim_id = uuid4()
        # It is registered before its row exists, so that no other request takes the claim over.
        self._held.add(claim_id)
        claimed: Claim | EarlierClaim | StoredResponse | None = None
        try:
            claimed = await self._threads.run(self._claim, request, claim_id)
        finally:
            if not isinstance(claimed, Claim):
                self._held.discard(claim_id)
        return claimed

    async def take_over(self, earlier: EarlierClaim) -> Claim:
        """Take over a claim that no living process holds.

        Raises: KeyInUse if it is held, or has changed.
        """
        if await self._is_in_use(earlier):
            raise KeyInUse
        claim = earlier.claim._replace(id=uuid4())
        self._held.add(claim.id)
        values = [claim.id, self._holder(claim.id), CLAIM_LEASE, *earlier.claim.row_key]
        rows = None
        try:
            rows = await self._threads.run(execute, self._pool, TAKE_OVER, values)
        finally:
            if not rows:
                self._held.discard(claim.id)
        if not rows:
            raise KeyInUse
        return claim

    async def store(self, claim: Claim, response: StoredResponse) -> None:
        """Store the response for a day, unless another request has taken over the claim."""
        key, place = self._ring.newest, response.appended
        body = encrypt_body(key, claim.person_id, claim.request_digest, response.body)
        position, timeline = (place.position, place.timeline) if place else (0, None)
        columns = [response.status, Jsonb(response.headers), body, position, timeline, key.id]
        values = [RESPONSE_RETENTION, claim.id, MAX_EXPIRED_ROWS_DELETED, *columns, *claim.row_key]
        await self._end(claim, STORE_RESPONSE, values)

    async def release(self, claim: Claim) -> None:
        """Delete the claim, so that the key can be used again, also with other content."""
        await self._end(claim, DELETE_CLAIM, claim.row_key)

    async def abandon(self, claim: Claim) -> None:
        """Leave the claim to the next request with the same content, which can take it over."""
        await self._end(claim, ABANDON_CLAIM, claim.row_key)

    async def delete_person(self, person_id: UUID) -> None:
        """Delete all keys and responses of a person."""
        await self._threads.run(execute, self._pool, DELETE_CLAIMS_OF_PERSON, [person_id])

    def close(self) -> None:
        """Stop the threads; the caller closes the pool."""
        self._threads.close()

    async def _end(self, claim: Claim, statement: LiteralString, values: Sequence[Any]) -> None:
        try:
            await self._threads.run(execute, self._pool, statement, values)
        finally:
            self._held.discard(claim.id)

    async def _is_in_use(self, earlier: EarlierClaim) -> bool:
        if not earlier.is_leased or earlier.process == "":
            return False
        if earlier.process is None:
            return True
        if earlier.process == self._process:
            return earlier.claim.id in self._held
        return await self._is_alive(earlier.process)

    def _holder(self, claim_id: UUID) -> str:
        return f"{claim_id} {self._process}"

    def _claim(
        self, request: KeyedRequest, claim_id: UUID
    ) -> Claim | EarlierClaim | StoredResponse:
        key, row_key = self._ring.newest, (request.person_id, request.request_digest)
        row = [*row_key, key.id, request.fingerprint(key), claim_id, self._holder(claim_id)]
        for _ in range(MAX_CLAIM_ATTEMPTS):
            if inserted := execute(self._pool, INSERT_CLAIM, [*row, CLAIM_LEASE]):
                return Claim(*row_key, claim_id, inserted[0][0])
            if not (rows := execute(self._pool, SELECT_ROW, [RESPONSE_RETENTION, *row_key])):
                continue
            key_id, fingerprint, found_id, since, is_expired, process, is_leased = rows[0][:7]
            claim = Claim(*row_key, found_id, since)
            if is_expired:
                execute(self._pool, DELETE_EXPIRED, [*row_key, RESPONSE_RETENTION])
                continue
            if found_id == claim_id:
                return claim
            if not request.matches(self._ring, key_id, fingerprint):
                raise KeyReused
            stored = self._stored_response(request, rows[0][7:])
            return stored or EarlierClaim(claim, process, is_leased)
        raise KeyInUse

    def _stored_response(
        self, request: KeyedRequest, row: tuple[Any, ...]
    ) -> StoredResponse | None:
        """Return the response of a row, if there is one; raise KeyReused if it is unreadable."""
        key_id, status, headers, body, position, timeline = row
        if status is None:
            return None
        try:
            body = decrypt_body(self._ring, key_id, request, body)
        except BodyUnreadable:
            raise KeyReused from None
        appended = None if timeline is None else LogPosition(timeline, position)
        return StoredResponse(status, headers, body, appended)
