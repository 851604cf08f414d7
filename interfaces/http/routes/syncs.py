"""Syncs over HTTP."""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from application.cancel_sync import CancelSync
from interfaces.http.auth.protected_route import BEARER, Caller, Wired, guarded
from interfaces.http.consistency import reads
from interfaces.http.responses import done, listing, read
from interfaces.http.schemas.page import PageOf, documented
from interfaces.http.schemas.query_parameters import Cursor, Limit, Of, RunStatus
from interfaces.http.schemas.syncs import Sync, SyncStatus
from projections.support.json_documents import array

router = APIRouter(
    prefix="/api/v1/sync", tags=["syncs"], dependencies=[BEARER], route_class=guarded()
)


@router.get(
    "/logs",
    operation_id="listSyncs",
    summary="Your syncs",
    dependencies=[reads("sync_log")],
    responses=documented(200, PageOf[Sync], "A page of syncs, newest first"),
)
async def list_syncs(
    request: Request,
    caller: Caller,
    service: Wired,
    *,
    connection_id: Of = None,
    status: RunStatus | None = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """List the caller's syncs."""
    page = await service.syncs_of(
        caller.id, connection_id=connection_id, status=status, cursor=cursor, limit=limit
    )
    return listing(request, page)


@router.get(
    "/status",
    operation_id="getSyncStatus",
    summary="Where your syncs stand",
    dependencies=[reads("sync_log")],
    responses=documented(200, SyncStatus, "One item a connection"),
)
async def get_sync_status(request: Request, caller: Caller, service: Wired) -> Response:
    """Show for each of the caller's connections what is going on."""
    items = await service.sync_status_of(caller.id, interval=service.interval)
    return read(request, b'{"items":%b}' % array(items))


@router.delete(
    "/connections/{connection_id}",
    operation_id="cancelSync",
    summary="Cancel the sync",
    status_code=202,
    responses=documented(
        202, Sync, "Cancelled", "no-sync-running", "not-found", "conflict", "person-erased"
    ),
)
async def cancel(connection_id: UUID, caller: Caller, service: Wired) -> Response:
    """Call the connection's queued or running sync off."""
    await service.cancel_sync(CancelSync(person_id=caller.id, connection_id=connection_id))
    return done(await service.sync_now(connection_id), 202)
