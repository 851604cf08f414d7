"""One attempt at a run: reads an account, and records what differs as it arrives."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

import structlog

from application.batching import consume_in_batches
from application.event_metadata import current_metadata
from application.find_courses import find_all_courses
from application.person_budget import DayBudget, PersonBudget
from application.plan_incremental_sync import SyncPlan, make_plan, plan_incremental_sync
from application.ports import CanvasAccount, FetchedCourse, HostHealth, Store
from domain.circuit_breaker import host_responded
from domain.errors import CanvasFailure, CanvasTokenRejected, DayIsUsedUp, VersionConflict
from domain.events.sync import Progress, Requests
from domain.sync import Sync
from domain.sync_attempt import Attempt

MAX_APPEND_ATTEMPTS = 5
"""Attempts at an append that meets a VersionConflict."""
MAX_BUFFERED_COURSES = 16
"""Courses that are read ahead while others are recorded; more would only need memory."""
MAX_ASSIGNMENTS_IN_LOOP = 200
"""Assignments of a batch that are compared in the event loop; more would hold it too long."""
CANCEL_POLL_SECONDS = 0.5
"""Seconds between two checks whether the run was cancelled, also while Canvas is slow."""

logger = structlog.get_logger()


class SyncRunner:
    """One attempt at a run: reads from Canvas and records the differences."""

    def __init__(
        self, connection_id: UUID, worker: str, store: Store, budget: PersonBudget | None
    ) -> None:
        self._connection_id = connection_id
        self._worker = worker
        self._store = store
        self._budget = budget
        self._recorded_ids: set[str] = set()
        self._progress = Progress(total=0, done=0, failed=0)
        self._sync: Sync | None = None
        self._outdated: Sync | None = None
        self._mode = "full"
        self._is_scheduled = False
        self._has_read = False
        self._attempt: Attempt

    async def record(
        self,
        decide: Callable[[Sync], None],
        left: DayBudget | None = None,
        *,
        in_thread: bool = False,
    ) -> None:
        """Execute a decision and append its events; after a conflict, load and decide again.

        This loop needs no retry library: it has no pauses, and each attempt starts with a load.

        Raises: what `decide` raises; DayIsUsedUp if there are more events than are `left`;
        VersionConflict after MAX_APPEND_ATTEMPTS.
        """
        for _ in range(MAX_APPEND_ATTEMPTS):
            self._sync = self._sync or await self._load()
            try:
                await self._decide(decide, self._sync, in_thread=in_thread)
                if left and _exceeds(left, len(self._sync.pending_events)):
                    self._outdated, self._sync = self._sync, None
                    raise _day_is_used_up()
                return await self._store.save(self._sync)
            except VersionConflict:
                self._outdated, self._sync = self._sync, None
        raise VersionConflict(Sync.id_for(self._connection_id))

    async def _load(self) -> Sync:
        """Load the sync. Known work stays known: the attempt may not have read it for that."""
        sync = await self._store.load(Sync, Sync.id_for(self._connection_id))
        if self._outdated:
            sync.keep_work_digests(self._outdated)
        return sync

    async def _decide(self, decide: Callable[[Sync], None], sync: Sync, *, in_thread: bool) -> None:
        if not in_thread:
            return decide(sync)
        try:
            return await asyncio.to_thread(decide, sync)
        except asyncio.CancelledError:
            # The thread goes on with the aggregate, so nothing else may use it.
            self._sync = None
            raise

    async def start(self) -> None:
        """Start the attempt.

        Raises: NoSyncRunning if there is no run; SyncAlreadyRunning if another worker has it.
        """
        await self.record(self._start_attempt)
        current_metadata().continue_from_last_event()

    def _start_attempt(self, sync: Sync) -> None:
        self._attempt = sync.start(self._worker)
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
        planner_validator = plan.planner_validator
        await self._require_day_left(plan)
        try:
            fetched = account.fetch_courses(plan.to_fetch, plan.known)
            await consume_in_batches(fetched, self._record_batch, max_size=MAX_BUFFERED_COURSES)
        except DayIsUsedUp as failure:
            planner_validator = None
            await self._give_up_rest(plan, failure)
        progress, requests = self._progress.copy(), account.requests
        await self.record(
            lambda sync: sync.complete(self._attempt, progress, requests, planner_validator)
        )

    async def _give_up_rest(self, plan: SyncPlan, failure: DayIsUsedUp) -> None:
        """Record that the courses which were not recorded failed, so that a later run reads them.

        Without the validator of the planner, that run gets the changes of the planner again.
        """
        ids = [each["canvas_id"] for each in plan.to_fetch]
        rest = [(id_, self._count("failed")) for id_ in ids if id_ not in self._recorded_ids]

        def record_failures(sync: Sync) -> None:
            for id_, progress in rest:
                sync.record_fetch_failure(
                    self._attempt, id_, failure.code, failure.detail, progress
                )

        await self.record(record_failures)

    async def _make_plan(self, account: CanvasAccount) -> SyncPlan:
        """Plan every course for a full run, else the courses that changed."""
        sync = self._sync or await self._load()
        if self._mode == "full":
            return make_plan(sync, await find_all_courses(account, sync))
        plan = await plan_incremental_sync(account, sync, datetime.now(UTC).date())
        if plan.obstacle:
            code, detail = plan.obstacle.code, plan.obstacle.detail
            logger.warning("sync_widened", code=code, detail=detail)
            await self.record(lambda sync: sync.fall_back_to_full(self._attempt, code, detail))
        return plan

    async def correlate_with_run(self) -> None:
        """Give the events of other streams that follow the correlation of this run."""
        end = await self._store.end_of(Sync.id_for(self._connection_id))
        current_metadata().correlation_id = end.correlation_id

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
        left, before = await self._left_today(), self._progress.copy()
        rejections = [
            each.failure for each in batch if isinstance(each.failure, CanvasTokenRejected)
        ]
        counted = [
            (each, self._count("failed" if each.failure else "done"))
            for each in batch
            if each.failure not in rejections
        ]
        try:
            size = sum(len(each.assignments or ()) for each, _ in counted)
            await self.record(
                lambda sync: self._record_courses(sync, counted),
                left,
                in_thread=size > MAX_ASSIGNMENTS_IN_LOOP,
            )
        except DayIsUsedUp:
            self._progress = before
            raise
        self._recorded_ids |= {each.course["canvas_id"] for each, _ in counted}
        if rejections:
            raise rejections[0]

    def _record_courses(self, sync: Sync, counted: list[tuple[FetchedCourse, Progress]]) -> None:
        for fetched, progress in counted:
            course, failure = fetched.course, fetched.failure
            if fetched.is_known:
                sync.record_course(
                    self._attempt,
                    course,
                    fetched.assignments,
                    progress,
                    fetched.groups,
                    work_digest=fetched.work_digest,
                )
            if failure:
                course_id, code, detail = course["canvas_id"], failure.code, failure.detail
                sync.record_fetch_failure(self._attempt, course_id, code, detail, progress)

    def _count(self, result: Literal["done", "failed"]) -> Progress:
        self._progress[result] += 1
        return self._progress.copy()

    async def _require_day_left(self, plan: SyncPlan) -> None:
        """Raise DayIsUsedUp, before the courses are requested, if none could be recorded."""
        left = await self._left_today() if plan.to_fetch else None
        if left and left.is_used_up:
            raise _day_is_used_up()

    async def _left_today(self) -> DayBudget | None:
        if self._budget is None or self._sync is None:
            return None
        return await self._budget.left_today(self._sync.person_id)


def _exceeds(left: DayBudget, events: int) -> bool:
    return events > 0 and (left.is_used_up or events > left.events)


def _day_is_used_up() -> DayIsUsedUp:
    return DayIsUsedUp(
        "Your syncs recorded as many changes today as are allowed in one day. What was read is"
        " kept; the rest is read after midnight (UTC)."
    )
