"""What a receipt shows of a grade: it follows from what is proven."""

import json
from typing import Any
from uuid import UUID, uuid5

from infrastructure.seals.entry import LogEntry

TOPIC = b"GradeChanged"
STATEMENT = "The event history of this log had this grade when the checkpoint was signed."
"""The sentence in each receipt, for people."""
Document = dict[str, Any]


class NoGrade(ValueError):
    """The content of an event is not that of a changed grade."""


def shown_grade(
    entry: LogEntry, plaintext: str, *, canvas_url: str, connection_number: int
) -> Document:
    """Return the member `grade` of a receipt: the content of the event, and what belongs to it.

    `plaintext` is the stored JSON of the event. Address and number belong to the connection with
    which the grade was read: the id of a connection is derived from them, so they are proven too.

    Raises: NoGrade.
    """
    try:
        payload = json.loads(plaintext)
        connection_id = UUID(payload["connection_id"])
        place = f"connection/{canvas_url}/{connection_number}"
        grade: Document = payload | {
            "recorded_at": entry.recorded_time.isoformat().replace("+00:00", "Z"),
            "canvas_url": canvas_url,
            "person_id": str(entry.person_id),
            "event_id": str(entry.event_id),
        }
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        raise NoGrade("the content of the event is no grade") from None
    if entry.topic != TOPIC:
        raise NoGrade("the event is no change of a grade")
    if uuid5(entry.person_id, place) != connection_id:
        raise NoGrade("the Canvas address is not that of the connection which read the grade")
    return grade
