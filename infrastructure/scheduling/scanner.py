"""Requests a sync for every connection that is due; one process at a time, every 10 seconds."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.job import Job
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from psycopg.errors import UndefinedColumn, UndefinedTable

from application.clock import Clock, utc_now
from application.event_metadata import with_event_metadata
from application.request_sync import RequestSync
from domain.circuit_breaker import CircuitBreaker
from domain.errors import DomainError
from domain.sync_admission import (
    MAX_QUEUED_RUNS,
    ScanCursors,
    admit,
    hosts_at_capacity,
    hosts_to_probe,
    hosts_with_open_circuit,
)
from domain.sync_schedule import DueConnection
from infrastructure.event_store.errors import EventUnreadable
from infrastructure.postgres.errors import DATABASE_ERRORS
from infrastructure.scheduling.scan_ports import FindDue, FindDueAtHosts, ScanLease

SCAN_INTERVAL_SECONDS = 10
"""Seconds between two scans."""
RESCAN_DELAY = timedelta(seconds=0.5)
"""Delay after the start, and after a scan that requested runs and left due connections."""
SCAN_LEASE_SECONDS = 10.0
"""Seconds after which another process may scan if the scanning process has died."""
MAX_PAGE_RUNS = 250
"""Runs that are requested before they are enqueued together."""
PARALLEL_REQUESTS = 4
"""Runs that are requested at the same time."""
MAX_OPEN_CIRCUITS_PER_SCAN = 50
"""Hosts with an open circuit that one scan considers; the next scans consider the others."""
MAX_PROBE_CANDIDATES = 5
"""Connections at one host that are tried until the request for a probe is accepted."""

logger = structlog.get_logger()


@dataclass(slots=True)
class ScanResult:
    """What a scan did; `is_truncated` if more is due than the queue has room for.

    `held_back` runs were requested at hosts that do not respond, and will send no request.
    """

    due: int = 0
    requested: int = 0
    probes: int = 0
    held_back: int = 0
    late_seconds: float = 0.0
    is_truncated: bool = False

    @property
    def should_rescan_soon(self) -> bool:
        """Whether to scan again soon: this scan requested runs, and left due connections."""
        return self.is_truncated and self.requested > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanner:
    """Requests due runs while this process holds the lease and the queue has room.

    `request_sync` may collect jobs that `flush` enqueues. With `cursors`, a scan does not
    read the connections of full or unavailable hosts again.
    """

    lease: ScanLease
    find_due: FindDue
    find_due_at_hosts: FindDueAtHosts
    request_sync: Callable[[RequestSync], Awaitable[object]]
    flush: Callable[[], Awaitable[object]]
    count_waiting: Callable[[], Awaitable[Mapping[str, int]]]
    load_circuits: Callable[[], Awaitable[Mapping[str, CircuitBreaker]]]
    now: Clock = utc_now
    max_waiting: int = MAX_QUEUED_RUNS
    cursors: ScanCursors = field(default_factory=ScanCursors)

    async def scan(self) -> ScanResult:
        """Request the runs that are due now; the next scan finds what is left.

        Errors of the database are logged and end the scan.
        """
        result = ScanResult()
        if self.lease.is_held:
            try:
                await self._scan(result)
            except (UndefinedTable, UndefinedColumn):
                logger.debug("read_model_missing")
            except DATABASE_ERRORS as error:
                logger.warning("scan_postponed", reason=str(error))
            _log_result(result)
        return result

    async def _scan(self, result: ScanResult) -> None:
        now, circuit_breakers = self.now(), await self.load_circuits()
        skipped_hosts = hosts_with_open_circuit(circuit_breakers, now)
        try:
            await self._request_held_back(result, skipped_hosts, now)
            await self._probe_hosts(result, hosts_to_probe(circuit_breakers, now), now)
            await self._scan_pages(result, now, skipped_hosts)
        finally:
            await self.flush()

    async def _scan_pages(
        self, result: ScanResult, now: datetime, skipped_hosts: list[str]
    ) -> None:
        """Process due connections page by page, longest due first, while there is room."""
        last: DueConnection | None = None
        excluded_so_far: frozenset[str] = frozenset()
        is_complete = True
        while self.lease.is_held and result.requested < self.max_waiting:
            waiting = await self.count_waiting()
            full_hosts = hosts_at_capacity(waiting, self.max_waiting)
            without = frozenset([*skipped_hosts, *full_hosts])
            after = last or self.cursors.resume_after(without, now)
            page = await self.find_due(now, after=after, without=without, limit=MAX_PAGE_RUNS)
            admitted = admit(page, waiting, self.max_waiting)
            _count_due(result, page, now)
            await self._request_all(result, admitted)
            await self.flush()
            excluded_so_far |= without
            if is_complete and self.lease.is_held:
                self.cursors.advance(excluded_so_far, page, admitted)
            is_complete = is_complete and len(admitted) == len(page)
            result.is_truncated |= bool(full_hosts) or not is_complete
            if len(page) < MAX_PAGE_RUNS or not admitted:
                return
            last = page[-1]
        result.is_truncated = True

    async def _request_all(
        self, result: ScanResult, admitted: Sequence[DueConnection], *, held_back: bool = False
    ) -> None:
        remaining = iter(admitted)

        async def request_remaining() -> None:
            for due in remaining:
                if not self.lease.is_held:
                    return
                if await self._request(due):
                    result.requested += not held_back
                    result.held_back += held_back

        tasks = min(PARALLEL_REQUESTS, len(admitted))
        outcomes = await asyncio.gather(
            *[request_remaining() for _ in range(tasks)], return_exceptions=True
        )
        for outcome in outcomes:
            if outcome:
                raise outcome

    async def _request(self, due: DueConnection) -> bool:
        command = RequestSync(
            person_id=due.person_id, connection_id=due.connection_id, trigger="schedule"
        )
        try:
            with with_event_metadata("scheduler"):
                await self.request_sync(command)
        except (DomainError, EventUnreadable) as refusal:
            logger.debug(
                "sync_not_requested", connection_id=str(due.connection_id), reason=str(refusal)
            )
            return False
        return True

    async def _request_held_back(
        self, result: ScanResult, origins: list[str], now: datetime
    ) -> None:
        """Request a run of each connection at these hosts whose last run did not fail.

        It fails without a request, so that its person learns once why their data grows old.
        """
        if origins:
            hosts = _hosts_of_this_scan(origins, now)
            due = await self.find_due_at_hosts(
                now, hosts, limit=MAX_PAGE_RUNS, without_failures=True
            )
            admitted = admit(due, await self.count_waiting(), self.max_waiting)
            await self._request_all(result, admitted, held_back=True)
            await self.flush()

    async def _probe_hosts(self, result: ScanResult, origins: list[str], now: datetime) -> None:
        """Request one run at each of these hosts, unless one waits there: it will be the probe.

        Hosts and connections beyond the limits wait for later scans.
        """
        waiting = await self.count_waiting() if origins else {}
        idle = [origin for origin in origins if not waiting.get(origin)]
        candidates = defaultdict[str, list[DueConnection]](list)
        if idle:
            for due in await self.find_due_at_hosts(
                now, idle[:MAX_OPEN_CIRCUITS_PER_SCAN], limit=self.max_waiting
            ):
                candidates[due.origin].append(due)
        for at_host in candidates.values():
            result.probes += await self._request_first(at_host[:MAX_PROBE_CANDIDATES])

    async def _request_first(self, candidates: Sequence[DueConnection]) -> bool:
        for due in candidates:
            if await self._request(due):
                return True
        return False


def new_scheduler(scanner: Scanner) -> AsyncIOScheduler:
    """Return a scheduler that scans at fixed intervals.

    Start it inside the event loop, and shut it down without waiting. Scans that are late because
    the event loop was busy become one scan.
    """
    scheduler = AsyncIOScheduler(timezone=UTC)

    async def scan() -> None:
        # APScheduler would log the cancellation of a scan at shutdown as an error.
        with suppress(asyncio.CancelledError):
            result = await scanner.scan()
            if result.should_rescan_soon:
                scheduler.modify_job(job.id, next_run_time=datetime.now(UTC) + RESCAN_DELAY)

    job: Job = scheduler.add_job(
        scan,
        "interval",
        seconds=SCAN_INTERVAL_SECONDS,
        next_run_time=datetime.now(UTC) + RESCAN_DELAY,
        misfire_grace_time=None,
        coalesce=True,
        max_instances=1,
    )
    return scheduler


def _hosts_of_this_scan(origins: list[str], now: datetime) -> list[str]:
    """Return MAX_OPEN_CIRCUITS_PER_SCAN of the hosts, other ones at each scan in turn."""
    scan_number = int(now.timestamp() // SCAN_INTERVAL_SECONDS)
    first = scan_number * MAX_OPEN_CIRCUITS_PER_SCAN % max(1, len(origins))
    return (origins[first:] + origins[:first])[:MAX_OPEN_CIRCUITS_PER_SCAN]


def _count_due(result: ScanResult, page: Sequence[DueConnection], now: datetime) -> None:
    result.due += len(page)
    if page:
        result.late_seconds = max(result.late_seconds, (now - page[0].due_at).total_seconds())


def _log_result(result: ScanResult) -> None:
    has_requested = result.requested or result.probes or result.held_back
    write = logger.info if has_requested else logger.debug
    write("scanned", **asdict(result))
