"""Sharing makes an address for the person alone; ending removes it. Each has its event."""

from dataclasses import dataclass, field
from uuid import UUID, uuid4

import pytest

from application.end_calendar import EndCalendar, end_calendar
from application.ports import SharedCalendar
from application.share_calendar import ShareCalendar, share_calendar
from domain.calendar import Calendar
from domain.errors import PersonIsErased
from domain.events import CalendarEnded, CalendarShared
from tests.fakes import InMemoryCalendars
from tests.memory_store import InMemoryStore

ADA, BOB = uuid4(), uuid4()


@dataclass
class CalendarCommands:
    """The commands about calendars, with ports in memory."""

    store: InMemoryStore = field(default_factory=InMemoryStore)
    calendars: InMemoryCalendars = field(default_factory=InMemoryCalendars)

    @property
    def recorded(self) -> list[str]:
        return [type(event).__name__ for event in self.store.events]

    async def share(self, person: UUID) -> SharedCalendar:
        command = ShareCalendar(person_id=person)
        return await share_calendar(command, store=self.store, calendars=self.calendars)

    async def end(self, person: UUID) -> None:
        await end_calendar(
            EndCalendar(person_id=person), store=self.store, calendars=self.calendars
        )


@pytest.fixture
def commands() -> CalendarCommands:
    return CalendarCommands()


async def test_a_person_shares_renews_and_ends_their_own_calendar(
    commands: CalendarCommands,
) -> None:
    of_bob = await commands.share(BOB)
    for _ in range(2):
        shared = await commands.share(ADA)
        assert commands.calendars.secrets == {ADA: shared.secret, BOB: of_bob.secret}
    for _ in range(2):
        await commands.end(ADA)
        assert commands.calendars.secrets == {BOB: of_bob.secret}
    assert commands.recorded == [CalendarShared.__name__] * 3 + [CalendarEnded.__name__]


async def test_the_time_of_an_address_is_that_of_its_event(commands: CalendarCommands) -> None:
    shared = await commands.share(ADA)
    (event,) = commands.store.events
    assert shared.created_at == event.timestamp
    assert event.originator_id == Calendar.id_for(ADA)


async def test_an_address_of_an_earlier_release_is_ended_by_an_event(
    commands: CalendarCommands,
) -> None:
    commands.calendars.secrets[ADA] = "an address without an event"
    await commands.end(ADA)
    assert commands.calendars.secrets == {}
    assert commands.recorded == [CalendarEnded.__name__]


async def test_a_repeated_end_deletes_no_address(commands: CalendarCommands) -> None:
    await commands.share(ADA)
    await commands.end(ADA)
    # Another process has shared the calendar since this one loaded it.
    commands.calendars.secrets[ADA] = "a newer address"
    await commands.end(ADA)
    assert commands.calendars.secrets == {ADA: "a newer address"}


async def test_the_address_of_a_calendar_whose_events_are_redacted_ends(
    commands: CalendarCommands, monkeypatch: pytest.MonkeyPatch
) -> None:
    await commands.share(ADA)
    redacted = Calendar.new(Calendar.id_for(ADA))
    redacted.version = 1

    async def load_redacted(*_: object) -> Calendar:
        return redacted

    monkeypatch.setattr(commands.store, "load", load_redacted)
    await commands.end(ADA)
    assert commands.calendars.secrets == {}


async def test_the_address_of_an_erased_person_ends_without_an_event(
    commands: CalendarCommands, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = commands.store.save

    async def refuse_events(*aggregates: Calendar, secrets: list[object]) -> None:
        if aggregates:
            raise PersonIsErased(ADA)
        await save(secrets=secrets)  # type: ignore[arg-type]  # changes in memory

    commands.calendars.secrets[ADA] = "an address without an event"
    monkeypatch.setattr(commands.store, "save", refuse_events)
    await commands.end(ADA)
    assert (commands.calendars.secrets, commands.recorded) == ({}, [])
    with pytest.raises(PersonIsErased):
        await commands.share(ADA)
    assert commands.calendars.secrets == {}


async def test_the_secret_is_not_in_the_representation_or_the_log(
    commands: CalendarCommands,
) -> None:
    shared = await commands.share(ADA)
    assert shared.secret not in f"{shared} {shared!r}"
    assert shared.secret.encode() not in commands.store.bytes()
