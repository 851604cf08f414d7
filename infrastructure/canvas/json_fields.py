"""Parses single values of JSON records from Canvas; a value of another type becomes None."""

import re
from datetime import UTC, datetime
from math import isfinite
from typing import Any

MAX_TEXT_LENGTH = 1_000
MAX_URL_LENGTH = 2_000
MAX_COUNT = 2**31 - 1
MAX_NUMBER = 2**63

MAX_NUMBER_LENGTH = 40
"""Characters of a number that is sent as text."""

_replace_separators = re.compile(r"\r\n|[\t-\r\x1c-\x1f\x85\u2028\u2029]").sub
_unsafe = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\u202a-\u202e\u2066-\u2069]")
ID_PATTERN = r"[0-9]{1,20}(?:~[0-9]{1,20})?"
_match_id = re.compile(ID_PATTERN).fullmatch
_match_number = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII).fullmatch
_match_utc_time = re.compile(
    r"(?!0000)[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])"
    r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z"
).fullmatch


def parse_id(value: Any) -> str | None:
    """Parse a Canvas id to text: digits, with or without a shard prefix (`7752~29520`)."""
    if isinstance(value, str):
        return value if _match_id(value) else None
    if isinstance(value, int) and not isinstance(value, bool):
        return parse_id(str(value)) if 0 <= value < MAX_NUMBER else None
    return None


def parse_text(value: Any, max_length: int = MAX_TEXT_LENGTH) -> str | None:
    """Parse a text of one line, cut to `max_length` characters.

    A control character that separates words becomes a blank. Removed are all others (PostgreSQL
    cannot store NUL, a terminal obeys ESC), halves of surrogate pairs, and characters that change
    the direction of the text around them, so that it looks like another one (Unicode TR 36, 3.2).
    Letters of every script stay as they are, with what joins and marks them (ZWJ, LRM).
    """
    if not isinstance(value, str):
        return None
    text: str = value if len(value) <= max_length else value[:max_length]
    return text if is_safe_text(text) else _unsafe.sub("", _replace_separators(" ", text))


def is_safe_text(text: str) -> bool:
    """Return whether `parse_text` changes no character of this text."""
    return text.isprintable() or not _unsafe.search(text)


def parse_number(value: Any) -> float | None:
    """Parse a finite number, or a text that is one.

    Canvas can be set to write decimals as text (`encode_big_decimal_as_string` of Rails).
    """
    if isinstance(value, str):
        is_number = len(value) <= MAX_NUMBER_LENGTH and _match_number(value)
        return parse_number(float(value)) if is_number else None
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value) if -MAX_NUMBER < value < MAX_NUMBER else None
    return None


def parse_count(value: Any) -> int | None:
    """Parse a whole number from 0 to `MAX_COUNT`, also one that is written `3.0` or as text."""
    number = parse_number(value)
    is_count = number is not None and 0 <= number <= MAX_COUNT and number.is_integer()
    return int(number) if is_count and number is not None else None


def parse_time(value: Any) -> str | None:
    """Parse a time to UTC in whole seconds, such as `2026-09-01T05:59:59Z`.

    Canvas writes some times with an offset. A time without one is taken as UTC.
    """
    if not isinstance(value, str):
        return None
    if _match_utc_time(value):
        return value
    try:
        parsed = datetime.fromisoformat(value)
        moment = parsed.astimezone(UTC) if parsed.tzinfo else parsed
    except (ValueError, OverflowError):
        return None
    return f"{moment.replace(microsecond=0, tzinfo=None).isoformat()}Z"


def parse_url(value: Any) -> str | None:
    """Parse an http or https URL; any other scheme could run code if a client links to it."""
    if isinstance(value, str) and value.startswith(("https://", "http://")):
        return parse_text(value, MAX_URL_LENGTH) if len(value) <= MAX_URL_LENGTH else None
    return None


def as_object(value: Any) -> dict[str, Any]:
    """Return a JSON object unchanged; anything else as an empty object."""
    return value if isinstance(value, dict) else {}


def as_objects(value: Any) -> list[dict[str, Any]]:
    """Return the JSON objects in an array; an empty list if the value is not an array."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
