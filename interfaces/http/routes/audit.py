"""Routes of the history of connections, for auditors. Each read of a history is recorded."""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import AfterValidator

from application.record_history_read import RecordHistoryRead
from domain import events
from domain.log_position import LogPosition
from interfaces.http.auth.protected_route import (
    BEARER_SCHEME,
    CurrentUser,
    ServiceDep,
    protected_route,
)
from interfaces.http.consistency import ConsistentReads
from interfaces.http.errors.problem import Problem
from interfaces.http.middleware.admission_control import slot_released
from interfaces.http.responses import document_response, page_response
from interfaces.http.schemas.audit import AuditedConnection, AuditedEvent, EventOrder, StateThen
from interfaces.http.schemas.page import PageOf, document_responses
from interfaces.http.schemas.path_parameters import ConnectionId
from interfaces.http.schemas.plain_text import NO_CONTROL_CHARACTERS
from interfaces.http.schemas.query_parameters import Cursor, Limit, OptionalId, UtcTime
from interfaces.queries.history_pages import LogNotSettled

router = APIRouter(
    prefix="/api/v1/audit/connections",
    tags=["audit"],
    dependencies=[BEARER_SCHEME],
    route_class=protected_route("auditor", "admin"),
)


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


@router.get(
    "",
    operation_id="auditConnections",
    summary="List the connections of all users",
    responses=document_responses(
        200, PageOf[AuditedConnection], "A page of connections with their users"
    ),
)
async def list_connections(
    request: Request,
    service: ServiceDep,
    at: MarkWithToken,
    *,
    user_id: OptionalId = None,
    canvas_url: Annotated[
        Annotated[str, NO_CONTROL_CHARACTERS] | None,
        Query(max_length=2000, description="Only connections to this Canvas address"),
    ] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """List the connections of all users, including closed ones."""
    page, place = await service.all_connections(
        at=at, user_id=user_id, canvas_url=canvas_url, cursor=cursor, limit=limit
    )
    return page_response(request, page, place)


@router.get(
    "/{connection_id}/events",
    operation_id="auditEvents",
    summary="List the events of a connection",
    responses=document_responses(
        200,
        PageOf[AuditedEvent],
        "A page of events in the order of the log",
        "not-found",
        "connection-busy",
    ),
)
async def list_events(
    request: Request,
    connection_id: ConnectionId,
    user: CurrentUser,
    service: ServiceDep,
    at: MarkWithToken,
    *,
    types: EventTypes = None,
    since: Since = None,
    until: Until = None,
    after_position: AfterPosition = 0,
    sort: Annotated[
        EventOrder, Query(description="The sort order; a leading `-` reverses it")
    ] = "position",
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """List the events of a connection and its syncs. The read is recorded in its history.

    The list has the events that were recorded before its first page was requested. A page may be
    short, or empty, and still have a `next_cursor`: later events are then still being recorded.
    """
    page, place = await service.history(
        connection_id,
        at=at,
        types=frozenset(types.split(",")) if types else frozenset(),
        since=since,
        until=until,
        after_position=after_position,
        sort=sort,
        cursor=cursor,
        limit=limit,
    )
    parameters = {
        "type": types,
        "since": since,
        "until": until,
        "after_position": after_position or None,
    }
    what = _describe_access("events", parameters)
    await service.record_history_read(
        RecordHistoryRead(connection_id=connection_id, reader=str(user.id), what=what)
    )
    return page_response(request, page, place)


@router.get(
    "/{connection_id}/state",
    operation_id="auditState",
    summary="Show the state of a connection at an earlier time",
    responses=document_responses(
        200, StateThen, "The state of the connection and its syncs", "not-found", "connection-busy"
    ),
)
async def show_state(
    request: Request,
    connection_id: ConnectionId,
    user: CurrentUser,
    service: ServiceDep,
    at: MarkWithToken,
    *,
    as_of: Annotated[
        UtcTime | None,
        Query(
            description="Show the state after the last event that was recorded by then (RFC 3339)"
        ),
    ] = None,
    version: StreamVersion = None,
) -> Response:
    """Show a connection and its syncs at a time or a version; without either, the present state.

    What was recorded together is shown together. The read is recorded in its history.
    """
    if as_of is not None and version is not None:
        raise Problem("invalid-request", "Send either `as_of` or `version`, not both.")
    state, place = await service.state_at(connection_id, at=at, as_of=as_of, version=version)
    parameters = {"as_of": as_of, "version": version}
    what = _describe_access("state", parameters)
    await service.record_history_read(
        RecordHistoryRead(connection_id=connection_id, reader=str(user.id), what=what)
    )
    return document_response(request, orjson.dumps(state, option=orjson.OPT_UTC_Z), place)


def _describe_access(view: str, parameters: dict[str, Any]) -> str:
    """Return what is recorded about a read: the view, and the parameters that were sent."""
    names = (f"{name}={value}" for name, value in parameters.items() if value is not None)
    return " ".join([view, *names])
