"""A stored JSON document, and how the keys that follow the clock get into it when it is asked for.

A projector makes a document once, when an event changes it; a question gives the bytes out
as they are. What follows the clock is put in front of the closing brace.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson


def encode(document: Any) -> bytes:
    """The bytes to keep of a document; ids and times become text."""
    return orjson.dumps(document)


def format_rfc3339(at: datetime) -> str:
    """A time as documents write it: `2026-09-01T05:59:59.123456Z`."""
    in_utc = at if at.tzinfo is UTC else at.astimezone(UTC)
    return in_utc.isoformat()[:-6] + "Z"


def encode_time_or_null(at: datetime | None) -> bytes:
    """A time, or its absence, as JSON."""
    return b"null" if at is None else b'"%b"' % format_rfc3339(at).encode()


def add_members(document: bytes, members: bytes) -> bytes:
    """A stored object with more members, given as JSON: `{"a":1}` and `"b":2` make both."""
    return b"%b,%b}" % (document[:-1], members)


def encode_array(documents: Sequence[bytes]) -> bytes:
    """A JSON array of stored documents."""
    return b"[" + b",".join(documents) + b"]"


def parse_time(text: str | None) -> datetime | None:
    """A stored time as the database takes it; what is no time is none."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else None


def to_float(value: float | None) -> float | None:
    """A score as a column of floats takes it, whether Canvas wrote 9 or 9.0."""
    return None if value is None else float(value)
