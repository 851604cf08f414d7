"""Asks for a sync of every connection that is due: one process at a time, every few seconds."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

import psycopg
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
from infrastructure.event_store.errors import DatabaseBusy, DatabaseUnavailable, EventUnreadable

SCAN_INTERVAL_SECONDS = 10
"""Seconds between two scans."""
RESCAN_DELAY = timedelta(seconds=0.5)
"""How long after its start, or after a scan that got on and left something, the clock scans."""
SCAN_LEASE_SECONDS = 10.0
"""Seconds after which another process may scan when the one that does has died."""
MAX_PAGE_RUNS = 250
"""Runs that are asked for before they are enqueued together."""
PARALLEL_REQUESTS = 4
"""Runs that are asked for at the same time."""
MAX_SILENT_HOSTS_PER_SCAN = 50
"""Silent hosts that one scan looks at; the others have their turn in the next."""
MAX_PROBE_CANDIDATES = 5
"""Connections of a silent host of which one may become the probe."""

DATABASE_ERRORS = (psycopg.Error, DatabaseBusy, DatabaseUnavailable)
logger = structlog.get_logger()


class ScanLease(Protocol):
    """infrastructure.postgres.lease.Lease, as far as a scan needs it."""

    @property
    def is_held(self) -> bool:
        """Whether it is still ours."""


class FindDue(Protocol):
    """projections.connections.due_connections.due_connections, of an interval."""

    async def __call__(
        self,
        now: datetime,
        *,
        limit: int,
        after: DueConnection | None = None,
        without: Collection[str] = (),
    ) -> list[DueConnection]:
        """Connections that are due, those due longest first."""


class FindDueAtHosts(Protocol):
    """projections.connections.due_connections.due_at_hosts, of an interval."""

    async def __call__(
        self, now: datetime, origins: Collection[str], *, limit: int
    ) -> list[DueConnection]:
        """Connections that are due at these hosts, those due longest first."""


@dataclass(slots=True)
class ScanResult:
    """What a scan did; `is_truncated` where more is due than there is room for."""

    due: int = 0
    requested: int = 0
    probes: int = 0
    deferred: int = 0
    late_seconds: float = 0.0
    is_truncated: bool = False

    @property
    def should_rescan_soon(self) -> bool:
        """Whether the next scan is to come soon: this one found room, and left something."""
        return self.is_truncated and self.requested > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanner:
    """Whoever holds the lease asks for runs, as long as not too many wait."""

    lease: ScanLease
    find_due: FindDue
    find_due_at_hosts: FindDueAtHosts
    request_sync: Callable[[RequestSync], Awaitable[object]]
    flush: Callable[[], Awaitable[object]]
    count_waiting: Callable[[], Awaitable[Mapping[str, int]]]
    load_circuits: Callable[[], Awaitable[Mapping[str, CircuitBreaker]]]
    claim_probe: Callable[[str], Awaitable[bool]]
    now: Clock = utc_now
    max_waiting: int = MAX_QUEUED_RUNS
    cursors: ScanCursors = field(default_factory=ScanCursors)

    async def scan(self) -> ScanResult:
        """Ask for what is due now; whatever is left is found again by the next scan."""
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
        if skipped_hosts:
            deferred = await self.find_due_at_hosts(
                now, skipped_hosts[:MAX_SILENT_HOSTS_PER_SCAN], limit=self.max_waiting
            )
            result.deferred = len(deferred)
        try:
            await self._probe_hosts(result, hosts_to_probe(circuit_breakers, now), now)
            await self._scan_pages(result, now, skipped_hosts)
        finally:
            await self.flush()

    async def _scan_pages(
        self, result: ScanResult, now: datetime, skipped_hosts: list[str]
    ) -> None:
        """Go through what is due, from what is due longest, as long as there is room."""
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

    async def _request_all(self, result: ScanResult, admitted: Sequence[DueConnection]) -> None:
        remaining = iter(admitted)

        async def request_remaining() -> None:
            for due in remaining:
                if not self.lease.is_held:
                    return
                if await self._request(due):
                    result.requested += 1

        outcomes = await asyncio.gather(
            *[request_remaining() for _ in range(PARALLEL_REQUESTS)], return_exceptions=True
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

    async def _probe_hosts(self, result: ScanResult, origins: list[str], now: datetime) -> None:
        """Send one run to each of these; a host not among the first found has its turn later."""
        candidates = defaultdict[str, list[DueConnection]](list)
        if origins:
            for due in await self.find_due_at_hosts(
                now, origins[:MAX_SILENT_HOSTS_PER_SCAN], limit=self.max_waiting
            ):
                candidates[due.origin].append(due)
        for origin, at_host in candidates.items():
            if await self.claim_probe(origin):
                result.probes += await self._request_first(at_host[:MAX_PROBE_CANDIDATES])

    async def _request_first(self, candidates: Sequence[DueConnection]) -> bool:
        for due in candidates:
            if await self._request(due):
                return True
        return False


def new_scheduler(scanner: Scanner) -> AsyncIOScheduler:
    """The clock that scans from now on; start it inside the loop, shut it down without waiting.

    A scan the loop was too busy for is made up for once, never skipped and never doubled.
    """
    scheduler = AsyncIOScheduler(timezone=UTC)

    async def scan() -> None:
        # APScheduler would log a scan that the end of the process cuts off as an error.
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


def _count_due(result: ScanResult, page: Sequence[DueConnection], now: datetime) -> None:
    result.due += len(page)
    if page:
        result.late_seconds = max(result.late_seconds, (now - page[0].due_at).total_seconds())


def _log_result(result: ScanResult) -> None:
    write = logger.info if result.requested or result.probes else logger.debug
    write("scanned", **asdict(result))
