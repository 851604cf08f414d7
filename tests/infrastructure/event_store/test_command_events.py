"""What a command has appended is found by its id, whichever process executed it."""

from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from application.event_metadata import EventMetadata, with_event_metadata
from application.share_calendar import ShareCalendar, share_calendar
from domain.calendar import Calendar
from domain.connection import Connection
from domain.events import ConnectionOpened, ConnectionValidated, SyncRequested
from domain.events.calendar import CalendarShared
from domain.log_position import LogPosition
from infrastructure.crypto.calendar_addresses import CalendarAddresses
from infrastructure.crypto.person_keys import PersonKeys
from infrastructure.event_store.command_events import (
    CLOCK_MARGIN,
    CommandEvents,
    find_append_time,
    find_command_events,
)
from infrastructure.event_store.mapper import Mapper
from infrastructure.event_store.store import EventStore
from infrastructure.postgres.pools import ReadPool, WritePool, open_read_pool
from tests.dev_tokens import ADA, BOB
from tests.infrastructure.event_store.aggregate_histories import (
    ORIGIN,
    new_connection,
    requested_sync,
)

COMMAND = UUID(int=77)


@pytest.fixture
async def read_pool(database_url: str) -> AsyncIterator[ReadPool]:
    async with open_read_pool(database_url, size=1) as pool:
        yield pool


class Log:
    """A store, and what is found in it."""

    def __init__(self, store: EventStore, pool: ReadPool, mapper: Mapper) -> None:
        self.store, self._pool, self._mapper = store, pool, mapper

    async def set_up(self, person_id: UUID, command_id: UUID) -> EventMetadata:
        """Append what the command of a new connection appends."""
        with with_event_metadata(str(person_id)) as metadata:
            metadata.command_id = command_id
            await self.store.save(new_connection(person_id), requested_sync(person_id))
        return metadata

    async def find(self, person_id: UUID = ADA, *, later: timedelta = timedelta()) -> CommandEvents:
        since = datetime.now(UTC) + later
        return await find_command_events(
            person_id, COMMAND, since, pool=self._pool, mapper=self._mapper
        )


@pytest.fixture
def log(store: EventStore, read_pool: ReadPool, mapper: Mapper) -> Log:
    return Log(store, read_pool, mapper)


async def test_the_events_of_a_command_are_found_with_their_place(log: Log) -> None:
    assert await log.find() == CommandEvents()
    metadata = await log.set_up(ADA, COMMAND)
    found = await log.find()
    assert [type(event) for event in found.events] == [ConnectionOpened, SyncRequested]
    assert found.place == metadata.appended
    assert await log.find(BOB) == CommandEvents()


async def test_the_time_of_an_append_is_that_of_its_events(log: Log, read_pool: ReadPool) -> None:
    place = (await log.set_up(ADA, COMMAND)).appended
    assert place
    times = {event.timestamp for event in (await log.find()).events}
    assert {await find_append_time(place, pool=read_pool)} == times
    lost = LogPosition(place.timeline, place.position + 1)
    assert await find_append_time(lost, pool=read_pool) is None


async def test_events_of_other_commands_are_not_found(log: Log) -> None:
    await log.set_up(ADA, uuid4())
    await log.set_up(BOB, COMMAND)
    assert await log.find() == CommandEvents()
    stream = Connection.id_for(ADA, ORIGIN, 1)
    with with_event_metadata("ada") as metadata:
        metadata.command_id = COMMAND
        await log.store.record(Connection, stream, lambda each: each.record_validation("Ada"))
    assert [type(event) for event in (await log.find()).events] == [ConnectionValidated]


async def test_events_of_an_earlier_use_of_the_key_are_not_found(log: Log) -> None:
    await log.set_up(ADA, COMMAND)
    assert (await log.find(later=CLOCK_MARGIN - timedelta(minutes=1))).events
    assert await log.find(later=CLOCK_MARGIN + timedelta(minutes=1)) == CommandEvents()


async def test_events_of_an_erased_person_are_left_out(log: Log, keys: PersonKeys) -> None:
    metadata = await log.set_up(ADA, COMMAND)
    keys.destroy(ADA)
    assert await log.find() == CommandEvents((), metadata.appended)


async def test_a_calendar_shared_again_by_the_same_command_has_a_new_address(
    log: Log, pool: WritePool, read_pool: ReadPool
) -> None:
    with (
        closing(CalendarAddresses(pool, read_pool)) as addresses,
        with_event_metadata("ada") as metadata,
    ):
        metadata.command_id = COMMAND
        command = ShareCalendar(person_id=ADA)
        first, second = [
            await share_calendar(command, store=log.store, calendars=addresses) for _ in range(2)
        ]
        assert await addresses.owner_of(first.secret) is None
        assert await addresses.owner_of(second.secret) == ADA
    found = await log.find()
    assert [type(event) for event in found.events] == [CalendarShared, CalendarShared]
    assert found.place == metadata.appended
    assert (await log.store.load(Calendar, Calendar.id_for(ADA))).version == 2
