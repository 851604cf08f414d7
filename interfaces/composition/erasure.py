"""Binds the erasure of people to the parts of a process, and does what follows an erasure."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass
from typing import Protocol, TypedDict
from uuid import UUID

import structlog

from application.erase_person import AuthUserNotDeletable, ErasePerson, erase_person
from application.event_metadata import with_event_metadata
from application.ports import SecretChange, Store
from infrastructure.crypto.auth_user_deletions import AuthUserDeletions
from infrastructure.crypto.erasures import PeopleErasures
from infrastructure.crypto.person_keys import PersonKeys
from infrastructure.event_store.log_reader import LogReader
from infrastructure.event_store.mapper import Mapper
from infrastructure.event_store.mark_waiter import MarkWaiter
from infrastructure.postgres.errors import DATABASE_ERRORS
from infrastructure.postgres.lease import Lease
from infrastructure.postgres.pools import Pools
from infrastructure.queue.sync_queue import SyncQueue
from infrastructure.seals.erased_people import TombstoneFiles, TombstonesUnreadable
from infrastructure.settings.settings import Settings
from interfaces.http.auth.auth_users import AuthUserNotDeleted, AuthUsers, configured_auth_users
from interfaces.queries.take_out.person_history import PersonHistory, PersonRecords

ERASURE_LEASE_SECONDS = 30.0
"""Seconds until the lease of a process that died expires."""
AUTH_USER_INTERVAL_SECONDS = 3.0
"""Seconds between two looks for users at the identity provider that wait for their deletion."""
SWEEP_EVERY_ROUNDS = 5
"""Rounds of which one sweeps and compares the files of erased people with the database."""

RESTORE_ACTOR = "system:tombstones"
"""The actor of an erasure that is repeated because a restored backup had lost it."""

logger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Erasure:
    """Erases people in this database, and keeps that outside it if `SEAL_DIR` is configured."""

    store: Store
    people: PeopleErasures
    waiting_users: AuthUserDeletions
    auth_users: AuthUsers | None
    tombstones: TombstoneFiles | None

    async def erase(self, command: ErasePerson) -> None:
        """Execute the command.

        Raises: AuthUserNotDeletable if it includes the auth user and no service key is set.
        """
        if command.delete_auth_user and self.auth_users is None:
            raise AuthUserNotDeletable
        await erase_person(command, store=self.store, erasures=self)

    def erasing(self, person_id: UUID, *, delete_auth_user: bool) -> SecretChange:
        """Return the change that erases what is stored about a person."""
        return self.people.erasing(person_id, delete_auth_user=delete_auth_user)

    async def finish(self, person_id: UUID) -> None:
        """Forget the key, and write the file of the person; if that fails, it is written later."""
        await self.people.finish(person_id)
        try:
            await self.keep_tombstones(person_id)
        except (*DATABASE_ERRORS, OSError, TombstonesUnreadable) as error:
            logger.warning("tombstone_postponed", person_id=str(person_id), reason=str(error))

    async def erase_again(self) -> list[UUID]:
        """Erase the people who have a file, but not in this database; return who they were.

        A database that was restored from a backup may have lost their erasure.

        Raises: TombstonesUnreadable; the errors of the store.
        """
        lost = await self.lost_erasures()
        for person_id in lost:
            logger.warning("erasure_was_lost", person_id=str(person_id))
            with with_event_metadata(RESTORE_ACTOR):
                await self.erase(ErasePerson(person_id=person_id))
        return lost

    async def lost_erasures(self) -> list[UUID]:
        """Return the people who have a file of their erasure, but not in this database."""
        if self.tombstones is None:
            return []
        kept = await asyncio.to_thread(self.tombstones.people)
        if not kept:
            return []
        erased = {person.person_id for person in await self.people.erased_people()}
        return sorted(kept - erased)

    async def keep_tombstones(self, only: UUID | None = None) -> None:
        """Write the files that are missing, of one person or of all."""
        if self.tombstones is None:
            return
        kept = await asyncio.to_thread(self.tombstones.people)
        for person in await self.people.erased_people(only):
            if person.person_id not in kept:
                await asyncio.to_thread(self.tombstones.add, *person)

    async def delete_auth_users(self) -> None:
        """Delete the users at the identity provider that are due; note those that failed."""
        for user_id in await self.waiting_users.due():
            await self.delete_auth_user(user_id)

    async def delete_auth_user(self, user_id: UUID) -> str | None:
        """Delete one user at the identity provider; return why that failed, None if it did not."""
        problem = await self._try_to_delete(user_id)
        if problem is None:
            await self.waiting_users.note_deleted(user_id)
        else:
            logger.warning("auth_user_not_deleted", user_id=str(user_id), reason=problem)
            await self.waiting_users.note_failed(user_id, problem)
        return problem

    async def _try_to_delete(self, user_id: UUID) -> str | None:
        if self.auth_users is None:
            return "SUPABASE_URL or SUPABASE_SERVICE_KEY is not set"
        try:
            await self.auth_users.delete(user_id)
        except AuthUserNotDeleted as error:
            return str(error)
        return None


class ErasureMembers(TypedDict):
    """The members of Service about the erasure of people."""

    erase_person: Callable[[ErasePerson], Awaitable[None]]
    is_erased: Callable[[UUID], Awaitable[bool]]
    person_records: PersonRecords


class ErasureParts(Protocol):
    """The parts of a process that the members need."""

    @property
    def erasure(self) -> Erasure:
        """The erasure of people."""

    @property
    def pools(self) -> Pools:
        """The connections."""

    @property
    def mapper(self) -> Mapper:
        """Decrypts the events."""

    @property
    def log_reader(self) -> LogReader:
        """Reads the high-water mark."""


def erasure_members(parts: ErasureParts) -> ErasureMembers:
    """Bind the members of Service."""
    pool, store = parts.pools.read_pool, parts.erasure.store
    marks = MarkWaiter(parts.log_reader, pool)
    return {
        "erase_person": parts.erasure.erase,
        "is_erased": parts.erasure.people.is_erased,
        "person_records": PersonHistory(store, pool, parts.mapper, marks),
    }


def open_erasure(
    stack: AsyncExitStack,
    settings: Settings,
    *,
    pools: Pools,
    keys: PersonKeys,
    store: Store,
    queue: SyncQueue,
) -> Erasure:
    """Open the erasure of people; the stack closes it."""
    directory = settings.seal_directory
    people = stack.enter_context(closing(PeopleErasures(pools.write_pool, pools.read_pool, keys)))
    return Erasure(
        store,
        people,
        AuthUserDeletions(queue.pool),
        configured_auth_users(settings),
        TombstoneFiles(directory) if directory else None,
    )


async def run_erasure_follow_up(erasure: Erasure, lease: Lease) -> None:
    """Do what follows erasures while this process holds the lease, until cancelled."""
    rounds = 0
    async with lease.maintain():
        while True:
            if lease.is_held:
                await _follow_up(erasure, is_sweep=rounds % SWEEP_EVERY_ROUNDS == 0)
                rounds += 1
            await asyncio.sleep(AUTH_USER_INTERVAL_SECONDS)


async def _follow_up(erasure: Erasure, *, is_sweep: bool) -> None:
    """Do one round; what fails is logged and done in a later one."""
    try:
        await erasure.delete_auth_users()
        if is_sweep:
            await erasure.erase_again()
            await erasure.keep_tombstones()
            await erasure.people.sweep()
    except (*DATABASE_ERRORS, OSError, TombstonesUnreadable) as error:
        logger.warning("erasure_follow_up_postponed", reason=str(error))
