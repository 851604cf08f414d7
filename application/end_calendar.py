"""The command that ends the address of a calendar."""

from dataclasses import dataclass
from uuid import UUID

from application.ports import Calendars, Store
from domain.aggregate import NO_PERSON
from domain.calendar import Calendar
from domain.errors import PersonIsErased


@dataclass(frozen=True, slots=True, kw_only=True)
class EndCalendar:
    """A person ends the address of their calendar."""

    person_id: UUID


async def end_calendar(command: EndCalendar, *, store: Store, calendars: Calendars) -> None:
    """End the address, if there is one; calendar programs that have it get 404 from then on.

    It is deleted in the transaction of the event, which is not recorded for an erased person.
    """
    stream = Calendar.id_for(command.person_id)

    async def end() -> None:
        calendar = await store.load(Calendar, stream)
        is_redacted = calendar.exists and calendar.person_id == NO_PERSON
        if is_redacted:
            # The person is erased and cannot share a new address, so no newer one can be deleted.
            await store.save(secrets=[calendars.ending(command.person_id)])
            return
        calendar.end(command.person_id)
        # Without an event nothing is deleted: it could be the address of a newer event.
        if calendar.pending_events:
            await _save_end(calendar, command, store, calendars)

    await store.in_turn(stream, end)


async def _save_end(
    calendar: Calendar, command: EndCalendar, store: Store, calendars: Calendars
) -> None:
    ending = calendars.ending(command.person_id)
    try:
        await store.save(calendar, secrets=[ending])
    except PersonIsErased:
        await store.save(secrets=[ending])
