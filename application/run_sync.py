"""The command with which a worker executes a run, from its start to its end."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import structlog

from application.batching import consume_in_batches
from application.event_metadata import current_metadata
from application.find_courses import find_all_courses
from application.load_token import load_token
from application.plan_incremental_sync import SyncPlan, make_plan, plan_incremental_sync
from application.ports import Canvas, CanvasAccount, FetchedCourse, HostHealth, Store, Vault
from application.request_sync import NO_REQUESTS
from application.validate_connection import record_rejection
from domain.circuit_breaker import host_responded
from domain.connection import Connection
from domain.errors import (
    CanvasFailure,
    CanvasTokenRejected,
    CanvasUnreachable,
    ConnectionUnusable,
    DomainError,
    NoSyncRunning,
    SyncAlreadyRunning,
    SyncIsOver,
    VersionConflict,
)
from domain.events.sync import Progress, Requests
from domain.sync import Sync
from domain.sync_attempt import Attempt

MAX_APPEND_ATTEMPTS = 5
"""Attempts at an append that meets a VersionConflict."""
MAX_BUFFERED_COURSES = 16
"""Courses that are read ahead while others are recorded; more would only need memory."""
CANCEL_POLL_SECONDS = 0.5
"""Seconds between two checks whether the run was cancelled, also while Canvas is slow."""

logger = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSync:
    """A worker executes the queued run of a connection."""

    connection_id: UUID
    worker: str
    """The name of the worker; see Attempt."""


class SyncRunner:
    """One attempt at a run: reads from Canvas and records the differences."""

    def __init__(self, command: RunSync, store: Store) -> None:
        self._command = command
        self._store = store
        self._progress = Progress(total=0, done=0, failed=0)
        self._sync: Sync | None = None
        self._mode = "full"
        self._is_scheduled = False
        self._has_read = False
        self._attempt: Attempt

    async def record(self, decide: Callable[[Sync], None]) -> None:
        """Execute a decision and append its events; after a conflict, load and decide again.

        This loop needs no retry library: it has no pauses, and each attempt starts with a load.

        Raises: what `decide` raises; VersionConflict after MAX_APPEND_ATTEMPTS.
        """
        for _ in range(MAX_APPEND_ATTEMPTS):
            stream = Sync.id_for(self._command.connection_id)
            self._sync = self._sync or await self._store.load(Sync, stream)
            try:
                decide(self._sync)
                return await self._store.save(self._sync)
            except VersionConflict:
                self._sync = None
        raise VersionConflict(stream)

    async def start(self) -> None:
        """Start the attempt.

        Raises: NoSyncRunning if there is no run; SyncAlreadyRunning if another worker has it.
        """
        await self.record(self._start_attempt)

    def _start_attempt(self, sync: Sync) -> None:
        self._attempt = sync.start(self._command.worker)
        current_metadata().correlation_id = str(self._attempt.sync_id)
        structlog.contextvars.bind_contextvars(sync_id=str(self._attempt.sync_id))
        run = sync.require_active_attempt(self._attempt)
        self._mode, self._is_scheduled = run["mode"], run["trigger"] == "schedule"

    async def read(self, account: CanvasAccount) -> None:
        """Read the courses and record them as they arrive.

        Raises: CanvasFailure if the account cannot be read; SyncIsOver if the run was cancelled.
        """
        self._has_read, self._progress = True, Progress(total=0, done=0, failed=0)
        reader = asyncio.create_task(self._read_courses(account))
        watcher = asyncio.create_task(self._wait_until_over())
        try:
            await asyncio.wait({reader, watcher}, return_when=asyncio.FIRST_COMPLETED)
            await (reader if reader.done() else watcher)
        finally:
            reader.cancel()
            watcher.cancel()
            await asyncio.gather(reader, watcher, return_exceptions=True)

    async def _wait_until_over(self) -> None:
        """Poll the log; raises SyncIsOver when the attempt is no longer active."""
        while True:
            await asyncio.sleep(CANCEL_POLL_SECONDS)
            if self._sync and await self._store.has_newer_events(self._sync):
                newest = await self._store.load(Sync, self._sync.id)
                newest.require_active_attempt(self._attempt)

    async def _read_courses(self, account: CanvasAccount) -> None:
        plan = await self._make_plan(account)
        shown = [course for course in plan.listed.courses if course["state"] != "withdrawn"]
        self._progress["total"] = len(shown)
        self._progress["done"] = len(shown) - len(plan.to_fetch)
        await self.record(lambda sync: sync.record_unlisted(self._attempt, plan.listed))
        fetched = account.fetch_courses(plan.to_fetch, plan.known)
        await consume_in_batches(fetched, self._record_batch, max_size=MAX_BUFFERED_COURSES)
        progress, requests = self._progress.copy(), account.requests
        await self.record(
            lambda sync: sync.complete(self._attempt, progress, requests, plan.planner_validator)
        )

    async def _make_plan(self, account: CanvasAccount) -> SyncPlan:
        """Plan every course for a full run, else the courses that changed."""
        sync = self._sync or await self._store.load(Sync, Sync.id_for(self._command.connection_id))
        if self._mode == "full":
            return make_plan(sync, await find_all_courses(account, sync))
        plan = await plan_incremental_sync(account, sync, datetime.now(UTC).date())
        if plan.obstacle:
            code, detail = plan.obstacle.code, plan.obstacle.detail
            logger.warning("sync_widened", code=code, detail=detail)
            await self.record(lambda sync: sync.fall_back_to_full(self._attempt, code, detail))
        return plan

    async def fail(self, failure: CanvasFailure, requests: Requests) -> None:
        """Record that the run failed."""
        await self.record(
            lambda sync: sync.fail(self._attempt, failure.code, failure.detail, requests)
        )

    async def is_held_back(self, host_health: HostHealth, origin: str) -> bool:
        """Return whether the run may send no request to a degraded host."""
        if self._has_read:
            return False
        if self._is_scheduled:
            return not await host_health.admits_scheduled_run(origin)
        return not host_health.admits_requested_run(origin)

    async def report_host(self, host_health: HostHealth, origin: str) -> None:
        """Report whether the host responded, if the run shows it."""
        run = self._sync.run if self._sync and self._has_read else None
        has_responded = host_responded(run) if run else None
        if run and run["error"] and run["error"]["code"] == CanvasTokenRejected.code:
            await host_health.record_rejection(origin)
        elif has_responded:
            await host_health.record_success(origin)
        elif has_responded is False:
            await host_health.record_failure(origin)

    async def snapshot(self) -> None:
        """Save a snapshot, so that the next run loads few events."""
        if self._sync:
            await self._store.save_snapshot(self._sync)

    async def _record_batch(self, batch: list[FetchedCourse]) -> None:
        """Record the courses of a batch in one append; then raise if Canvas rejected the token."""
        rejections = [
            each.failure for each in batch if isinstance(each.failure, CanvasTokenRejected)
        ]
        counted = [
            (each, self._count_course(each)) for each in batch if each.failure not in rejections
        ]
        await self.record(lambda sync: self._record_courses(sync, counted))
        if rejections:
            raise rejections[0]

    def _record_courses(self, sync: Sync, counted: list[tuple[FetchedCourse, Progress]]) -> None:
        for fetched, progress in counted:
            course, failure = fetched.course, fetched.failure
            if fetched.is_known:
                sync.record_course(
                    self._attempt, course, fetched.assignments, progress, fetched.groups
                )
            if failure:
                course_id, code, detail = course["canvas_id"], failure.code, failure.detail
                sync.record_fetch_failure(self._attempt, course_id, code, detail, progress)

    def _count_course(self, fetched: FetchedCourse) -> Progress:
        self._progress["failed" if fetched.failure else "done"] += 1
        return self._progress.copy()


async def run_sync(
    command: RunSync, *, store: Store, vault: Vault, canvas: Canvas, host_health: HostHealth
) -> None:
    """Read the account and record what differs.

    It returns without an error if the run was cancelled or another worker has it. Failures of
    Canvas end the run and are not raised.
    """
    runner = SyncRunner(command, store)
    try:
        await runner.start()
        connection = await store.load(Connection, command.connection_id)
        to_read: Connection | None = connection
        while to_read:
            to_read = await _read_account(
                runner, to_read, store=store, vault=vault, canvas=canvas, host_health=host_health
            )
        await runner.report_host(host_health, connection.canvas_url)
        await runner.snapshot()
    except (NoSyncRunning, SyncIsOver, SyncAlreadyRunning):
        return


async def _read_account(
    runner: SyncRunner,
    connection: Connection,
    *,
    store: Store,
    vault: Vault,
    canvas: Canvas,
    host_health: HostHealth,
) -> Connection | None:
    """Read the account; return the connection if Canvas rejected a token that was replaced since.

    The account is then read again with the new token.
    """
    connection, token = await _load_token(runner, connection, store, vault)
    host_degraded = await host_health.is_degraded(connection.canvas_url)
    if token and host_degraded and await runner.is_held_back(host_health, connection.canvas_url):
        await runner.fail(_unreachable_host(connection.canvas_url), NO_REQUESTS)
    elif token:
        async with canvas.open_account(
            connection.canvas_url,
            token,
            user_id=connection.canvas_user_id,
            host_degraded=host_degraded,
        ) as account:
            try:
                await runner.read(account)
            except CanvasTokenRejected as rejection:
                newest = await store.load(Connection, connection.id)
                if newest.token_fingerprint != connection.token_fingerprint:
                    return newest
                await runner.fail(rejection, account.requests)
                await record_rejection(connection, rejection.detail, store)
            except CanvasFailure as failure:
                await runner.fail(failure, account.requests)
    return None


async def _load_token(
    runner: SyncRunner, connection: Connection, store: Store, vault: Vault
) -> tuple[Connection, str | None]:
    """Return the newest connection and its token; without a usable one the run fails."""
    try:
        connection.require_active()
        return await load_token(connection, store, vault)
    except DomainError as refusal:
        await runner.fail(ConnectionUnusable(str(refusal)), NO_REQUESTS)
    except KeyError:
        failure = ConnectionUnusable("The token of this connection was destroyed: replace it.")
        await runner.fail(failure, NO_REQUESTS)
    return connection, None


def _unreachable_host(origin: str) -> CanvasUnreachable:
    return CanvasUnreachable(
        f"{origin} did not respond to the last syncs, so this one sent no request; the next sync"
        " follows when it responds again. You can try it yourself in a minute."
    )
