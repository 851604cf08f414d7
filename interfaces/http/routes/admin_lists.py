"""Routes of the operational lists and of the status report, for admins.

They show counts, times, ids and error codes, and no history of a person, so a read needs no
purpose and is not recorded.
"""

from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Request, Response

from interfaces.http.auth.protected_route import BEARER_SCHEME, ServiceDep, protected_route
from interfaces.http.consistency import ConsistentReads
from interfaces.http.responses import document_response, page_response
from interfaces.http.schemas.admin_lists import (
    ActiveRun,
    ActiveRunStatus,
    AdminConnection,
    CanvasHost,
    ConnectionCondition,
    RoleProcesses,
    ScheduledHour,
)
from interfaces.http.schemas.admin_status import AdminStatus
from interfaces.http.schemas.page import PageOf, document_responses
from interfaces.http.schemas.plain_text import NO_CONTROL_CHARACTERS
from interfaces.http.schemas.query_parameters import Cursor, Limit, SearchText

router = APIRouter(
    prefix="/api/v1/admin",
    tags=["admin"],
    dependencies=[BEARER_SCHEME],
    route_class=protected_route("admin"),
)

ErrorCode = Annotated[
    Annotated[str, NO_CONTROL_CHARACTERS] | None,
    Query(max_length=100, description="Only connections with this error code"),
]
HostName = Annotated[
    Annotated[str, NO_CONTROL_CHARACTERS] | None,
    Query(
        max_length=2000,
        description=(
            "Only connections to this Canvas host, such as `school.instructure.com`; its address"
            " is taken too"
        ),
    ),
]


@router.get(
    "/status",
    operation_id="adminStatus",
    summary="Show what is wrong, worst first",
    openapi_extra={"x-conditional": True},
    responses=document_responses(200, AdminStatus, "What is wrong, and how much there is to do"),
)
async def show_status(request: Request, service: ServiceDep) -> Response:
    """Show every finding with its reason, its age, what to do and the paragraph of the runbook."""
    report = await service.status_report()
    return document_response(request, orjson.dumps(report, option=orjson.OPT_UTC_Z))


@router.get(
    "/connections",
    operation_id="adminConnections",
    summary="List the connections that fail",
    responses=document_responses(200, PageOf[AdminConnection], "A page of open connections"),
)
async def list_connections(
    request: Request,
    service: ServiceDep,
    reads: ConsistentReads,
    *,
    status: Annotated[
        ConnectionCondition | None, Query(description="Only connections in this condition")
    ] = None,
    code: ErrorCode = None,
    host: HostName = None,
    q: Annotated[
        SearchText,
        Query(
            description=(
                "A part of the id of a connection or of its user, of the host or of the reason,"
                " without regard to case"
            )
        ),
    ] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """List the open connections of all users: first those that fail, worst first.

    Connections of which nothing can be read come before those of which some courses cannot be
    read, and more failures in a row before fewer. Connections without a failure come last. With
    `q` a page considers a limited number of connections, so that it may be short, or empty, and
    still have a `next_cursor`.
    """
    query = service.failing_connections(
        status=status, code=code, host=host, q=q, cursor=cursor, limit=limit
    )
    (page,), place = await reads(query)
    return page_response(request, page, place)


@router.get(
    "/hosts",
    operation_id="adminHosts",
    summary="List the Canvas hosts",
    openapi_extra={"x-conditional": True},
    responses=document_responses(200, PageOf[CanvasHost], "A page of Canvas hosts"),
)
async def list_hosts(
    request: Request, service: ServiceDep, *, limit: Limit = 100, cursor: Cursor = None
) -> Response:
    """List every Canvas host with its circuit: first those that do not respond, then by address."""
    return page_response(request, await service.canvas_hosts(cursor=cursor, limit=limit))


@router.get(
    "/runs",
    operation_id="adminRuns",
    summary="List the syncs that are queued or running",
    responses=document_responses(200, PageOf[ActiveRun], "A page of syncs"),
)
async def list_runs(
    request: Request,
    service: ServiceDep,
    reads: ConsistentReads,
    *,
    status: Annotated[
        ActiveRunStatus | None, Query(description="Only syncs with this status")
    ] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """List the syncs of all users that have not ended: running ones first, each oldest first."""
    query = service.active_runs(status=status, cursor=cursor, limit=limit)
    (page,), place = await reads(query)
    return page_response(request, page, place)


@router.get(
    "/workers",
    operation_id="adminWorkers",
    summary="List the processes by role",
    openapi_extra={"x-conditional": True},
    responses=document_responses(200, PageOf[RoleProcesses], "Each role with its processes"),
)
async def list_workers(
    request: Request, service: ServiceDep, *, limit: Limit = 100, cursor: Cursor = None
) -> Response:
    """List each role with its processes and their last heartbeats, also a role without any."""
    return page_response(request, await service.role_processes(cursor=cursor, limit=limit))


@router.get(
    "/schedule",
    operation_id="adminSchedule",
    summary="List what is due in the next 24 hours",
    openapi_extra={"x-conditional": True},
    responses=document_responses(200, PageOf[ScheduledHour], "A page of hours and hosts"),
)
async def list_schedule(
    request: Request, service: ServiceDep, *, limit: Limit = 100, cursor: Cursor = None
) -> Response:
    """List what is due in the next 24 hours, by hour in UTC and by Canvas host."""
    return page_response(request, await service.scheduled_hours(cursor=cursor, limit=limit))
