"""Erases people: destroys their keys, and deletes what is stored about them outside the log.

What other processes write about a person at the moment of the erasure is deleted later, when they
have noticed it: that is a sweep. See decision 0043.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import LiteralString, NamedTuple
from uuid import UUID

from domain.person import Person
from infrastructure.crypto.person_keys import PersonKeys
from infrastructure.postgres.execute import Rows, SecretStatement, execute
from infrastructure.postgres.pools import ReadPool, WritePool
from infrastructure.postgres.threads import DatabaseThreads

SETTLE_SECONDS = 30.0
"""Seconds after which no process uses the destroyed key, and no transaction from before is open."""
SWEEP_STATEMENT_SECONDS = 60.0
"""Seconds that the deletion of the rows of one person may take in a sweep."""
MAX_SWEPT_PEOPLE = 100
"""People that one sweep deletes the rows of; the others follow in the next one."""

ERASE_PERSON = "SELECT easeboard.erase_person(%s, %s)"

SELECT_IS_ERASED = """
SELECT EXISTS (
           SELECT
             FROM easeboard.people_keys
            WHERE person_id = %s
              AND destroyed_at IS NOT NULL
       )
"""

SELECT_UNSWEPT = """
SELECT person_id, erased_at < clock_timestamp() - make_interval(secs => %s)
  FROM easeboard.erasures
 WHERE swept_at IS NULL
 ORDER BY erased_at
 LIMIT %s
"""

DELETE_PERSON = "SELECT easeboard.delete_person(%s)"

NOTE_SWEPT = "UPDATE easeboard.erasures SET swept_at = clock_timestamp() WHERE person_id = %s"

SELECT_ERASED = """
SELECT person_id, destroyed_at
  FROM easeboard.people_keys
 WHERE destroyed_at IS NOT NULL
   AND (%(only)s::uuid IS NULL OR person_id = %(only)s::uuid)
"""

SELECT_POSITIONS = """
SELECT erased.person_id, events.position
  FROM unnest(%s::uuid[], %s::uuid[]) AS erased (person_id, stream)
  JOIN easeboard.events ON events.stream = erased.stream AND events.version = 1
"""


class ErasedPerson(NamedTuple):
    """A person whose key is destroyed, since when, and the position of PersonErased."""

    person_id: UUID
    erased_at: datetime
    position: int | None
    """None if the log has no event of the erasure."""


class PeopleErasures:
    """Implements application.erase_person.Erasures for this database.

    Every method that reads or writes may raise DatabaseBusy and DatabaseUnavailable.
    """

    def __init__(self, write_pool: WritePool, read_pool: ReadPool, keys: PersonKeys) -> None:
        self._pool = write_pool
        self._read_pool = read_pool
        self._keys = keys
        self._threads = DatabaseThreads(1)

    def erasing(self, person_id: UUID, *, delete_auth_user: bool) -> SecretStatement:
        """Return the change that destroys the key of a person and deletes what is stored."""
        return SecretStatement(ERASE_PERSON, [person_id, delete_auth_user])

    async def finish(self, person_id: UUID) -> None:
        """Use the key of the person no longer in this process."""
        self._keys.note_destroyed(person_id)

    async def is_erased(self, person_id: UUID) -> bool:
        """Return whether the data of a person was erased."""
        async with self._read_pool.connection() as connection:
            result = await connection.execute(SELECT_IS_ERASED, [person_id], binary=True)
            row = await result.fetchone()
        return bool(row and row[0])

    async def erased_people(self, only: UUID | None = None) -> list[ErasedPerson]:
        """Return all people whose keys are destroyed, or one of them."""
        rows = await self._execute(SELECT_ERASED, {"only": only})
        people = [person_id for person_id, _ in rows]
        streams = [Person.id_for(person_id) for person_id in people]
        positions: dict[UUID, int] = dict(await self._execute(SELECT_POSITIONS, [people, streams]))
        return [
            ErasedPerson(person_id, erased_at, positions.get(person_id))
            for person_id, erased_at in rows
        ]

    async def sweep(self) -> int:
        """Delete again what is stored about people who were erased; return how many are done.

        A person is done if everything could be deleted after SETTLE_SECONDS.
        """
        swept = 0
        for person_id, is_settled in await self._execute(
            SELECT_UNSWEPT, [SETTLE_SECONDS, MAX_SWEPT_PEOPLE]
        ):
            [(is_complete,)] = await self._execute(DELETE_PERSON, [person_id])
            if is_settled and is_complete:
                await self._execute(NOTE_SWEPT, [person_id])
                swept += 1
        return swept

    def close(self) -> None:
        """Stop the thread; the caller closes the pools."""
        self._threads.close()

    async def _execute(
        self, statement: LiteralString, values: Sequence[object] | Mapping[str, object] = ()
    ) -> Rows:
        return await self._threads.run(
            execute, self._pool, statement, values, timeout_seconds=SWEEP_STATEMENT_SECONDS
        )
