"""Idempotency keys: a claim while a request is handled, then its response for a day.

A claim names its process, so that the claim of a dead process can be taken over at once. What is
stored is encrypted with the key of the person.
"""

import math
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, LiteralString, NamedTuple
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb

from domain.errors import PersonIsErased
from domain.log_position import LogPosition
from infrastructure.crypto.earlier_requests import RequestRowReader, earlier_digest
from infrastructure.crypto.keyed_requests import (
    PERSON_KEY_ID,
    BodyUnreadable,
    KeyedRequest,
    RequestCipher,
)
from infrastructure.crypto.master_key import KeyRing
from infrastructure.crypto.person_keys import PersonKeys
from infrastructure.postgres import idempotency_rows as sql
from infrastructure.postgres.execute import execute
from infrastructure.postgres.pools import WritePool
from infrastructure.postgres.threads import DatabaseThreads

RESPONSE_RETENTION = timedelta(hours=24)
CLAIM_LEASE = timedelta(seconds=60)
"""Lease of a claim; longer than any request.

It ends the claim of an earlier release, or one whose process is alive but could not give it back.
"""
MAX_KEYS_PER_PERSON = 5_000
"""Rows of one person within `RESPONSE_RETENTION`."""
MAX_STORED_BODY_BYTES = 64 * 1024
"""A larger response is not stored; no outcome of a command is near it."""
MAX_ROWS_DELETED_TOGETHER = 1_000
MAX_CLAIM_ATTEMPTS = 4


class KeyInUse(Exception):
    """The same request with the same key is being handled."""


class KeyReused(Exception):
    """The key was used before, for a request with other content."""


