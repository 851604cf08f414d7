"""The decisions of the Calendar aggregate, and the events that it records."""

from uuid import UUID

from domain.calendar import Calendar
from domain.events import CalendarEnded, CalendarShared
from tests.given_when_then import given

PERSON = UUID("00000000-0000-4000-8000-00000000000a")
OTHER_PERSON = UUID("00000000-0000-4000-8000-00000000000b")


def share(calendar: Calendar) -> None:
    calendar.share(PERSON)


def end(calendar: Calendar) -> None:
    calendar.end(PERSON)


def test_a_calendar_can_be_shared_and_shared_once_more() -> None:
    (shared,) = given(Calendar).when(share).then(CalendarShared)
    assert shared == {"person_id": PERSON}
    given(Calendar, share).when(share).then(CalendarShared)
    given(Calendar, share, end).when(share).then(CalendarShared)


def test_a_shared_calendar_ends_once() -> None:
    (ended,) = given(Calendar, share).when(end).then(CalendarEnded)
    assert ended == {"person_id": PERSON}
    given(Calendar, share, end).when(end).then()


def test_a_calendar_without_events_may_have_an_address_of_an_earlier_release() -> None:
    given(Calendar).when(end).then(CalendarEnded)
    given(Calendar, end).when(end).then()


def test_the_stream_of_a_calendar_is_that_of_its_person() -> None:
    assert Calendar.id_for(PERSON) == Calendar.id_for(PERSON) != Calendar.id_for(OTHER_PERSON)
