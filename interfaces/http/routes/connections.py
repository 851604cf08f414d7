"""Routes of connections."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Body, Depends, Request, Response

from application.close_connection import CloseConnection
from application.event_metadata import current_metadata
from application.request_sync import RequestSync
from application.rotate_token import RotateToken
from application.set_up_connection import SetUpConnection
from application.validate_connection import ValidateConnection
from domain.errors import ConnectionNotFound
from domain.sync_run import queued_run
from interfaces.http.auth.protected_route import (
    BEARER_SCHEME,
    CurrentUser,
    ServiceDep,
    protected_route,
)
from interfaces.http.consistency import ConsistentReads
from interfaces.http.errors.error_table import members_of
from interfaces.http.errors.problem import Problem
from interfaces.http.middleware.set_up_turns import turn_to_set_up
from interfaces.http.responses import (
    command_response,
    document_response,
    page_response,
    token_headers,
)
from interfaces.http.schemas.connections import Connection, SetUp, Validation
from interfaces.http.schemas.page import PageOf, document_responses
from interfaces.http.schemas.path_parameters import ConnectionId
from interfaces.http.schemas.query_parameters import Cursor, Limit
from interfaces.http.schemas.request_bodies import (
    NewConnection,
    NewToken,
    SyncWish,
    require_empty_body,
)
from interfaces.http.schemas.syncs import Sync

router = APIRouter(
    prefix="/api/v1/canvas",
    tags=["connections"],
    dependencies=[BEARER_SCHEME],
    route_class=protected_route(),
)

COMMAND_SLUGS = ("not-found", "connection-busy", "person-erased")
"""Problems of every command on a connection."""
TOKEN_CHECK_SLUGS = (
    "canvas-busy",
    "canvas-token-rejected",
    "canvas-unreachable",
    "canvas-timeout",
    "connection-busy",
    "person-erased",
    "syncing-off",
)
"""Problems of commands that check a token at Canvas."""


@router.post(
    "/setup",
    operation_id="setUpConnection",
    summary="Connect a Canvas account",
    status_code=201,
    responses=document_responses(
        201,
        SetUp,
        "The new connection and its first sync, which is queued",
        "connection-exists",
        "too-many-connections",
        "canvas-url-not-allowed",
        *TOKEN_CHECK_SLUGS,
    ),
)
async def set_up_connection(
    request: Request, body: NewConnection, user: CurrentUser, service: ServiceDep
) -> Response:
    """Check the token at Canvas, store it encrypted, and queue the first sync."""
    command = SetUpConnection(
        person_id=user.id,
        canvas_url=body.canvas_url,
        canvas_name=body.canvas_name,
        api_token=body.api_token.get_secret_value(),
    )
    async with turn_to_set_up(request.scope):
        queued = await service.set_up_connection(command)
    connection = await service.current_connection(queued.connection_id)
    document = {"connection": connection, "sync": queued_run(**queued._asdict())}
    location = f"{router.prefix}/connections/{queued.connection_id}"
    return command_response(document, 201, Location=location)


@router.get(
    "/connections",
    operation_id="listConnections",
    summary="List your connections",
    responses=document_responses(200, PageOf[Connection], "A page of connections"),
)
async def list_connections(
    request: Request,
    user: CurrentUser,
    service: ServiceDep,
    reads: ConsistentReads,
    *,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """List the connections of the user that are not closed."""
    query = service.connections_of(user.id, cursor=cursor, limit=limit)
    (page,), place = await reads(query)
    return page_response(request, page, place)


@router.get(
    "/connections/{connection_id}",
    operation_id="getConnection",
    summary="Show a connection",
    responses=document_responses(200, Connection, "The connection", "not-found"),
)
async def get_connection(
    request: Request,
    connection_id: ConnectionId,
    user: CurrentUser,
    service: ServiceDep,
    reads: ConsistentReads,
) -> Response:
    """Show one connection of the user."""
    (document,), place = await reads(service.connection_of(user.id, connection_id))
    if document is None:
        refusal = ConnectionNotFound(connection_id)
        headers = token_headers(place)
        raise Problem("not-found", str(refusal), headers=headers, **members_of(refusal))
    return document_response(request, document, place)


@router.put(
    "/connections/{connection_id}/token",
    operation_id="rotateToken",
    summary="Replace the token",
    responses=document_responses(
        200,
        Connection,
        "The connection with the new token",
        "canvas-user-mismatch",
        "canvas-url-not-allowed",
        "connection-not-active",
        *TOKEN_CHECK_SLUGS,
        *COMMAND_SLUGS,
    ),
)
async def rotate_token(
    connection_id: ConnectionId, body: NewToken, user: CurrentUser, service: ServiceDep
) -> Response:
    """Check a new token of the same Canvas user at Canvas, and replace the old one."""
    await service.rotate_token(
        RotateToken(
            person_id=user.id,
            connection_id=connection_id,
            api_token=body.api_token.get_secret_value(),
        )
    )
    return command_response(await service.current_connection(connection_id), 200)


@router.post(
    "/connections/{connection_id}/validate",
    operation_id="validateConnection",
    summary="Check the token",
    dependencies=[Depends(require_empty_body)],
    responses=document_responses(
        200,
        Validation,
        "Whether Canvas accepts the token",
        "connection-not-active",
        "canvas-busy",
        "canvas-unreachable",
        "canvas-timeout",
        "syncing-off",
        *COMMAND_SLUGS,
    ),
)
async def validate_connection(
    connection_id: ConnectionId, user: CurrentUser, service: ServiceDep
) -> Response:
    """Check the stored token at Canvas, and record the result."""
    reason = await service.validate_connection(
        ValidateConnection(person_id=user.id, connection_id=connection_id)
    )
    # As the log has it, so that a repetition with the same key has the same time.
    appended = current_metadata().appended
    recorded_at = await service.append_time(appended) if appended else None
    checked_at = (recorded_at or datetime.now(UTC)).replace(microsecond=0)
    result = {"valid": True} if reason is None else {"valid": False, "reason": reason}
    return command_response({**result, "checked_at": checked_at}, 200)


@router.post(
    "/connections/{connection_id}/sync",
    operation_id="requestSync",
    summary="Synchronise now",
    status_code=202,
    responses=document_responses(
        202,
        Sync,
        "The queued sync",
        "sync-already-running",
        "connection-not-active",
        "syncing-off",
        *COMMAND_SLUGS,
    ),
)
async def request_sync(
    connection_id: ConnectionId,
    user: CurrentUser,
    service: ServiceDep,
    body: Annotated[SyncWish | None, Body()] = None,
) -> Response:
    """Queue a sync of a connection."""
    mode = body.mode if body else "auto"
    queued = await service.request_sync(
        RequestSync(person_id=user.id, connection_id=connection_id, mode=mode)
    )
    return command_response(queued_run(**queued._asdict()), 202)


@router.delete(
    "/connections/{connection_id}",
    operation_id="closeConnection",
    summary="Close a connection",
    status_code=204,
    responses=document_responses(204, None, "The connection is closed", *COMMAND_SLUGS),
)
async def close_connection(
    connection_id: ConnectionId, user: CurrentUser, service: ServiceDep
) -> Response:
    """Cancel its sync, delete its token, and remove its data from every read model."""
    await service.close_connection(CloseConnection(person_id=user.id, connection_id=connection_id))
    return Response(status_code=204, headers={"Cache-Control": "no-store"})
