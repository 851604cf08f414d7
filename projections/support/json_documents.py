"""Encodes JSON documents, and adds members to stored ones.

A projector encodes a document once, when an event changes it. A query returns the stored bytes,
and adds the members that depend on the clock before the closing brace.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson


def encode(document: Any) -> bytes:
    """Return a document as JSON, in UTF-8; UUIDs and times become text."""
    return orjson.dumps(document)


@lru_cache(4_096)
def format_rfc3339(at: datetime) -> str:
    """Return a time, which must have a time zone, in UTC: `2026-09-01T05:59:59.123456Z`.

    A time of whole seconds has no fraction. The last ones are kept, because every read model
    formats the times of the same events.
    """
    in_utc = at if at.tzinfo is UTC else at.astimezone(UTC)
    return in_utc.isoformat()[:-6] + "Z"


def encode_time_or_null(at: datetime | None) -> bytes:
    """Return the JSON of a time, or `null` for None."""
    return b"null" if at is None else b'"%b"' % format_rfc3339(at).encode()


def add_members(document: bytes, members: bytes) -> bytes:
    """Return a JSON object with more members: `{"a":1}` and `"b":2` give `{"a":1,"b":2}`.

    The object must have at least one member.
    """
    return b"%b,%b}" % (document[:-1], members)


def encode_array(documents: Sequence[bytes]) -> bytes:
    """Return the JSON array of documents that are JSON themselves."""
    return b"[" + b",".join(documents) + b"]"


def parse_time(text: str | None) -> datetime | None:
    """Return the time of a Canvas record for a column `timestamptz`.

    None if it is not a time with a time zone: events keep what Canvas sent, valid or not.
    """
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else None


def to_float(value: float | None) -> float | None:
    """Return a score for a column `double precision`; in JSON, a whole score is an integer."""
    return None if value is None else float(value)
