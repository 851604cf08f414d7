"""Sharing makes an address for the person alone; ending removes it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID, uuid4

from application.end_calendar import EndCalendar, end_calendar
from application.ports import SharedCalendar
from application.share_calendar import ShareCalendar, share_calendar

ADA, BOB = uuid4(), uuid4()


@dataclass
class InMemoryCalendars:
    """The current secret of each person."""

    secrets: dict[UUID, str] = field(default_factory=dict)

    async def share(self, person_id: UUID) -> SharedCalendar:
        self.secrets[person_id] = str(uuid4())
        return SharedCalendar(self.secrets[person_id], datetime.now(UTC))

    async def end(self, person_id: UUID) -> None:
        self.secrets.pop(person_id, None)


async def test_a_person_shares_renews_and_ends_their_own_calendar() -> None:
    calendars = InMemoryCalendars()
    of_bob = await share_calendar(ShareCalendar(person_id=BOB), calendars=calendars)
    for _ in range(2):
        shared = await share_calendar(ShareCalendar(person_id=ADA), calendars=calendars)
        assert calendars.secrets == {ADA: shared.secret, BOB: of_bob.secret}
    for _ in range(2):
        await end_calendar(EndCalendar(person_id=ADA), calendars=calendars)
        assert calendars.secrets == {BOB: of_bob.secret}


async def test_the_secret_is_not_in_the_representation() -> None:
    shared = await share_calendar(ShareCalendar(person_id=ADA), calendars=InMemoryCalendars())
    assert shared.secret not in f"{shared} {shared!r}"
