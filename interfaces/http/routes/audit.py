"""History over HTTP, for auditors; whoever reads it is recorded."""

from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Query, Request, Response
from pydantic import AfterValidator

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
from interfaces.http.schemas.plain_text import NO_CONTROL_CHARACTERS
from interfaces.http.schemas.query_parameters import Cursor, Limit, OptionalId, OptionalTime

router = APIRouter(
    prefix="/api/v1/audit/connections",
    tags=["audit"],
    dependencies=[BEARER_SCHEME, consistent_read()],
    route_class=protected_route("auditor", "admin"),
)


def _parse_types(value: str) -> str:
    names = {name.strip() for name in value.split(",")}
    if not names.issubset(events.__all__):
        raise ValueError(f"must be some of {', '.join(events.__all__)}, comma-separated")
    return ",".join(sorted(names))


EventTypes = Annotated[
    Annotated[str, AfterValidator(_parse_types)] | None,
    Query(alias="type", description="Names of events, comma-separated"),
]
StreamVersion = Annotated[int | None, Query(ge=0, lt=2**31)]


@router.get(
    "",
    operation_id="auditConnections",
    summary="Whose connections there are",
    responses=document_responses(
        200, PageOf[AuditedConnection], "A page of connections of anybody"
    ),
)
async def list_connections(
    request: Request,
    service: ServiceDep,
    *,
    user_id: OptionalId = None,
    canvas_url: Annotated[
        Annotated[str, NO_CONTROL_CHARACTERS] | None, Query(max_length=2000)
    ] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """List connections of every person."""
    page = await service.all_connections(
        user_id=user_id, canvas_url=canvas_url, cursor=cursor, limit=limit
    )
    return page_response(request, page)


@router.get(
    "/{connection_id}/events",
    operation_id="auditEvents",
    summary="What happened to a connection",
    responses=document_responses(
        200, PageOf[AuditedEvent], "A page of events, oldest first", "not-found"
    ),
)
async def list_events(
    request: Request,
    connection_id: UUID,
    user: CurrentUser,
    service: ServiceDep,
    *,
    types: EventTypes = None,
    since: OptionalTime = None,
    until: OptionalTime = None,
    after_version: StreamVersion = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """List the events of a connection and its syncs; the reading is recorded."""
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
    await service.record_history_read(
        connection_id, str(user.id), _describe_access("events", parameters)
    )
    return page_response(request, page)


@router.get(
    "/{connection_id}/state",
    operation_id="auditState",
    summary="A connection as it stood",
    responses=document_responses(
        200, StateThen, "The aggregates and the versions they stood at", "not-found"
    ),
)
async def show_state(
    request: Request,
    connection_id: UUID,
    user: CurrentUser,
    service: ServiceDep,
    *,
    as_of: OptionalTime = None,
    version: StreamVersion = None,
) -> Response:
    """Show a connection and its syncs at a time or version, now unless told; it is recorded."""
    if as_of is not None and version is not None:
        raise Problem("invalid-request", "Name a time or a version, not both.")
    state = await service.state_at(connection_id, as_of=as_of, version=version)
    parameters = {"as_of": as_of, "version": version}
    await service.record_history_read(
        connection_id, str(user.id), _describe_access("state", parameters)
    )
    return document_response(request, orjson.dumps(state, option=orjson.OPT_UTC_Z))


def _describe_access(view: str, parameters: dict[str, Any]) -> str:
    """What was read, in the words of the request."""
    names = (f"{name}={value}" for name, value in parameters.items() if value is not None)
    return " ".join([view, *names])
