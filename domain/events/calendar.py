"""The events of the secret address of a person's calendar."""

from uuid import UUID

from domain.event import Event, stored_as


class CalendarEvent(Event):
    """The base class of the events of a calendar."""


@stored_as("CalendarShared")
class CalendarShared(CalendarEvent):
    """A person made an address of their calendar; an earlier one ended."""

    person_id: UUID
    """The person whose calendar it is."""


@stored_as("CalendarEnded")
class CalendarEnded(CalendarEvent):
    """A person ended the address of their calendar."""

    person_id: UUID
    """The person whose calendar it is."""
