"""Calendars in memory: their addresses, and the due dates of one person."""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypedDict
from uuid import UUID

from application.end_calendar import EndCalendar
from application.ports import SharedCalendar
from application.share_calendar import ShareCalendar
from interfaces.service_protocols import ListDueDates
from projections.assignments.due_dates import DatedAssignment
from projections.support.query import Query
from tests.dev_tokens import ADA
from tests.interfaces.http.fake_reads import FakeReads, query_of

CALENDAR_SECRET = "kX3-vQ9_tL5nB1wZ7cR2mD8hJ4sF6gY0pA-eU_iOxNs"


class CalendarMembers(TypedDict):
    """The members of Service about calendars."""

    share_calendar: Callable[[ShareCalendar], Awaitable[SharedCalendar]]
    end_calendar: Callable[[EndCalendar], Awaitable[None]]
    calendar_owner: Callable[[str], Awaitable[UUID | None]]
    due_dates_of: ListDueDates


@dataclass
class FakeCalendars(FakeReads):
    """Ada has a calendar; `due_dates` are hers."""

    calendars: dict[str, UUID] = field(default_factory=lambda: {CALENDAR_SECRET: ADA})
    """The owners of calendars by secret."""
    due_dates: list[DatedAssignment] = field(default_factory=list)

    async def share_calendar(self, command: ShareCalendar) -> SharedCalendar:
        self.record_call("share_calendar", command)
        self._end(command.person_id)
        shared = SharedCalendar(secrets.token_urlsafe(32), datetime.now(UTC))
        self.calendars[shared.secret] = command.person_id
        return shared

    async def end_calendar(self, command: EndCalendar) -> None:
        self.record_call("end_calendar", command)
        self._end(command.person_id)

    async def calendar_owner(self, secret: str) -> UUID | None:
        self.record_call("calendar_owner", secret)
        return self.calendars.get(secret)

    def due_dates_of(self, person_id: UUID) -> Query[list[DatedAssignment]]:
        self.record_call("due_dates_of", person_id)
        return query_of("assignments", self.due_dates if person_id == ADA else [])

    def calendar_members(self) -> CalendarMembers:
        """Return the members of Service about calendars."""
        return {
            "share_calendar": self.share_calendar,
            "end_calendar": self.end_calendar,
            "calendar_owner": self.calendar_owner,
            "due_dates_of": self.due_dates_of,
        }

    def _end(self, person_id: UUID) -> None:
        owners = self.calendars.items()
        self.calendars = {secret: owner for secret, owner in owners if owner != person_id}
