"""Reading one value of a JSON record: of the kind we store, or None."""

import re
from datetime import UTC, datetime
from math import isfinite
from typing import Any

LONGEST_TEXT = 1_000
LONGEST_ADDRESS = 2_000
LARGEST_COUNT = 2**31 - 1
LARGEST_NUMBER = 2**63

_ID = re.compile(r"[0-9]{1,20}(?:~[0-9]{1,20})?").fullmatch
_SURE_TIME = re.compile(
    r"(?!0000)[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])"
    r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z"
).fullmatch


def id_of(value: Any) -> str | None:
    """A Canvas id as text: digits, perhaps with the shard in front (`7752~29520`)."""
    if isinstance(value, str):
        return value if _ID(value) else None
    if isinstance(value, int) and not isinstance(value, bool):
        return id_of(str(value)) if 0 <= value < LARGEST_NUMBER else None
    return None


def text(value: Any, most: int = LONGEST_TEXT) -> str | None:
    """A text, cut to a length, without the NUL that PostgreSQL cannot store."""
    if not isinstance(value, str):
        return None
    return value[:most].replace("\0", "") if len(value) > most or "\0" in value else value


def number(value: Any) -> float | None:
    """A finite number."""
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value) if -LARGEST_NUMBER < value < LARGEST_NUMBER else None
    return None


def count(value: Any) -> int | None:
    """A whole number, zero or more."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    return value if whole and 0 <= value <= LARGEST_COUNT else None


def time(value: Any) -> str | None:
    """A time in UTC to the second, `2026-09-01T05:59:59Z`; Canvas writes some with an offset."""
    if not isinstance(value, str):
        return None
    if _SURE_TIME(value):
        return value
    try:
        found = datetime.fromisoformat(value)
        moment = found.astimezone(UTC) if found.tzinfo else found
    except (ValueError, OverflowError):
        return None
    return f"{moment.replace(microsecond=0, tzinfo=None).isoformat()}Z"


def address(value: Any) -> str | None:
    """An address that a browser may be sent to."""
    if isinstance(value, str) and value.startswith(("https://", "http://")):
        return text(value) if len(value) <= LONGEST_ADDRESS else None
    return None


def record(value: Any) -> dict[str, Any]:
    """A JSON object, an empty one where there is none."""
    return value if isinstance(value, dict) else {}


def records(value: Any) -> list[dict[str, Any]]:
    """The JSON objects in an array."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