class TooManyKeys(Exception):
    """The person has used as many keys as one may within a day; `seconds` until the next one."""

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        super().__init__(f"too many idempotency keys; the next one is free in {seconds} s")


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

    `ring` decrypts rows of the release before.
    `is_alive` returns whether the process of a name is alive; `process` is the name of this one.

    Every method may raise DatabaseBusy and DatabaseUnavailable.
    """

    def __init__(
        self,
        pool: WritePool,
        keys: PersonKeys,
        ring: KeyRing,
        *,
        process: str,
        is_alive: Callable[[str], Awaitable[bool]],
        threads: int = 4,
    ) -> None:
        self._pool = pool
        self._keys = keys
        self._ring = ring
        self._process = process
        self._is_alive = is_alive
        self._held: set[UUID] = set()
        self._threads = DatabaseThreads(threads)

    async def claim(self, request: KeyedRequest) -> Claim | EarlierClaim | StoredResponse:
        """Claim a key, or return the earlier claim, or the response that was stored.

        Raises: KeyReused if the key was used for other content before; KeyInUse if the claim
        changes all the time; TooManyKeys; PersonIsErased: nothing of such a person is stored.
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
            rows = await self._threads.run(execute, self._pool, sql.TAKE_OVER, values)
        finally:
            if not rows:
                self._held.discard(claim.id)
        if not rows:
            raise KeyInUse
        return claim

    async def store(self, claim: Claim, response: StoredResponse) -> None:
        """Store the response for a day, unless another request has taken over the claim.

        One that is too large is not stored: the command can be executed again, and its response
        is built from the log. One of a person who was erased meanwhile is not stored either.
        """
        if len(response.body) > MAX_STORED_BODY_BYTES:
            return await self.abandon(claim)
        try:
            await self._threads.run(self._store, claim, response)
        finally:
            self._held.discard(claim.id)

    async def release(self, claim: Claim) -> None:
        """Delete the claim, so that the key can be used again, also with other content."""
        await self._end(claim, sql.DELETE_CLAIM)

    async def abandon(self, claim: Claim) -> None:
        """Leave the claim to the next request with the same content, which can take it over."""
        await self._end(claim, sql.ABANDON_CLAIM)

    async def delete_person(self, person_id: UUID) -> None:
        """Delete all keys and responses of a person."""
        await self._threads.run(execute, self._pool, sql.DELETE_ROWS_OF_PERSON, [person_id])

    async def delete_expired(self) -> int:
        """Delete all keys and responses that are older than a day; returns how many there were."""
        values, deleted = [RESPONSE_RETENTION, MAX_ROWS_DELETED_TOGETHER], 0
        while True:
            rows = await self._threads.run(execute, self._pool, sql.DELETE_EXPIRED_ROWS, values)
            deleted += len(rows)
            if len(rows) < MAX_ROWS_DELETED_TOGETHER:
                return deleted

    def close(self) -> None:
        """Stop the threads; the caller closes the pool."""
        self._threads.close()

    async def _end(self, claim: Claim, statement: LiteralString) -> None:
        try:
            await self._threads.run(execute, self._pool, statement, claim.row_key)
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

    def _cipher(self, person_id: UUID) -> RequestCipher:
        return RequestCipher(self._keys.encryption_key(person_id))

    def _store(self, claim: Claim, response: StoredResponse) -> None:
        try:
            cipher = self._cipher(claim.person_id)
        except PersonIsErased:
            execute(self._pool, sql.DELETE_CLAIM, claim.row_key)
            return
        place = response.appended
        position, timeline = (place.position, place.timeline) if place else (0, None)
        body = cipher.encrypt_body(claim.request_digest, response.body)
        columns = [
            response.status,
            Jsonb(response.headers),
            body,
            position,
            timeline,
            PERSON_KEY_ID,
        ]
        execute(self._pool, sql.STORE_RESPONSE, [*columns, *claim.row_key])

    def _claim(
        self, request: KeyedRequest, claim_id: UUID
    ) -> Claim | EarlierClaim | StoredResponse:
        cipher, person_id = self._cipher(request.person_id), request.person_id
        digest, earlier = cipher.request_digest(request), earlier_digest(request)
        row = [person_id, digest, PERSON_KEY_ID, cipher.fingerprint(request), claim_id]
        owned = [self._holder(claim_id), CLAIM_LEASE, person_id, earlier, RESPONSE_RETENTION]
        quota = [MAX_KEYS_PER_PERSON, person_id, RESPONSE_RETENTION, MAX_KEYS_PER_PERSON]
        reader = RequestRowReader(request, cipher, self._ring)
        for _ in range(MAX_CLAIM_ATTEMPTS):
            if inserted := execute(self._pool, sql.INSERT_CLAIM, [*row, *owned, *quota]):
                return Claim(person_id, digest, claim_id, inserted[0][0])
            values = [RESPONSE_RETENTION, person_id, digest, earlier]
            if not (rows := execute(self._pool, sql.SELECT_ROW, values)):
                self._require_free_row(person_id)
                continue
            found_digest, found_id, since, is_expired = rows[0][:4]
            claim = Claim(person_id, found_digest, found_id, since)
            if is_expired:
                values = [person_id, found_digest, RESPONSE_RETENTION]
                execute(self._pool, sql.DELETE_EXPIRED_CLAIM, values)
                continue
            return claim if found_id == claim_id else _read_row(reader, claim, rows[0][4:])
        raise KeyInUse

    def _require_free_row(self, person_id: UUID) -> None:
        """Check that the person may have another row; raises TooManyKeys."""
        values = [RESPONSE_RETENTION, person_id, RESPONSE_RETENTION]
        [(count, remaining)] = execute(self._pool, sql.COUNT_ROWS, values)
        if count >= MAX_KEYS_PER_PERSON:
            raise TooManyKeys(max(1, math.ceil(remaining.total_seconds())))


def _read_row(
    reader: RequestRowReader, claim: Claim, columns: Sequence[Any]
) -> StoredResponse | EarlierClaim:
    """Return the response of a row, or its claim if there is none.

    Raises: KeyReused if the content is not that of the request, or the response is unreadable.
    """
    key_id, fingerprint, process, is_leased, body_key_id, status, headers, body, *place = columns
    if not reader.matches(key_id, fingerprint):
        raise KeyReused
    if status is None:
        return EarlierClaim(claim, process, is_leased)
    try:
        body = reader.decrypt_body(body_key_id, claim.request_digest, body)
    except BodyUnreadable:
        raise KeyReused from None
    position, timeline = place
    appended = None if timeline is None else LogPosition(timeline, position)
    return StoredResponse(status, headers, body, appended)
