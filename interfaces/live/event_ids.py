"""The ids of live messages as server-sent events, from which a client resumes."""

from typing import NamedTuple

from domain.log_position import LogPosition
from infrastructure.subscriptions.missed_events import TIMELINE_DIGITS_BASE

MAX_EVENT_ID_DIGITS = 18
"""The longest accepted id. Every number of 18 digits fits into a bigint, as positions are."""


class EventId(NamedTuple):
    """What an event id contains: a position, and the last digits of the id of its timeline."""

    position: int
    timeline_digits: int


def encode_event_id(place: LogPosition) -> str:
    """Return the id of a place: a decimal number that grows with the position.

    Its last 3 digits are those of the timeline.
    """
    return str(place.position * TIMELINE_DIGITS_BASE + place.timeline % TIMELINE_DIGITS_BASE)


def parse_event_id(text: str) -> EventId | None:
    """Return what an id contains, or None if `encode_event_id` cannot have made it."""
    is_number = text.isascii() and text.isdecimal() and len(text) <= MAX_EVENT_ID_DIGITS
    return EventId(*divmod(int(text), TIMELINE_DIGITS_BASE)) if is_number else None
