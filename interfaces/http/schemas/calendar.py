"""Schema of the address of a calendar."""

from datetime import datetime

from interfaces.http.schemas.response_model import ResponseModel


class CalendarAddress(ResponseModel):
    """The secret address of a user's calendar. It is shown once: easeboard stores its digest."""

    url: str
    """URL of the iCalendar feed of easeboard; everyone who has it can read the due dates."""
    created_at: datetime
    """When easeboard made the address: RFC 3339 in UTC."""
