"""The users at the identity provider that wait for their deletion, which is part of an erasure.

The order to delete is stored in the transaction of the erasure, so it is not lost.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from psycopg_pool import AsyncConnectionPool

MAX_DUE_USERS = 20
"""Users whose deletion is tried in one round."""
MAX_ERROR_CHARACTERS = 300

SELECT_DUE = """
SELECT person_id
  FROM easeboard.erasures
 WHERE auth_user = 'waiting'
   AND auth_next_at <= clock_timestamp()
 ORDER BY auth_next_at
 LIMIT %s
"""

NOTE_DELETED = """
UPDATE easeboard.erasures
   SET auth_user     = 'deleted',
       auth_attempts = auth_attempts + 1,
       auth_error    = NULL
 WHERE person_id = %s
"""

# The pause doubles from 10 seconds to about 1.5 hours.
NOTE_FAILED = """
UPDATE easeboard.erasures
   SET auth_attempts = auth_attempts + 1,
       auth_error    = %s,
       auth_next_at  = clock_timestamp()
                       + make_interval(secs => 10 * power(2, least(auth_attempts, 9)))
 WHERE person_id = %s
   AND auth_user = 'waiting'
"""

SELECT_OPEN = """
SELECT count(*) FILTER (WHERE auth_user = 'waiting'),
       (array_agg(auth_error ORDER BY auth_next_at DESC)
           FILTER (WHERE auth_user = 'waiting' AND auth_error IS NOT NULL))[1],
       count(*) FILTER (
           WHERE swept_at IS NULL
             AND erased_at < clock_timestamp() - INTERVAL '10 minutes'
       )
  FROM easeboard.erasures
"""


class OpenErasures(NamedTuple):
    """What is left to do of erasures."""

    waiting_users: int
    """Users at the identity provider who are not deleted yet."""
    last_error: str | None
    """Why the last attempt to delete one failed."""
    unswept: int
    """People erased more than 10 minutes ago of whom rows may be left."""


class AuthUserDeletions:
    """Reads and notes which users wait for their deletion; raises the errors of psycopg."""

    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        self._pool = pool

    async def due(self) -> list[UUID]:
        """Return the users whose deletion is due."""
        return [user_id for (user_id,) in await self._fetch(SELECT_DUE, [MAX_DUE_USERS])]

    async def note_deleted(self, user_id: UUID) -> None:
        """Note that a user does not exist any more."""
        await self._fetch(NOTE_DELETED, [user_id])

    async def note_failed(self, user_id: UUID, error: str) -> None:
        """Note why a user could not be deleted; the next attempt follows after a pause."""
        await self._fetch(NOTE_FAILED, [error[:MAX_ERROR_CHARACTERS], user_id])

    async def open_erasures(self) -> OpenErasures:
        """Return what is left to do of all erasures."""
        [row] = await self._fetch(SELECT_OPEN, [])
        return OpenErasures(*row)

    async def _fetch(self, statement: Any, values: Sequence[object]) -> list[tuple[Any, ...]]:
        async with self._pool.connection() as connection:
            cursor = await connection.execute(statement, values)
            return await cursor.fetchall() if cursor.description else []
