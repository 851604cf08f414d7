"""Parameters that routes for auditors share."""

from typing import Annotated

from fastapi import Depends, Query, Request
from pydantic import AfterValidator

from domain import events
from domain.log_position import LogPosition
from interfaces.http.auth.protected_route import ServiceDep
from interfaces.http.consistency import ConsistentReads
from interfaces.http.middleware.admission_control import slot_released
from interfaces.http.schemas.query_parameters import UtcTime
from interfaces.queries.history_pages import LogNotSettled


def _parse_types(value: str) -> str:
    names = {name.strip() for name in value.split(",")}
    if not names.issubset(events.__all__):
        raise ValueError(f"must be one or more of {', '.join(events.__all__)}, separated by commas")
    return ",".join(sorted(names))


EventTypes = Annotated[
    Annotated[str, AfterValidator(_parse_types)] | None,
    Query(alias="type", description="Names of event types, separated by commas"),
]
StreamVersion = Annotated[
    int | None, Query(ge=0, lt=2**31, description="A version of the stream of the connection")
]
AfterPosition = Annotated[
    int, Query(ge=0, lt=2**63, description="Only events after this position in the event log")
]
Since = Annotated[
    UtcTime | None,
    Query(
        description=(
            "Only events from the first one on that was recorded at or after this time: RFC 3339,"
            " or a date, which is the start of that day in UTC"
        )
    ),
]
Until = Annotated[
    UtcTime | None,
    Query(
        description=(
            "Only events up to the last one that was recorded before this time: RFC 3339, or a"
            " date, which is the start of that day in UTC"
        )
    ),
]
AsOf = Annotated[
    UtcTime | None,
    Query(description="Show the state after the last event that was recorded by then (RFC 3339)"),
]


async def _wait_for_token(
    request: Request, service: ServiceDep, reads: ConsistentReads
) -> LogPosition | None:
    """Return a high-water mark that includes the place of the token; None without a token.

    Raises: Problem `bad-consistency-token` or `projection-behind`.
    """
    if reads.token is None:
        return None
    wanted = reads.token.position
    place = await service.wait_for_mark(wanted, 0)
    await reads.require_known_token(place.timeline)
    if place.position < wanted:
        async with slot_released(request.scope):
            place = await service.wait_for_mark(wanted, reads.wait_seconds)
        # A failover may have lost it meanwhile; then the log is on another timeline.
        await reads.require_known_token(place.timeline)
    if place.position < wanted:
        raise LogNotSettled
    return place


MarkWithToken = Annotated[LogPosition | None, Depends(_wait_for_token)]
"""The high-water mark up to which a route reads the log, if the request has a token."""
