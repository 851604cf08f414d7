"""Synchronise one connection with Canvas: one run, from its start to its end."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import structlog

from application.batching import take_together
from application.event_metadata import now_acting
from application.plan_incremental_sync import Plan, glance
from application.ports import Account, Canvas, Hosts, Sighting, Store, Vault
from application.request_sync import NO_REQUESTS
from domain.circuit_breaker import answered
from domain.connection import Connection
from domain.errors import (
    CanvasFailure,
    CanvasTokenRejected,
    ConnectionUnusable,
    NoSyncRunning,
    Refusal,
    SyncAlreadyRunning,
    SyncIsOver,
    VersionConflict,
)
from domain.events.sync import Progress, Requests
from domain.sync import Sync
from domain.sync_attempt import Attempt

ATTEMPTS = 5
AHEAD = 16
"""Courses read while others are being recorded; more would only cost memory."""
GLANCE = 0.5
"""Seconds between two looks whether the run was called off, wherever it hangs."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSync:
    """A worker takes a connection's queued run on."""

    connection_id: UUID
    worker: str


class Run:
    """One attempt at a run: what it reads from Canvas, and what of it is already recorded."""

    def __init__(self, command: RunSync, store: Store) -> None:
        self._command = command
        self._store = store
        self._progress = Progress(total=0, done=0, failed=0)
        self._sync: Sync | None = None
        self._mode = "full"
        self._attempt: Attempt

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
        """Take the run on; raises NoSyncRunning and SyncAlreadyRunning."""
        await self.record(self._take_on)

    def _take_on(self, sync: Sync) -> None:
        self._attempt = sync.start(self._command.worker)
        now_acting().correlation_id = str(self._attempt.sync_id)
        structlog.contextvars.bind_contextvars(sync_id=str(self._attempt.sync_id))
        self._mode = sync.must_be_under_way(self._attempt)["mode"]

    async def read(self, account: Account) -> None:
        """Read what the run is to read, and record it as it arrives; stops when called off."""
        reading = asyncio.create_task(self._read(account))
        watching = asyncio.create_task(self._until_over())
        try:
            await asyncio.wait({reading, watching}, return_when=asyncio.FIRST_COMPLETED)
            await (reading if reading.done() else watching)
        finally:
            reading.cancel()
            watching.cancel()
            await asyncio.gather(reading, watching, return_exceptions=True)

    async def _until_over(self) -> None:
        """Look at the log now and then; raises SyncIsOver once the attempt is."""
        while True:
            await asyncio.sleep(GLANCE)
            if self._sync and await self._store.has_moved(self._sync):
                newest = await self._store.load(Sync, self._sync.id)
                newest.must_be_under_way(self._attempt)

    async def _read(self, account: Account) -> None:
        plan = await self._plan(account)
        listed = {course["canvas_id"] for course in plan.courses}
        self._progress["total"] = len(plan.courses)
        self._progress["done"] = len(plan.courses) - len(plan.stale)
        await self.record(lambda sync: sync.list_courses(self._attempt, listed))
        await take_together(account.sightings(plan.stale), self._see, most=AHEAD)
        progress, requests = self._progress.copy(), account.requests
        await self.record(
            lambda sync: sync.complete(self._attempt, progress, requests, plan.planner_validator)
        )

    async def _plan(self, account: Account) -> Plan:
        """Everything in a full run, else what three lists over all courses give away."""
        if self._mode == "full" or self._sync is None:
            courses = await account.courses()
            return Plan(courses, courses)
        plan = await glance(account, self._sync, datetime.now(UTC).date())
        if plan.obstacle:
            code, detail = plan.obstacle.code, plan.obstacle.detail
            log.warning("sync_widened", code=code, detail=detail)
            await self.record(lambda sync: sync.widen(self._attempt, code, detail))
        return plan

    async def fail(self, failure: CanvasFailure, requests: Requests) -> None:
        """End the run early."""
        await self.record(
            lambda sync: sync.fail(self._attempt, failure.code, failure.detail, requests)
        )

    async def tell(self, hosts: Hosts, origin: str) -> None:
        """Say whether the host answered, as far as the end of the run shows."""
        match answered(self._sync.run) if self._sync and self._sync.run else None:
            case True:
                await hosts.answers(origin)
            case False:
                await hosts.is_silent(origin)

    async def remember(self) -> None:
        """Keep a snapshot for the next run."""
        if self._sync:
            await self._store.remember(self._sync)

    async def _see(self, arrived: list[Sighting]) -> None:
        """Record what arrived in one append; a dead token ends the run after that."""
        dead = [one.failure for one in arrived if isinstance(one.failure, CanvasTokenRejected)]
        seen = [(one, self._count(one)) for one in arrived if one.failure not in dead]
        await self.record(lambda sync: self._tell(sync, seen))
        if dead:
            raise dead[0]

    def _tell(self, sync: Sync, seen: list[tuple[Sighting, Progress]]) -> None:
        for (course, assignments, failure), progress in seen:
            if failure is None:
                sync.see_course(self._attempt, course, assignments, progress)
            else:
                id_, code, detail = course["canvas_id"], failure.code, failure.detail
                sync.miss_course(self._attempt, id_, code, detail, progress)

    def _count(self, sighting: Sighting) -> Progress:
        self._progress["failed" if sighting.failure else "done"] += 1
        return self._progress.copy()


async def run_sync(
    command: RunSync, *, store: Store, vault: Vault, canvas: Canvas, hosts: Hosts
) -> None:
    """Read the account and record what differs; ends quietly when the run was called off."""
    run = Run(command, store)
    try:
        await run.start()
        connection = await store.load(Connection, command.connection_id)
        await _read(run, connection, store=store, vault=vault, canvas=canvas, hosts=hosts)
        await run.tell(hosts, connection.canvas_url)
        await run.remember()
    except (NoSyncRunning, SyncIsOver, SyncAlreadyRunning):
        return


async def _read(
    run: Run, connection: Connection, *, store: Store, vault: Vault, canvas: Canvas, hosts: Hosts
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
    in_doubt = await hosts.is_in_doubt(connection.canvas_url)
    async with canvas.account(connection.canvas_url, token, in_doubt=in_doubt) as account:
        try:
            await run.read(account)
        except CanvasFailure as failure:
            await run.fail(failure, account.requests)
            if isinstance(failure, CanvasTokenRejected):
                await _reject_token(connection, failure, store)


async def _reject_token(used: Connection, failure: CanvasTokenRejected, store: Store) -> None:
    """Record that the token is dead, unless another took over meanwhile."""
    for _ in range(ATTEMPTS):
        connection = await store.load(Connection, used.id)
        if connection.token_fingerprint == used.token_fingerprint:
            connection.reject_token(failure.detail)
        try:
            return await store.save(connection)
        except VersionConflict:
            continue
    raise VersionConflict(used.id)
