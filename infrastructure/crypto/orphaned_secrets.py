"""Finds secrets that no live event names, and destroys them.

A secret is stored and destroyed in the transaction of its event, so there should be none. Earlier
releases left some, and a restored backup may have others.
"""

import asyncio
import secrets
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import structlog

from application.ports import Store
from domain.calendar import Calendar
from domain.connection import Connection
from infrastructure.event_store.errors import EventUnreadable
from infrastructure.observability.instruments import ORPHANED_SECRETS
from infrastructure.postgres.errors import DATABASE_ERRORS
from infrastructure.postgres.execute import execute
from infrastructure.postgres.lease import Lease
from infrastructure.postgres.pools import WritePool
from infrastructure.postgres.threads import DatabaseThreads

SWEEP_INTERVAL_SECONDS = 600.0
"""Seconds between two sweeps."""
SWEEP_LEASE_SECONDS = 30.0
"""Seconds until the lease of a process that died expires."""
SWEEP_LEASE_POLL_SECONDS = 1.0
"""Seconds between two checks whether this process holds the lease now."""
MIN_AGE_SECONDS = 300.0
"""Age of the secrets that are checked: an earlier release stores a token before its event."""
PARTS = 16
"""Parts of all connections; each sweep compares the times of the tokens of one part."""
MAX_CHECKED_TOKENS = 1_000
"""Connections that one sweep loads; the others follow in later sweeps, in random order."""
SWEEP_STATEMENT_SECONDS = 25.0
"""Seconds that a query of all secrets may take."""

# The last event of each connection is found by its index. To find the last event that names a token
# takes longer, so that is done for a part of the connections. A token is stored in the transaction
# of that event, so another time suggests that the event names another token. The times also differ
# if Canvas accepts a token again that it had rejected: the aggregate decides.
SELECT_SUSPECT_TOKENS = """
SELECT token.connection_id, token.fingerprint, sha256(token.sealed)
  FROM easeboard.canvas_tokens AS token
  LEFT JOIN LATERAL (
           SELECT topic
             FROM easeboard.events
            WHERE stream = token.connection_id
            ORDER BY version DESC
            LIMIT 1
       ) AS last ON true
  LEFT JOIN easeboard.people_keys AS key
    ON key.person_id = token.person_id
 WHERE token.created_at < clock_timestamp() - make_interval(secs => %s)
   AND (last.topic IS NULL
        OR last.topic = 'ConnectionClosed'
        OR key.destroyed_at IS NOT NULL
        OR EXISTS (
               SELECT
                 FROM easeboard.canvas_tokens AS other
                WHERE other.connection_id = token.connection_id
                  AND other.fingerprint <> token.fingerprint
           )
        OR (get_byte(uuid_send(token.connection_id), 0) %% %s = %s
            AND abs(extract(epoch FROM token.created_at - (
                    SELECT recorded_at
                      FROM easeboard.events
                     WHERE stream = token.connection_id
                       AND topic IN ('ConnectionOpened', 'TokenRotated')
                     ORDER BY version DESC
                     LIMIT 1
                ))) > 60))
 ORDER BY random()
 LIMIT %s
"""

DELETE_VAULT_ROW = """
DELETE FROM easeboard.canvas_tokens
 WHERE connection_id = %s
   AND fingerprint = %s
   AND sha256(sealed) = %s
RETURNING connection_id
"""
"""Deletes the row that was checked, unless it was stored once more since."""

SELECT_ADDRESSES = """
SELECT person_id
  FROM easeboard.calendar_addresses
 WHERE created_at < clock_timestamp() - make_interval(secs => %s)
"""

# The streams of calendars are computed from the people, which SQL cannot do.
SELECT_SUSPECT_ADDRESSES = """
SELECT address.person_id, address.secret_digest, key.destroyed_at IS NOT NULL
  FROM unnest(%s::uuid[], %s::uuid[]) AS calendar (person_id, stream)
  JOIN easeboard.calendar_addresses AS address USING (person_id)
  LEFT JOIN LATERAL (
           SELECT topic
             FROM easeboard.events
            WHERE stream = calendar.stream
            ORDER BY version DESC
            LIMIT 1
       ) AS last ON true
  LEFT JOIN easeboard.people_keys AS key USING (person_id)
 WHERE last.topic = 'CalendarEnded'
    OR key.destroyed_at IS NOT NULL
"""

DELETE_ADDRESS_ROW = """
DELETE FROM easeboard.calendar_addresses
 WHERE person_id = %s
   AND secret_digest = %s
RETURNING person_id
"""
"""Deletes the row that was checked, unless the calendar got another address since."""

logger = structlog.get_logger()


class SuspectToken(NamedTuple):
    """A stored token that may not be the one of its connection; `digest` identifies the row."""

    connection_id: UUID
    fingerprint: str
    digest: bytes


