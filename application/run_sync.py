"""Synchronise one connection with Canvas: one run, from its start to its end."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from application.ports import Account, Canvas, Sighting, Store, Vault
from application.request_sync import NO_REQUESTS
from domain.canvas import Course
from domain.connection import Connection
from domain.errors import (
    CanvasFailure,
    CanvasTokenRejected,
    ConnectionUnusable,
    Refusal,
    SyncAlreadyRunning,
    SyncIsOver,
    VersionConflict,
)
from domain.events.sync import Progress, Requests
from domain.sync import Sync

ATTEMPTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSync:
    """A worker takes a queued run on."""

    connection_id: UUID
    sync_id: UUID
    worker: str


class Run:
    """One run in progress: what it reads from Canvas, and what of it is already recorded."""

    def __init__(self, command: RunSync, store: Store) -> None:
        self._command = command
        self._store = store
        self._progress = Progress(total=0, done=0, failed=0)
        self._sync: Sync | None = None

    async def record(self, decide: Callable[[Sync], None]) -> None:
        """Let the aggregate decide and append; when somebody was faster, decide again."""
        for _ in range(ATTEMPTS):
            stream = Sync.id_for(self._command.connection_id)
            self._sync = self._sync or await self._store.load(Sync, stream)
            try:
                decide(self._sync)
                return await self._store.save(self._sync)
            except VersionConflict:
                self._sync = None
        raise VersionConflict(stream)

    async def start(self) -> None:
        """Take the run on."""
        sync_id, worker = self._command.sync_id, self._command.worker
        await self.record(lambda sync: sync.start(sync_id, worker))

    async def read(self, account: Account) -> None:
        """Read every course, and record each as its answer arrives."""
        courses = await account.courses()
        listed = {course["canvas_id"] for course in courses}
        self._progress["total"] = len(courses)
        await self.record(lambda sync: sync.list_courses(self._command.sync_id, listed))
        async for sighting in account.sightings(courses):
            await self._see(sighting)
        requests = account.requests
        await self.record(
            lambda sync: sync.complete(self._command.sync_id, self._counted(), requests)
        )

    async def fail(self, failure: CanvasFailure, requests: Requests) -> None:
        """End the run early."""
        await self.record(
            lambda sync: sync.fail(self._command.sync_id, failure.code, failure.detail, requests)
        )

    async def remember(self) -> None:
        """Keep a snapshot for the next run."""
        if self._sync:
            await self._store.remember(self._sync)

    async def _see(self, sighting: Sighting) -> None:
        failure = sighting.failure
        if isinstance(failure, CanvasTokenRejected):
            raise failure
        self._progress["failed" if failure else "done"] += 1
        if failure:
            await self._miss(sighting.course, failure)
        else:
            await self.record(
                lambda sync: sync.see_course(
                    self._command.sync_id,
                    sighting.course,
                    sighting.assignments,
                    self._counted(),
                )
            )

    async def _miss(self, course: Course, failure: CanvasFailure) -> None:
        await self.record(
            lambda sync: sync.miss_course(
                self._command.sync_id,
                course["canvas_id"],
                failure.code,
                failure.detail,
                self._counted(),
            )
        )

    def _counted(self) -> Progress:
        return self._progress.copy()


async def run_sync(command: RunSync, *, store: Store, vault: Vault, canvas: Canvas) -> None:
    """Read the whole account and record what differs; ends quietly when the run was called off."""
    run = Run(command, store)
    try:
        await run.start()
        connection = await store.load(Connection, command.connection_id)
        await _read(run, connection, store, vault, canvas)
        await run.remember()
    except (SyncIsOver, SyncAlreadyRunning):
        return


async def _read(
    run: Run, connection: Connection, store: Store, vault: Vault, canvas: Canvas
) -> None:
    try:
        connection.must_be_active()
        token = await vault.reveal(
            connection.person_id,
            connection.id,
            connection.canvas_url,
            connection.token_fingerprint,
        )
    except (Refusal, KeyError) as refusal:
        return await run.fail(ConnectionUnusable(str(refusal)), NO_REQUESTS)
    async with canvas.account(connection.canvas_url, token) as account:
        try:
            await run.read(account)
        except CanvasFailure as failure:
            if isinstance(failure, CanvasTokenRejected):
                await _reject_token(connection, failure, store)
            await run.fail(failure, account.requests)


async def _reject_token(connection: Connection, failure: CanvasTokenRejected, store: Store) -> None:
    connection.reject_token(failure.detail)
    await store.save(connection)
