"""Stores the secret addresses of calendars: a digest of each, at most one for each person."""

from datetime import UTC
from hashlib import sha256
from secrets import token_urlsafe
from uuid import UUID

from application.ports import SharedCalendar
from domain.errors import PersonIsErased
from infrastructure.postgres.execute import execute
from infrastructure.postgres.pools import ReadPool, WritePool
from infrastructure.postgres.threads import DatabaseThreads

SECRET_BYTES = 32
"""Random bytes of a secret: too many to guess, so that a digest without a key is enough."""

# An erased person gets no address: the erasure has deleted the row, and a new one would stay.
UPSERT_ADDRESS = """
INSERT INTO easeboard.calendar_addresses (person_id, secret_digest)
SELECT %s, %s
 WHERE NOT EXISTS (
           SELECT FROM easeboard.people_keys
            WHERE person_id = %s
              AND destroyed_at IS NOT NULL
       )
    ON CONFLICT (person_id) DO UPDATE
   SET secret_digest = excluded.secret_digest,
       created_at = excluded.created_at
RETURNING created_at
"""

SELECT_OWNER = """
SELECT person_id
  FROM easeboard.calendar_addresses
 WHERE secret_digest = %s
"""

DELETE_ADDRESS = "DELETE FROM easeboard.calendar_addresses WHERE person_id = %s"


class CalendarAddresses:
    """Stores addresses in easeboard.calendar_addresses; implements application.ports.Calendars.

    Every method may raise DatabaseBusy and DatabaseUnavailable.
    """

    def __init__(self, write_pool: WritePool, read_pool: ReadPool, *, threads: int = 2) -> None:
        self._write_pool = write_pool
        self._read_pool = read_pool
        self._threads = DatabaseThreads(threads)

    async def share(self, person_id: UUID) -> SharedCalendar:
        """Make a new address; the earlier one of the person ends at once.

        Raises: PersonIsErased if the key of the person was destroyed.
        """
        secret = token_urlsafe(SECRET_BYTES)
        values = [person_id, _digest(secret), person_id]
        rows = await self._threads.run(execute, self._write_pool, UPSERT_ADDRESS, values)
        if not rows:
            raise PersonIsErased(person_id)
        return SharedCalendar(secret, rows[0][0].astimezone(UTC))

    async def end(self, person_id: UUID) -> None:
        """Delete the address of a person, if there is one."""
        await self._threads.run(execute, self._write_pool, DELETE_ADDRESS, [person_id])

    async def delete_person(self, person_id: UUID) -> None:
        """Delete what is stored about a person: their address."""
        await self.end(person_id)

    async def owner_of(self, secret: str) -> UUID | None:
        """Return the person whose calendar has this secret; None for any other text.

        Every text is looked up in the same way, so the time reveals nothing about its form.
        """
        async with self._read_pool.connection() as connection:
            result = await connection.execute(SELECT_OWNER, [_digest(secret)], binary=True)
            row = await result.fetchone()
        return row[0] if row else None

    def close(self) -> None:
        """Stop the threads; the caller closes the pools."""
        self._threads.close()


def _digest(secret: str) -> bytes:
    return sha256(secret.encode("utf-8", "surrogatepass")).digest()
