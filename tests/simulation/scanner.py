"""Our own scanner over the simulated world, whose clock goes on while it works."""

import asyncio
import gc
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime

from application.request_sync import RequestSync
from domain.circuit_breaker import Circuit
from domain.sync_schedule import Due
from infrastructure.scheduling.scanner import EVERY, SOON, Scanner
from tests.simulation.assumptions import Assumptions
from tests.simulation.connections import at, nth, since
from tests.simulation.results import Found
from tests.simulation.world import World


class Lease:
    """Held by the only process there is."""

    is_held = True


class Tables:
    """What the scanner asks of PostgreSQL."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._ask = 1 / world.assumed.asks

    def now(self) -> datetime:
        return at(self._world.now)

    async def find(
        self,
        now: datetime,
        *,
        limit: int,
        after: Due | None = None,
        without: Collection[str] = (),
    ) -> list[Due]:
        world = self._world
        world.pass_to(world.now + world.assumed.page)
        return self._told(
            world.people.due.find(
                since(now),
                limit,
                after=(since(after.due_at), nth(after.connection_id)) if after else None,
                without=[world.hosts[name] for name in without],
            )
        )

    async def find_at(self, now: datetime, origins: Collection[str], *, limit: int) -> list[Due]:
        world = self._world
        world.pass_to(world.now + world.assumed.page)
        only = [world.hosts[name] for name in origins]
        return self._told(world.people.due.find(since(now), limit, only=only))

    def _told(self, found: Sequence[tuple[float, int]]) -> list[Due]:
        people, origins = self._world.people, self._world.origins
        ids, host = people.ids, people.host
        return [Due(ids[one], ids[one], origins[host[one]], at(due)) for due, one in found]

    async def request(self, command: RequestSync) -> None:
        world = self._world
        world.pass_to(world.now + self._ask)
        world.request(nth(command.connection_id))

    async def flush(self) -> None:
        pass

    async def waiting(self) -> dict[str, int]:
        world = self._world
        waiting = {world.origins[host]: runs for host, runs in world.lanes.waiting_at.items()}
        world.found.most_waiting = max(world.found.most_waiting, sum(waiting.values()))
        return waiting

    async def circuits(self) -> dict[str, Circuit]:
        return dict(self._world.circuits)

    async def probe(self, host: str) -> bool:
        world, now = self._world, self.now()
        circuit = world.circuits.get(host, Circuit())
        if not circuit.wants_probe(now):
            return False
        world.circuits[host] = circuit.probed(now, world.chance.random())
        world.found.probes += world.counts
        return True


def simulate(
    assumed: Assumptions, tell: Callable[[float, int], None] = lambda _hours, _runs: None
) -> Found:
    """Live the day; `tell` is told now and then the hour and how many runs there were.

    Who interrupts it is given what there was until then.
    """
    world = World(assumed, tell)
    gc.freeze()
    gc.disable()
    try:
        asyncio.run(_live(world))
    except KeyboardInterrupt:
        hours = max(0.01, world.now / 3600 - assumed.warm_up)
        world.found.world = replace(assumed, hours=hours)
    finally:
        gc.enable()
        gc.unfreeze()
    return world.found


async def _live(world: World) -> None:
    tables = Tables(world)
    scanner = Scanner(
        lease=Lease(),
        find=tables.find,
        find_at=tables.find_at,
        request=tables.request,
        flush=tables.flush,
        waiting=tables.waiting,
        circuits=tables.circuits,
        probe=tables.probe,
        now=tables.now,
        room=world.assumed.room,
    )
    while world.now < world.assumed.seconds:
        began = world.now
        scanned = await scanner.scan()
        if world.counts:
            world.found.scans += 1
            world.found.scanning += world.now - began
        world.tell()
        soon = world.now + SOON.total_seconds()
        world.pass_to(soon if scanned.gets_on else max(began + EVERY, world.now))
