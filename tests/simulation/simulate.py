"""Runs the real scanner on the simulated world; each of its queries advances the virtual clock."""

import asyncio
import gc
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime

from application.request_sync import RequestSync
from domain.circuit_breaker import CircuitBreaker
from domain.sync_schedule import DueConnection
from infrastructure.scheduling.scanner import RESCAN_DELAY, SCAN_INTERVAL_SECONDS, Scanner
from tests.simulation.assumptions import Assumptions
from tests.simulation.connections import index_of, seconds_since_start, time_at
from tests.simulation.results import Results
from tests.simulation.world import World


class HeldLease:
    """A lease that is always held, because there is one scanner only."""

    is_held = True


class SimulatedDatabase:
    """The functions of PostgreSQL and the queue that the scanner calls."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._seconds_per_request = 1 / world.assumptions.scanner_rate

    def now(self) -> datetime:
        return time_at(self._world.now)

    async def find_due(
        self,
        now: datetime,
        *,
        limit: int,
        after: DueConnection | None = None,
        without: Collection[str] = (),
    ) -> list[DueConnection]:
        world = self._world
        world.advance_to(world.now + world.assumptions.page_seconds)
        return self._to_due(
            world.connections.due_list.find(
                seconds_since_start(now),
                limit,
                after=(seconds_since_start(after.due_at), index_of(after.connection_id))
                if after
                else None,
                without=[world.hosts.host_by_origin[name] for name in without],
            )
        )

    async def find_due_at_hosts(
        self,
        now: datetime,
        origins: Collection[str],
        *,
        limit: int,
        without_failures: bool = False,
    ) -> list[DueConnection]:
        world = self._world
        world.advance_to(world.now + world.assumptions.page_seconds)
        only = [world.hosts.host_by_origin[name] for name in origins]
        return self._to_due(
            world.connections.due_list.find(
                seconds_since_start(now), limit, only=only, without_failures=without_failures
            )
        )

    def _to_due(self, entries: Sequence[tuple[float, int]]) -> list[DueConnection]:
        connections, origins = self._world.connections, self._world.hosts.origins
        ids, hosts = connections.ids, connections.hosts
        return [
            DueConnection(ids[index], ids[index], origins[hosts[index]], time_at(due))
            for due, index in entries
        ]

    async def request_sync(self, command: RequestSync) -> None:
        world = self._world
        world.advance_to(world.now + self._seconds_per_request)
        world.request_sync(index_of(command.connection_id))

    async def flush(self) -> None:
        pass

    async def count_waiting(self) -> dict[str, int]:
        world = self._world
        origins = world.hosts.origins
        waiting = {origins[host]: runs for host, runs in world.lanes.waiting_at.items()}
        world.results.max_waiting = max(world.results.max_waiting, sum(waiting.values()))
        return waiting

    async def load_circuits(self) -> dict[str, CircuitBreaker]:
        return dict(self._world.hosts.circuit_breakers)


def simulate(
    assumptions: Assumptions,
    report_progress: Callable[[float, int], None] = lambda _hours, _runs: None,
    prepare: Callable[[World], None] = lambda _world: None,
) -> Results:
    """Simulate the hours of `assumptions`, and return the measurements.

    `report_progress` is called after each scan with the hours and the number of runs so far,
    `prepare` at the start: it can schedule what happens in the world.
    KeyboardInterrupt ends the simulation; the results are then those of the hours so far.
    """
    world = World(assumptions, report_progress)
    prepare(world)
    gc.freeze()
    gc.disable()
    try:
        asyncio.run(_run_scans(world))
    except KeyboardInterrupt:
        hours = max(0.01, world.now / 3600 - assumptions.warm_up)
        world.results.assumptions = replace(assumptions, hours=hours)
    finally:
        gc.enable()
        gc.unfreeze()
    return world.results


async def _run_scans(world: World) -> None:
    database = SimulatedDatabase(world)
    scanner = Scanner(
        lease=HeldLease(),
        find_due=database.find_due,
        find_due_at_hosts=database.find_due_at_hosts,
        request_sync=database.request_sync,
        flush=database.flush,
        count_waiting=database.count_waiting,
        load_circuits=database.load_circuits,
        now=database.now,
        max_waiting=world.assumptions.max_waiting,
    )
    while world.now < world.assumptions.total_seconds:
        started = world.now
        result = await scanner.scan()
        if world.is_measuring:
            world.results.scans += 1
            world.results.scan_seconds += world.now - started
        world.report_progress()
        soon = world.now + RESCAN_DELAY.total_seconds()
        world.advance_to(
            soon if result.should_rescan_soon else max(started + SCAN_INTERVAL_SECONDS, world.now)
        )
