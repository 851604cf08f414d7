"""Stores the secret addresses of calendars: a digest of each, at most one for each person."""

from hashlib import sha256
from secrets import token_urlsafe
from uuid import UUID

from infrastructure.postgres.execute import SecretStatement, execute
from infrastructure.postgres.pools import ReadPool, WritePool
from infrastructure.postgres.threads import DatabaseThreads

SECRET_BYTES = 32
"""Random bytes of a secret: too many to guess, so that a digest without a key is enough."""

UPSERT_ADDRESS = """
INSERT INTO easeboard.calendar_addresses (person_id, secret_digest)
VALUES (%s, %s)
    ON CONFLICT (person_id) DO UPDATE
   SET secret_digest = excluded.secret_digest,
       created_at = excluded.created_at
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

    def sharing(self, person_id: UUID) -> tuple[str, SecretStatement]:
        """Return a new secret, and the change that makes it the only one of the person."""
        secret = token_urlsafe(SECRET_BYTES)
        return secret, SecretStatement(UPSERT_ADDRESS, [person_id, _digest(secret)])

    def ending(self, person_id: UUID) -> SecretStatement:
        """Return the change that deletes the address of a person."""
        return SecretStatement(DELETE_ADDRESS, [person_id])

    async def delete_person(self, person_id: UUID) -> None:
        """Delete what is stored about a person: their address."""
        await self._threads.run(execute, self._write_pool, DELETE_ADDRESS, [person_id])

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
