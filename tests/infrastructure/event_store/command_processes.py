"""The commands with a real log and real secrets, in one process or spread over several."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from application.cancel_sync import CancelSync, cancel_sync
from application.close_connection import CloseConnection, close_connection
from application.end_calendar import EndCalendar, end_calendar
from application.event_metadata import with_event_metadata
from application.ports import CanvasUser, SharedCalendar
from application.record_history_read import RecordHistoryRead, record_history_read
from application.request_sync import QueuedSync, RequestSync, request_sync
from application.rotate_token import RotateToken, rotate_token
from application.set_up_connection import SetUpConnection, set_up_connection
from application.share_calendar import ShareCalendar, share_calendar
from application.validate_connection import ValidateConnection, validate_connection
from infrastructure.crypto.calendar_addresses import CalendarAddresses
from infrastructure.crypto.master_key import KeyRing
from infrastructure.crypto.person_keys import PersonKeys
from infrastructure.crypto.token_vault import TokenVault
from infrastructure.event_store.store import EventStore
from infrastructure.postgres.pools import Pools, open_pools
from tests.fakes import ORIGIN, FakeCanvas, InMemoryQueue

INTERVAL = timedelta(hours=2)
TOKEN = "7~the-first-token-of-ada"


@dataclass
class CountingCanvas(FakeCanvas):
    """A Canvas that takes a moment to check a token; `checks` has the tokens it checked.

    Every token that begins with 7 belongs to the same user.
    """

    checks: list[str] = field(default_factory=list)
    seconds: float = 0.02
    was_requested: asyncio.Event = field(default_factory=asyncio.Event)

    async def fetch_user(self, origin: str, token: str) -> CanvasUser:
        assert origin == ORIGIN
        self.checks.append(token)
        self.was_requested.set()
        await asyncio.sleep(self.seconds)
        if token.startswith("7"):
            return CanvasUser("42", "Ada")
        return await super().fetch_user(origin, token)


@dataclass
class CommandProcess:
    """What one process has: pools, a store, a vault and calendar addresses."""

    pools: Pools
    store: EventStore
    vault: TokenVault
    calendars: CalendarAddresses
    canvas: CountingCanvas
    queue: InMemoryQueue = field(default_factory=InMemoryQueue)

    async def set_up(self, person: UUID, token: str = TOKEN) -> QueuedSync:
        command = SetUpConnection(person_id=person, canvas_url=ORIGIN, api_token=token)
        return await set_up_connection(
            command, store=self.store, vault=self.vault, canvas=self.canvas, queue=self.queue
        )

    async def rotate(self, person: UUID, connection: UUID, token: str) -> None:
        await rotate_token(
            RotateToken(person_id=person, connection_id=connection, api_token=token),
            store=self.store,
            vault=self.vault,
            canvas=self.canvas,
            queue=self.queue,
            interval=INTERVAL,
        )

    async def validate(self, person: UUID, connection: UUID) -> str | None:
        command = ValidateConnection(person_id=person, connection_id=connection)
        return await validate_connection(
            command, store=self.store, vault=self.vault, canvas=self.canvas
        )

    async def close(self, person: UUID, connection: UUID) -> None:
        command = CloseConnection(person_id=person, connection_id=connection)
        await close_connection(command, store=self.store, vault=self.vault)

    async def request(self, person: UUID, connection: UUID) -> QueuedSync:
        command = RequestSync(person_id=person, connection_id=connection)
        return await request_sync(command, store=self.store, queue=self.queue, interval=INTERVAL)

    async def cancel(self, person: UUID, connection: UUID) -> None:
        command = CancelSync(person_id=person, connection_id=connection)
        await cancel_sync(command, store=self.store)

    async def record_read(self, connection: UUID, reader: str) -> None:
        with with_event_metadata(reader):
            command = RecordHistoryRead(
                connection_id=connection, reader=reader, what="events", purpose="complaint"
            )
            await record_history_read(command, store=self.store)

    async def share(self, person: UUID) -> SharedCalendar:
        command = ShareCalendar(person_id=person)
        return await share_calendar(command, store=self.store, calendars=self.calendars)

    async def end_calendar(self, person: UUID) -> None:
        command = EndCalendar(person_id=person)
        await end_calendar(command, store=self.store, calendars=self.calendars)


@asynccontextmanager
async def open_process(
    url: str, ring: KeyRing, canvas: CountingCanvas
) -> AsyncIterator[CommandProcess]:
    """Open the parts of one process."""
    async with AsyncExitStack() as stack:
        pools = await stack.enter_async_context(open_pools(url, write_size=6, read_size=2))
        store = EventStore(pools.write_pool, PersonKeys(pools.write_pool, ring))
        yield CommandProcess(
            pools,
            stack.enter_context(closing(store)),
            stack.enter_context(closing(TokenVault(pools.write_pool, ring))),
            stack.enter_context(closing(CalendarAddresses(*pools))),
            canvas,
        )


@asynccontextmanager
async def open_processes(
    url: str, ring: KeyRing, count: int
) -> AsyncIterator[list[CommandProcess]]:
    """Open several processes' worth of parts, beside one Canvas."""
    canvas = CountingCanvas()
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(open_process(url, ring, canvas)) for _ in range(count)
        ]


def in_turn_on(processes: Sequence[CommandProcess], count: int) -> list[CommandProcess]:
    """Return one process for each of so many requests, as a load balancer spreads them."""
    return [processes[number % len(processes)] for number in range(count)]


async def outcomes_of(commands: Iterable[Awaitable[Any]]) -> Counter[str]:
    """Execute commands at once, and count their results by the name of their error, or `done`."""
    results = await asyncio.gather(*commands, return_exceptions=True)
    return Counter(
        type(each).__name__ if isinstance(each, BaseException) else "done" for each in results
    )
