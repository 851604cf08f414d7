"""What a query string may say, and how it is checked."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Query
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, StringConstraints

from interfaces.http.schemas.plain_text import WITHOUT_CONTROLS

RFC_3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII
)
STATUSES = (
    "upcoming",
    "overdue",
    "missing",
    "submitted",
    "graded",
    "excused",
    "late",
    "undated",
)


def _rfc_3339(value: Any) -> Any:
    if isinstance(value, str) and not RFC_3339.fullmatch(value):
        raise ValueError("must be an RFC 3339 time such as 2026-09-01T05:59:59Z")
    return value


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("must lie within the years 1 to 9999") from None


def _statuses(value: str) -> str:
    named = {name.strip() for name in value.split(",")}
    if not named.issubset(STATUSES):
        raise ValueError(f"must be some of {', '.join(STATUSES)}, comma-separated")
    return ",".join(sorted(named))


Time = Annotated[AwareDatetime, BeforeValidator(_rfc_3339), AfterValidator(_in_utc)]

Limit = Annotated[int, Query(ge=1, le=500, description="At most so many items")]
Cursor = Annotated[
    str | None, Query(max_length=2000, description="`next_cursor` of the page before")
]
Search = Annotated[
    Annotated[str, StringConstraints(max_length=200), WITHOUT_CONTROLS] | None,
    Query(description="Words the name must contain"),
]
Of = Annotated[UUID | None, Query()]
"""Only what belongs to this."""
When = Annotated[Time | None, Query(description="An RFC 3339 time")]
Statuses = Annotated[
    Annotated[str, AfterValidator(_statuses)] | None,
    Query(description=f"Some of {', '.join(STATUSES)}, comma-separated"),
]
CourseState = Literal["active", "concluded", "restricted", "withdrawn"]
RunStatus = Literal["queued", "running", "completed", "partial", "failed", "cancelled"]
Sort = Literal["due_at", "-due_at", "name"]
