"""Connections over HTTP."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Request, Response

from application.close_connection import CloseConnection
from application.request_sync import RequestSync
from application.rotate_token import RotateToken
from application.set_up_connection import SetUpConnection
from application.validate_connection import ValidateConnection
from domain.errors import ConnectionNotFound
from interfaces.http.auth.protected_route import (
    BEARER_SCHEME,
    CurrentUser,
    ServiceDep,
    protected_route,
)
from interfaces.http.consistency import consistent_read
from interfaces.http.responses import command_response, document_response, page_response
from interfaces.http.schemas.connections import Connection, SetUp, Validation
from interfaces.http.schemas.page import PageOf, document_responses
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

COMMAND_SLUGS = ("not-found", "conflict", "person-erased")
"""Problems of whatever is asked of a connection."""
TOKEN_CHECK_SLUGS = (
    "canvas-token-rejected",
    "canvas-unreachable",
    "canvas-timeout",
    "conflict",
    "person-erased",
)
"""Problems of trying a token at Canvas."""

QUEUED_RUN: dict[str, Any] = {
    "status": "queued",
    "started_at": None,
    "finished_at": None,
    "courses": {"total": 0, "done": 0, "failed": 0},
    "changes": {"courses": 0, "assignments": 0, "grades": 0},
    "requests": {"total": 0, "not_modified": 0, "retried": 0},
    "error": None,
}
"""A run as a command makes it: by the time of the answer a worker may have taken it on."""


@router.post(
    "/setup",
    operation_id="setUpConnection",
    summary="Connect a Canvas account",
    status_code=201,
    responses=document_responses(
        201,
        SetUp,
        "Connected; the first sync is queued",
        "connection-exists",
        "canvas-url-not-allowed",
        *TOKEN_CHECK_SLUGS,
    ),
)
async def set_up_connection(
    body: NewConnection, user: CurrentUser, service: ServiceDep
) -> Response:
    """Try the token against Canvas, keep it, and queue the first sync."""
    connection_id = await service.set_up_connection(
        SetUpConnection(
            person_id=user.id,
            canvas_url=body.canvas_url,
            canvas_name=body.canvas_name,
            api_token=body.api_token.get_secret_value(),
        )
    )
    run = await service.current_sync(connection_id)
    document = {
        "connection": await service.current_connection(connection_id),
        "sync": run and {**run, **QUEUED_RUN},
    }
    return command_response(document, 201, Location=f"{router.prefix}/connections/{connection_id}")


@router.get(
    "/connections",
    operation_id="listConnections",
    summary="Your connections",
    dependencies=[consistent_read("connections")],
    responses=document_responses(200, PageOf[Connection], "A page of connections"),
)
async def list_connections(
    request: Request,
    user: CurrentUser,
    service: ServiceDep,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """List the caller's connections."""
    page = await service.connections_of(
        user.id, interval=service.sync_interval, cursor=cursor, limit=limit
    )
    return page_response(request, page)


@router.get(
    "/connections/{connection_id}",
    operation_id="getConnection",
    summary="One connection",
    dependencies=[consistent_read("connections")],
    responses=document_responses(200, Connection, "The connection", "not-found"),
)
async def get_connection(
    request: Request, connection_id: UUID, user: CurrentUser, service: ServiceDep
) -> Response:
    """Show one of the caller's connections."""
    document = await service.connection_of(user.id, connection_id, interval=service.sync_interval)
    if document is None:
        raise ConnectionNotFound(connection_id)
    return document_response(request, document)


@router.put(
    "/connections/{connection_id}/token",
    operation_id="rotateToken",
    summary="Replace the token",
    responses=document_responses(
        200,
        Connection,
        "The connection, with the token replaced",
        "canvas-user-mismatch",
        "canvas-url-not-allowed",
        "connection-not-active",
        *TOKEN_CHECK_SLUGS,
        *COMMAND_SLUGS,
    ),
)
async def rotate_token(
    connection_id: UUID, body: NewToken, user: CurrentUser, service: ServiceDep
) -> Response:
    """Try a newer token of the same Canvas user and let it take over."""
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
    summary="Does the token still work?",
    dependencies=[Depends(require_empty_body)],
    responses=document_responses(
        200,
        Validation,
        "What Canvas says",
        "connection-not-active",
        "canvas-unreachable",
        "canvas-timeout",
        *COMMAND_SLUGS,
    ),
)
async def validate_connection(
    connection_id: UUID, user: CurrentUser, service: ServiceDep
) -> Response:
    """Ask Canvas now, and record the answer."""
    reason = await service.validate_connection(
        ValidateConnection(person_id=user.id, connection_id=connection_id)
    )
    checked_at = datetime.now(UTC).replace(microsecond=0)
    result = {"valid": True} if reason is None else {"valid": False, "reason": reason}
    return command_response({**result, "checked_at": checked_at}, 200)


@router.post(
    "/connections/{connection_id}/sync",
    operation_id="requestSync",
    summary="Synchronise now",
    status_code=202,
    responses=document_responses(
        202, Sync, "Queued", "sync-already-running", "connection-not-active", *COMMAND_SLUGS
    ),
)
async def request_sync(
    connection_id: UUID,
    user: CurrentUser,
    service: ServiceDep,
    body: Annotated[SyncWish | None, Body()] = None,
) -> Response:
    """Queue a sync of one connection."""
    mode = body.mode if body else "auto"
    command = RequestSync(person_id=user.id, connection_id=connection_id, mode=mode)
    queued = await service.request_sync(command)
    run = {
        "id": queued.sync_id,
        "connection_id": connection_id,
        "trigger": command.trigger,
        "mode": queued.mode,
    }
    return command_response(run | QUEUED_RUN, 202)


@router.delete(
    "/connections/{connection_id}",
    operation_id="closeConnection",
    summary="Disconnect",
    status_code=204,
    responses=document_responses(204, None, "Closed; the token is destroyed", *COMMAND_SLUGS),
)
async def close_connection(connection_id: UUID, user: CurrentUser, service: ServiceDep) -> Response:
    """Stop its sync, destroy the token and drop its data from every read model."""
    await service.close_connection(CloseConnection(person_id=user.id, connection_id=connection_id))
    return Response(status_code=204, headers={"Cache-Control": "no-store"})
