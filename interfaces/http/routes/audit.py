"""Routes of the history of connections, for auditors. Each read of a history is recorded."""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request, Response
from pydantic import AfterValidator

from application.record_history_read import RecordHistoryRead
from domain import events
from interfaces.http.auth.protected_route import (
    BEARER_SCHEME,
    CurrentUser,
    ServiceDep,
    protected_route,
)
from interfaces.http.consistency import consistent_read
from interfaces.http.errors.problem import Problem
from interfaces.http.responses import document_response, page_response
from interfaces.http.schemas.audit import AuditedConnection, AuditedEvent, StateThen
from interfaces.http.schemas.page import PageOf, document_responses
from interfaces.http.schemas.path_parameters import ConnectionId
from interfaces.http.schemas.plain_text import NO_CONTROL_CHARACTERS
from interfaces.http.schemas.query_parameters import (
    Cursor,
    EndTime,
    Limit,
    OptionalId,
    StartTime,
    UtcTime,
)

router = APIRouter(
    prefix="/api/v1/audit/connections",
    tags=["audit"],
    dependencies=[BEARER_SCHEME, consistent_read()],
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
    page = await service.all_connections(
        user_id=user_id, canvas_url=canvas_url, cursor=cursor, limit=limit
    )
    return page_response(request, page)


@router.get(
    "/{connection_id}/events",
    operation_id="auditEvents",
    summary="List the events of a connection",
    responses=document_responses(
        200, PageOf[AuditedEvent], "A page of events, oldest first", "not-found"
    ),
)
async def list_events(
    request: Request,
    connection_id: ConnectionId,
    user: CurrentUser,
    service: ServiceDep,
    *,
    types: EventTypes = None,
    since: StartTime = None,
    until: EndTime = None,
    after_version: StreamVersion = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """List the events of a connection and its syncs. The read is recorded in its history."""
    page = await service.history(
        connection_id,
        types=frozenset(types.split(",")) if types else frozenset(),
        since=since,
        until=until,
        after_version=after_version,
        cursor=cursor,
        limit=limit,
    )
    parameters = {"type": types, "since": since, "until": until, "after_version": after_version}
    what = _describe_access("events", parameters)
    await service.record_history_read(
        RecordHistoryRead(connection_id=connection_id, reader=str(user.id), what=what)
    )
    return page_response(request, page)


@router.get(
    "/{connection_id}/state",
    operation_id="auditState",
    summary="Show the state of a connection at an earlier time",
    responses=document_responses(
        200, StateThen, "The state of the connection and its syncs", "not-found"
    ),
)
async def show_state(
    request: Request,
    connection_id: ConnectionId,
    user: CurrentUser,
    service: ServiceDep,
    *,
    as_of: Annotated[
        UtcTime | None, Query(description="Show the state at this time (RFC 3339)")
    ] = None,
    version: StreamVersion = None,
) -> Response:
    """Show a connection and its syncs at a time or a version; without either, the present state.

    The read is recorded in its history.
    """
    if as_of is not None and version is not None:
        raise Problem("invalid-request", "Send either `as_of` or `version`, not both.")
    state = await service.state_at(connection_id, as_of=as_of, version=version)
    parameters = {"as_of": as_of, "version": version}
    what = _describe_access("state", parameters)
    await service.record_history_read(
        RecordHistoryRead(connection_id=connection_id, reader=str(user.id), what=what)
    )
    return document_response(request, orjson.dumps(state, option=orjson.OPT_UTC_Z))


def _describe_access(view: str, parameters: dict[str, Any]) -> str:
    """Return what is recorded about a read: the view, and the parameters that were sent."""
    names = (f"{name}={value}" for name, value in parameters.items() if value is not None)
    return " ".join([view, *names])