class SuspectAddress(NamedTuple):
    """A calendar address that may have ended; `digest` identifies the row."""

    person_id: UUID
    digest: bytes
    is_erased: bool


class OrphanedSecrets:
    """Finds and destroys tokens and calendar addresses without a live event.

    An address without any event of its calendar is one of an earlier release, and remains.
    """

    def __init__(
        self,
        store: Store,
        pool: WritePool,
        *,
        min_age_seconds: float = MIN_AGE_SECONDS,
        parts: int = PARTS,
    ) -> None:
        self._store = store
        self._pool = pool
        self._min_age_seconds = min_age_seconds
        self._parts = parts
        self._next_part = secrets.randbelow(parts)
        self._threads = DatabaseThreads(1)

    async def sweep(self) -> int:
        """Destroy all orphaned secrets; returns how many there were.

        Raises: DatabaseBusy, DatabaseUnavailable and errors of psycopg.
        """
        count = 0
        for token in await self._threads.run(self._suspect_tokens):
            if await self._is_orphaned_token(token) and await self._delete(DELETE_VAULT_ROW, token):
                count += 1
                logger.warning("orphaned_token_destroyed", connection_id=str(token.connection_id))
        for address in await self._threads.run(self._suspect_addresses):
            if await self._is_orphaned_address(address) and await self._delete(
                DELETE_ADDRESS_ROW, address[:2]
            ):
                count += 1
                logger.warning("orphaned_address_destroyed", person_id=str(address.person_id))
        return count

    def close(self) -> None:
        """Stop the thread; the caller closes the pool."""
        self._threads.close()

    def _suspect_tokens(self) -> list[SuspectToken]:
        part, self._next_part = self._next_part, (self._next_part + 1) % self._parts
        rows = execute(
            self._pool,
            SELECT_SUSPECT_TOKENS,
            [self._min_age_seconds, self._parts, part, MAX_CHECKED_TOKENS],
            timeout_seconds=SWEEP_STATEMENT_SECONDS,
        )
        return [SuspectToken(*row) for row in rows]

    def _suspect_addresses(self) -> list[SuspectAddress]:
        rows = execute(self._pool, SELECT_ADDRESSES, [self._min_age_seconds])
        people = [person_id for (person_id,) in rows]
        suspects = execute(
            self._pool,
            SELECT_SUSPECT_ADDRESSES,
            [people, [Calendar.id_for(person_id) for person_id in people]],
            timeout_seconds=SWEEP_STATEMENT_SECONDS,
        )
        return [SuspectAddress(*row) for row in suspects]

    async def _is_orphaned_token(self, token: SuspectToken) -> bool:
        """Whether the connection does not exist, is closed or erased, or names another token."""
        try:
            connection = await self._store.load(Connection, token.connection_id)
        except EventUnreadable as error:
            logger.warning(
                "orphan_check_failed",
                connection_id=str(token.connection_id),
                reason=str(error),
            )
            return False
        is_open = connection.status in {"active", "token_rejected"}
        return not is_open or connection.token_fingerprint != token.fingerprint

    async def _is_orphaned_address(self, address: SuspectAddress) -> bool:
        """Whether the calendar has ended, or the person is erased."""
        if address.is_erased:
            return True
        try:
            calendar = await self._store.load(Calendar, Calendar.id_for(address.person_id))
        except EventUnreadable as error:
            logger.warning(
                "orphan_check_failed", person_id=str(address.person_id), reason=str(error)
            )
            return False
        return calendar.exists and calendar.shared_at is None

    async def _delete(self, statement: str, values: Sequence[object]) -> bool:
        return bool(await self._threads.run(execute, self._pool, statement, values))


async def run_sweeps(orphans: OrphanedSecrets, lease: Lease) -> None:
    """Sweep now and every 10 minutes while this process holds the lease, until cancelled.

    The metric has the result of the last sweep, and 0 in the processes that do not sweep.
    """
    next_sweep_at = 0.0
    async with lease.maintain():
        while True:
            now = asyncio.get_running_loop().time()
            if not lease.is_held:
                ORPHANED_SECRETS.set(0)
                next_sweep_at = now
            elif now >= next_sweep_at:
                await _try_sweep(orphans)
                next_sweep_at = now + SWEEP_INTERVAL_SECONDS
            await asyncio.sleep(SWEEP_LEASE_POLL_SECONDS)


async def _try_sweep(orphans: OrphanedSecrets) -> None:
    """Sweep; if the database cannot be used, log it and return."""
    try:
        ORPHANED_SECRETS.set(await orphans.sweep())
    except DATABASE_ERRORS as error:
        logger.warning("sweep_postponed", reason=str(error))
