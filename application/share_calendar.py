"""The command that makes the address of a calendar, or replaces it by a new one."""

from dataclasses import dataclass
from uuid import UUID

from application.ports import Calendars, SharedCalendar


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareCalendar:
    """A person makes an address at which calendar programs can read their due dates."""

    person_id: UUID


async def share_calendar(command: ShareCalendar, *, calendars: Calendars) -> SharedCalendar:
    """Make a new address; the earlier one ends at once.

    Only a digest of the secret is stored, so the returned address cannot be shown again.

    Raises: PersonIsErased if the data of the person was erased.
    """
    return await calendars.share(command.person_id)
