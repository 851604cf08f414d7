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

from application.clock import Clock, the_time
from application.event_metadata import acting
from application.request_sync import RequestSync
from domain.circuit_breaker import Circuit
from domain.errors import Refusal
from domain.sync_admission import ROOM, Fronts, admitted, crowded, left_alone, to_be_probed
from domain.sync_schedule import Due
from infrastructure.event_store.errors import DatabaseBusy, DatabaseUnavailable, EventUnreadable

EVERY = 10
"""Seconds between two scans."""
SOON = timedelta(seconds=0.5)
"""How long after its start, or after a scan that got on and left something, the clock scans."""
LEASE = 10.0
"""Seconds after which another process may scan when the one that does has died."""
BATCH = 250
"""Runs that are asked for before they are enqueued together."""
ABREAST = 4
"""Runs that are asked for at the same time."""
HOSTS = 50
"""Silent hosts that one scan looks at; the others have their turn in the next."""
CANDIDATES = 5
"""Connections of a silent host of which one may become the probe."""

AWAY = (psycopg.Error, DatabaseBusy, DatabaseUnavailable)
log = structlog.get_logger()


class Held(Protocol):
    """infrastructure.postgres.lease.Lease, as far as a scan needs it."""

    @property
    def is_held(self) -> bool:
        """Whether it is still ours."""


class Finds(Protocol):
    """projections.connections.due_connections.due_connections, of an interval."""

    async def __call__(
        self,
        now: datetime,
        *,
        limit: int,
        after: Due | None = None,
        without: Collection[str] = (),
    ) -> list[Due]:
        """Connections that are due, those due longest first."""


class FindsAtHosts(Protocol):
    """projections.connections.due_connections.due_at_hosts, of an interval."""

    async def __call__(self, now: datetime, origins: Collection[str], *, limit: int) -> list[Due]:
        """Connections that are due at these hosts, those due longest first."""


@dataclass(slots=True)
class Scanned:
    """What a scan did; `is_cut` where more is due than there is room for."""

    due: int = 0
    requested: int = 0
    probes: int = 0
    held_back: int = 0
    late: float = 0.0
    is_cut: bool = False

    @property
    def gets_on(self) -> bool:
        """Whether the next scan is to come soon: this one found room, and left something."""
        return self.is_cut and self.requested > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanner:
    """Whoever holds the lease asks for runs, as long as not too many wait."""

    lease: Held
    find: Finds
    find_at: FindsAtHosts
    request: Callable[[RequestSync], Awaitable[object]]
    flush: Callable[[], Awaitable[object]]
    waiting: Callable[[], Awaitable[Mapping[str, int]]]
    circuits: Callable[[], Awaitable[Mapping[str, Circuit]]]
    probe: Callable[[str], Awaitable[bool]]
    now: Clock = the_time
    room: int = ROOM
    fronts: Fronts = field(default_factory=Fronts)

    async def scan(self) -> Scanned:
        """Ask for what is due now; whatever is left is found again by the next scan."""
        scanned = Scanned()
        if self.lease.is_held:
            try:
                await self._scan(scanned)
            except (UndefinedTable, UndefinedColumn):
                log.debug("read_model_not_there_yet")
            except AWAY as error:
                log.warning("scan_put_off", reason=str(error))
            _tell(scanned)
        return scanned

    async def _scan(self, scanned: Scanned) -> None:
        now, circuits = self.now(), await self.circuits()
        alone = left_alone(circuits, now)
        if alone:
            held = await self.find_at(now, alone[:HOSTS], limit=self.room)
            scanned.held_back = len(held)
        try:
            await self._probe_silent(scanned, to_be_probed(circuits, now), now)
            await self._traverse(scanned, now, alone)
        finally:
            await self.flush()

    async def _traverse(self, scanned: Scanned, now: datetime, alone: list[str]) -> None:
        """Go through what is due, from what is due longest, as long as there is room."""
        last: Due | None = None
        passed: frozenset[str] = frozenset()
        is_whole = True
        while self.lease.is_held and scanned.requested < self.room:
            waiting = await self.waiting()
            full = crowded(waiting, self.room)
            without = frozenset([*alone, *full])
            after = last or self.fronts.start(without, now)
            batch = await self.find(now, after=after, without=without, limit=BATCH)
            turns = admitted(batch, waiting, self.room)
            _count(scanned, batch, now)
            await self._ask_all(scanned, turns)
            await self.flush()
            passed |= without
            if is_whole and self.lease.is_held:
                self.fronts.reach(passed, batch, turns)
            is_whole = is_whole and len(turns) == len(batch)
            scanned.is_cut |= bool(full) or not is_whole
            if len(batch) < BATCH or not turns:
                return
            last = batch[-1]
        scanned.is_cut = True

    async def _ask_all(self, scanned: Scanned, turns: Sequence[Due]) -> None:
        left = iter(turns)

        async def ask_on() -> None:
            for due in left:
                if not self.lease.is_held:
                    return
                if await self._ask(due):
                    scanned.requested += 1

        ends = await asyncio.gather(*[ask_on() for _ in range(ABREAST)], return_exceptions=True)
        for end in ends:
            if end:
                raise end

    async def _ask(self, due: Due) -> bool:
        command = RequestSync(
            person_id=due.person_id, connection_id=due.connection_id, trigger="schedule"
        )
        try:
            with acting("scheduler"):
                await self.request(command)
        except (Refusal, EventUnreadable) as refusal:
            log.debug("not_due", connection_id=str(due.connection_id), reason=str(refusal))
            return False
        return True

    async def _probe_silent(self, scanned: Scanned, origins: list[str], now: datetime) -> None:
        """Send one run to each of these; a host not among the first found has its turn later."""
        candidates = defaultdict[str, list[Due]](list)
        if origins:
            for due in await self.find_at(now, origins[:HOSTS], limit=self.room):
                candidates[due.origin].append(due)
        for origin, there in candidates.items():
            if await self.probe(origin):
                scanned.probes += await self._ask_one_of(there[:CANDIDATES])

    async def _ask_one_of(self, candidates: Sequence[Due]) -> bool:
        for due in candidates:
            if await self._ask(due):
                return True
        return False


def scheduler(scanner: Scanner) -> AsyncIOScheduler:
    """The clock that scans from now on; start it inside the loop, shut it down without waiting.

    A scan the loop was too busy for is made up for once, never skipped and never doubled.
    """
    clock = AsyncIOScheduler(timezone=UTC)

    async def scan() -> None:
        # APScheduler would log a scan that the end of the process cuts off as an error.
        with suppress(asyncio.CancelledError):
            scanned = await scanner.scan()
            if scanned.gets_on:
                clock.modify_job(job.id, next_run_time=datetime.now(UTC) + SOON)

    job: Job = clock.add_job(
        scan,
        "interval",
        seconds=EVERY,
        next_run_time=datetime.now(UTC) + SOON,
        misfire_grace_time=None,
        coalesce=True,
        max_instances=1,
    )
    return clock


def _count(scanned: Scanned, batch: Sequence[Due], now: datetime) -> None:
    scanned.due += len(batch)
    if batch:
        scanned.late = max(scanned.late, (now - batch[0].due_at).total_seconds())


def _tell(scanned: Scanned) -> None:
    tell = log.info if scanned.requested or scanned.probes else log.debug
    tell("scanned", **asdict(scanned))
