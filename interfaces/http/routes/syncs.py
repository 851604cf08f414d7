"""Routes of syncs."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from application.cancel_sync import CancelSync
from interfaces.http.auth.protected_route import (
    BEARER_SCHEME,
    CurrentUser,
    ServiceDep,
    protected_route,
)
from interfaces.http.consistency import ConsistentReads
from interfaces.http.responses import command_response, document_response, page_response
from interfaces.http.schemas.enumerations import SyncRunStatus
from interfaces.http.schemas.page import PageOf, document_responses
from interfaces.http.schemas.path_parameters import ConnectionId
from interfaces.http.schemas.query_parameters import Cursor, Limit, OptionalId
from interfaces.http.schemas.syncs import Sync, SyncStatus
from projections.support.json_documents import encode_array

router = APIRouter(
    prefix="/api/v1/sync",
    tags=["syncs"],
    dependencies=[BEARER_SCHEME],
    route_class=protected_route(),
)


@router.get(
    "/logs",
    operation_id="listSyncs",
    summary="List your syncs",
    responses=document_responses(200, PageOf[Sync], "A page of syncs, newest first"),
)
async def list_syncs(
    request: Request,
    user: CurrentUser,
    service: ServiceDep,
    reads: ConsistentReads,
    *,
    connection_id: OptionalId = None,
    status: Annotated[
        SyncRunStatus | None, Query(description="Only syncs that have this status")
    ] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """List the syncs of the user, newest first."""
    query = service.syncs_of(
        user.id, connection_id=connection_id, status=status, cursor=cursor, limit=limit
    )
    (page,), place = await reads(query)
    return page_response(request, page, place)


@router.get(
    "/status",
    operation_id="getSyncStatus",
    summary="Show the status of your syncs",
    responses=document_responses(200, SyncStatus, "One item for each connection"),
)
async def get_sync_status(
    request: Request, user: CurrentUser, service: ServiceDep, reads: ConsistentReads
) -> Response:
    """Show the newest sync of each connection of the user, and when the next one is due."""
    (page,), place = await reads(service.sync_status_of(user.id))
    document = b'{"items":%b}' % encode_array(page.items)
    return document_response(request, document, place, open_circuits=page.open_circuits)


@router.delete(
    "/connections/{connection_id}",
    operation_id="cancelSync",
    summary="Cancel a sync",
    status_code=202,
    responses=document_responses(
        202,
        Sync,
        "The cancelled sync",
        "no-sync-running",
        "not-found",
        "connection-busy",
        "person-erased",
    ),
)
async def cancel_sync(
    connection_id: ConnectionId, user: CurrentUser, service: ServiceDep
) -> Response:
    """Cancel the queued or running sync of a connection."""
    await service.cancel_sync(CancelSync(person_id=user.id, connection_id=connection_id))
    return command_response(await service.current_sync(connection_id), 202)
