"""Everything that a scan uses, in memory: due connections, a queue and circuit breakers."""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from application.event_metadata import current_metadata
from application.request_sync import RequestSync
from domain.circuit_breaker import CircuitBreaker
from domain.errors import SyncAlreadyRunning
from domain.sync_admission import sort_key
from domain.sync_schedule import DueConnection
from infrastructure.scheduling.scanner import Scanner

NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HERE, THERE = "https://here.example", "https://there.example"


def make_due(total: int, origin: str = HERE, since: timedelta = MINUTE) -> list[DueConnection]:
    ids = [uuid4() for _ in range(total)]
    return [
        DueConnection(id_, id_, origin, NOON - since + nth * MINUTE / 999)
        for nth, id_ in enumerate(ids)
    ]


@dataclass
class ScanFakes:
    """Due connections, a queue and circuit breakers, and the runs that were requested.

    The last run of the connections in `failed` failed.
    """

    due: list[DueConnection] = field(default_factory=list)
    circuit_breakers: dict[str, CircuitBreaker] = field(default_factory=dict)
    waiting: Counter[str] = field(default_factory=Counter)
    refused: set[UUID] = field(default_factory=set)
    failed: set[UUID] = field(default_factory=set)
    requested: list[DueConnection] = field(default_factory=list)
    queried_after: list[DueConnection | None] = field(default_factory=list)
    flush_sizes: list[int] = field(default_factory=list)
    is_held: bool = True
    on_request: Callable[[], object] = lambda: None

    async def find_due(
        self,
        now: datetime,
        *,
        limit: int,
        after: DueConnection | None = None,
        without: Collection[str] = (),
    ) -> list[DueConnection]:
        self.queried_after.append(after)
        found = sorted((each for each in self.due if each.due_at <= now), key=sort_key)
        if after:
            found = [each for each in found if sort_key(each) > sort_key(after)]
        return [each for each in found if each.origin not in without][:limit]

    async def find_due_at_hosts(
        self,
        now: datetime,
        origins: Collection[str],
        *,
        limit: int,
        without_failures: bool = False,
    ) -> list[DueConnection]:
        others = {each.origin for each in self.due} - set(origins)
        found = await self.find_due(now, without=others, limit=len(self.due))
        self.queried_after.pop()
        excluded = self.failed if without_failures else set()
        return [each for each in found if each.connection_id not in excluded][:limit]

    async def request_sync(self, command: RequestSync) -> None:
        assert (command.trigger, current_metadata().actor) == ("schedule", "scheduler")
        await asyncio.sleep(0)
        self.on_request()
        if command.connection_id in self.refused:
            raise SyncAlreadyRunning(uuid4())
        (due,) = [each for each in self.due if each.connection_id == command.connection_id]
        assert command.person_id == due.person_id
        self.requested.append(due)

    async def flush(self) -> None:
        self.waiting.update(each.origin for each in self.requested[sum(self.flush_sizes) :])
        self.flush_sizes.append(len(self.requested) - sum(self.flush_sizes))

    def scanner(self, **overrides: Any) -> Scanner:
        async def count_waiting() -> Counter[str]:
            return self.waiting

        async def load_circuits() -> dict[str, CircuitBreaker]:
            return self.circuit_breakers

        defaults: dict[str, Any] = {
            "lease": self,
            "find_due": self.find_due,
            "find_due_at_hosts": self.find_due_at_hosts,
            "request_sync": self.request_sync,
            "flush": self.flush,
            "count_waiting": count_waiting,
            "load_circuits": load_circuits,
            "now": lambda: NOON,
        }
        return Scanner(**defaults | overrides)
