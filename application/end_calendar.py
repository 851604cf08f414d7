"""The command that ends the address of a calendar."""

from dataclasses import dataclass
from uuid import UUID

from application.ports import Calendars


@dataclass(frozen=True, slots=True, kw_only=True)
class EndCalendar:
    """A person ends the address of their calendar."""

    person_id: UUID


async def end_calendar(command: EndCalendar, *, calendars: Calendars) -> None:
    """End the address, if there is one; calendar programs that have it get 404 from then on."""
    await calendars.end(command.person_id)
