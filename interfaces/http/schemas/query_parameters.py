"""Types of query parameters, with their validation."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Query
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, StringConstraints

from interfaces.http.schemas.plain_text import NO_CONTROL_CHARACTERS

RFC_3339_PATTERN = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII
)
ASSIGNMENT_STATUSES = (
    "upcoming",
    "overdue",
    "missing",
    "submitted",
    "graded",
    "excused",
    "late",
    "undated",
)


def _check_rfc_3339(value: Any) -> Any:
    if isinstance(value, str) and not RFC_3339_PATTERN.fullmatch(value):
        raise ValueError("must be an RFC 3339 time such as 2026-09-01T05:59:59Z")
    return value


def _to_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("must be within the years 1 to 9999 in UTC") from None


def _parse_statuses(value: str) -> str:
    names = {name.strip() for name in value.split(",")}
    if not names.issubset(ASSIGNMENT_STATUSES):
        raise ValueError(
            f"must be one or more of {', '.join(ASSIGNMENT_STATUSES)}, separated by commas"
        )
    return ",".join(sorted(names))


UtcTime = Annotated[AwareDatetime, BeforeValidator(_check_rfc_3339), AfterValidator(_to_utc)]

Limit = Annotated[int, Query(ge=1, le=500, description="Maximum number of items in the page")]
Cursor = Annotated[
    str | None, Query(max_length=2000, description="The `next_cursor` of the previous page")
]
SearchText = Annotated[
    Annotated[str, StringConstraints(max_length=200), NO_CONTROL_CHARACTERS] | None,
    Query(description="A part of the name (or of the course code), without regard to case"),
]
OptionalId = Annotated[
    UUID | None, Query(description="Only items that belong to the resource with this id")
]
StartTime = Annotated[
    UtcTime | None, Query(description="Only items at or after this time (RFC 3339)")
]
EndTime = Annotated[UtcTime | None, Query(description="Only items before this time (RFC 3339)")]
AssignmentStatuses = Annotated[
    Annotated[str, AfterValidator(_parse_statuses)] | None,
    Query(description=f"One or more of {', '.join(ASSIGNMENT_STATUSES)}, separated by commas"),
]
CourseState = Literal["active", "concluded", "restricted", "withdrawn"]
SyncRunStatus = Literal["queued", "running", "completed", "partial", "failed", "cancelled"]
AssignmentOrder = Literal["due_at", "-due_at", "name"]
