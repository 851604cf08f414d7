"""The command that makes the address of a calendar, or replaces it by a new one."""

from dataclasses import dataclass
from uuid import UUID

from application.ports import Calendars, SharedCalendar, Store
from domain.calendar import Calendar


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareCalendar:
    """A person makes an address at which calendar programs can read their due dates."""

    person_id: UUID


async def share_calendar(
    command: ShareCalendar, *, store: Store, calendars: Calendars
) -> SharedCalendar:
    """Make a new address; the earlier one ends at once.

    Only a digest of the secret is stored, in the transaction of the event. So the returned address
    cannot be shown again.

    Raises: PersonIsErased if the data of the person was erased.
    """
    stream = Calendar.id_for(command.person_id)

    async def share() -> SharedCalendar:
        calendar = await store.load(Calendar, stream)
        calendar.share(command.person_id)
        secret, address = calendars.sharing(command.person_id)
        await store.save(calendar, secrets=[address])
        saved = await store.load(Calendar, stream)
        return SharedCalendar(secret, saved.modified_on)

    return await store.in_turn(stream, share)
