"""Routes of the history of connections, for auditors. Each read of a history is recorded."""

from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Response

from interfaces.access_description import describe_access
from interfaces.http.auth.protected_route import BEARER_SCHEME, ServiceDep, protected_route
from interfaces.http.consistency import ConsistentReads
from interfaces.http.errors.problem import Problem
from interfaces.http.recorded_reads import RecordedReads, Shown, shown_page
from interfaces.http.routes.audit_parameters import (
    AfterPosition,
    AsOf,
    EventTypes,
    MarkWithToken,
    Since,
    StreamVersion,
    Until,
)
from interfaces.http.schemas.audit import AuditedConnection, AuditedEvent, EventOrder, StateThen
from interfaces.http.schemas.enumerations import AuditedConnectionStatus
from interfaces.http.schemas.page import PageOf, document_responses
from interfaces.http.schemas.path_parameters import ConnectionId
from interfaces.http.schemas.plain_text import NO_CONTROL_CHARACTERS
from interfaces.http.schemas.query_parameters import Cursor, Limit, OptionalUserId, SearchText

router = APIRouter(
    prefix="/api/v1/audit/connections",
    tags=["audit"],
    dependencies=[BEARER_SCHEME],
    route_class=protected_route("auditor", "admin"),
)

NOT_RECORDED = "…"
"""Recorded in place of a text that an auditor searches for: it may be the name of a student."""


@router.get(
    "",
    operation_id="auditConnections",
    summary="List the connections of all users",
    responses=document_responses(
        200, PageOf[AuditedConnection], "A page of connections with their users"
    ),
)
async def list_connections(
    recorded: RecordedReads,
    service: ServiceDep,
    reads: ConsistentReads,
    *,
    user_id: OptionalUserId = None,
    canvas_url: Annotated[
        Annotated[str, NO_CONTROL_CHARACTERS] | None,
        Query(max_length=2000, description="Only connections to this Canvas address"),
    ] = None,
    status: Annotated[
        AuditedConnectionStatus | None, Query(description="Only connections with this status")
    ] = None,
    q: Annotated[
        SearchText,
        Query(
            description=(
                "A part of the name or the Canvas id of the Canvas user, of the name of the Canvas"
                " or of its address, without regard to case"
            )
        ),
    ] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """List the connections of all users, including closed ones. The read is recorded.

    A page may be short, or empty, and still have a `next_cursor`: connections that cannot be read
    are left out. With `status` or `q`, a page considers a limited number of connections.
    """
    parameters = {"user_id": user_id, "canvas_url": canvas_url, "status": status}
    what = describe_access("connections", parameters | {"q": NOT_RECORDED if q else None})

    async def read() -> Shown:
        query = service.all_connections(
            user_id=user_id, canvas_url=canvas_url, status=status, q=q, cursor=cursor, limit=limit
        )
        (page,), place = await reads(query)
        return shown_page(page, place)

    return await recorded.of_list(what, read, about=user_id)


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
    connection_id: ConnectionId,
    recorded: RecordedReads,
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
    Your own readings are in the list, but do not change the `ETag`.
    """
    parameters = {
        "type": types,
        "since": since,
        "until": until,
        "after_position": after_position or None,
    }

    async def read() -> Shown:
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
            reader=recorded.reader,
        )
        return shown_page(page, place)

    what = describe_access("events", parameters)
    return await recorded.of_history(connection_id, what, read)


@router.get(
    "/{connection_id}/state",
    operation_id="auditState",
    summary="Show the state of a connection at an earlier time",
    responses=document_responses(
        200, StateThen, "The state of the connection and its syncs", "not-found", "connection-busy"
    ),
)
async def show_state(
    connection_id: ConnectionId,
    recorded: RecordedReads,
    service: ServiceDep,
    at: MarkWithToken,
    *,
    as_of: AsOf = None,
    version: StreamVersion = None,
) -> Response:
    """Show a connection and its syncs at a time or a version; without either, the present state.

    What was recorded together is shown together. The read is recorded in its history, also if the
    connection never had the version.
    """
    if as_of is not None and version is not None:
        raise Problem("invalid-request", "Send either `as_of` or `version`, not both.")

    async def read() -> Shown:
        state, place = await service.state_at(connection_id, at=at, as_of=as_of, version=version)
        return Shown(orjson.dumps(state, option=orjson.OPT_UTC_Z), place)

    what = describe_access("state", {"as_of": as_of, "version": version})
    return await recorded.of_history(connection_id, what, read)
