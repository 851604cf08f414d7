"""Types of query parameters, with their validation."""

import re
from typing import Annotated, Any, get_args
from uuid import UUID

from fastapi import Query
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    StringConstraints,
    WithJsonSchema,
)

from interfaces.http.schemas.enumerations import AssignmentStatus
from interfaces.http.schemas.path_parameters import PersonId
from interfaces.http.schemas.plain_text import NO_CONTROL_CHARACTERS
from interfaces.requested_time import require_time_in_range

RFC_3339_PATTERN = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[ +-]\d\d:\d\d)", re.ASCII
)
"""With a space for the `T`, and one for the `+`: an unencoded `+` in a query string is a space."""
DATE_PATTERN = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
TIME_RULE = (
    "must be an RFC 3339 time such as 2026-09-01T05:59:59Z, or a date such as 2026-09-01,"
    " which is the start of that day in UTC"
)
STATUSES_THAT_MATCH_FLAGS = ("late",)
ASSIGNMENT_STATUS_FILTERS = (
    *get_args(get_args(AssignmentStatus.__value__)[0]),
    *STATUSES_THAT_MATCH_FLAGS,
)


def _complete_time(value: Any) -> Any:
    """Return a time as pydantic parses it: a date gets the time 00:00:00 in UTC."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if DATE_PATTERN.fullmatch(text):
        return f"{text}T00:00:00Z"
    if not RFC_3339_PATTERN.fullmatch(text):
        raise ValueError(TIME_RULE)
    date, time = text[:10], text[11:]
    return f"{date}T{time.replace(' ', '+')}"


def _parse_statuses(value: str) -> str:
    names = {name.strip() for name in value.split(",")}
    if not names.issubset(ASSIGNMENT_STATUS_FILTERS):
        raise ValueError(
            f"must be one or more of {', '.join(ASSIGNMENT_STATUS_FILTERS)}, separated by commas"
        )
    return ",".join(sorted(names))


UtcTime = Annotated[
    AwareDatetime,
    BeforeValidator(_complete_time),
    AfterValidator(require_time_in_range),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "format": "date-time"},
                {"type": "string", "format": "date"},
            ]
        }
    ),
]
"""A time after RFC 3339 from 1970 to 9999, or a date: the start of that day in UTC."""

Limit = Annotated[int, Query(ge=1, le=500, description="Maximum number of items in the page")]
Cursor = Annotated[
    str | None, Query(max_length=2000, description="The `next_cursor` of the previous page")
]
SearchText = Annotated[
    Annotated[str, StringConstraints(strip_whitespace=True, max_length=200), NO_CONTROL_CHARACTERS]
    | None,
    Query(description="A part of the name (or of the course code), without regard to case"),
]
OptionalId = Annotated[
    UUID | None, Query(description="Only items that belong to the resource with this id")
]
OptionalUserId = Annotated[
    PersonId | None, Query(description="Only items of the user with this id")
]
StartTime = Annotated[
    UtcTime | None,
    Query(
        description=(
            "Only items at or after this time: RFC 3339, or a date, which is the start of that day"
            " in UTC"
        )
    ),
]
EndTime = Annotated[
    UtcTime | None,
    Query(
        description=(
            "Only items before this time: RFC 3339, or a date, which is the start of that day in"
            " UTC, so that items of that day are not included"
        )
    ),
]
AssignmentStatuses = Annotated[
    Annotated[str, AfterValidator(_parse_statuses)] | None,
    Query(
        description=(
            f"One or more of {', '.join(ASSIGNMENT_STATUS_FILTERS)}, separated by commas. `late`"
            " and `missing` match every assignment that Canvas marks so, whatever its status"
        )
    ),
]
