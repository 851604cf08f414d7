"""Routes of the read models, for admins."""

from operator import itemgetter

import orjson
from fastapi import APIRouter, Depends, Request, Response

from interfaces.http.auth.protected_route import BEARER_SCHEME, ServiceDep, protected_route
from interfaces.http.errors.problem import Problem
from interfaces.http.errors.problem_types import NO_READ_MODEL
from interfaces.http.responses import command_response, page_response
from interfaces.http.schemas.audit import DeadLetter, Projection, RebuildStarted
from interfaces.http.schemas.page import PageOf, document_responses
from interfaces.http.schemas.path_parameters import ReadModelName
from interfaces.http.schemas.query_parameters import Cursor, Limit
from interfaces.http.schemas.request_bodies import require_empty_body
from interfaces.service import Service
from projections.support.page import build_page, decode_cursor, parse_position_key, parse_text_key

router = APIRouter(
    prefix="/api/v1/admin/projections",
    tags=["admin"],
    dependencies=[BEARER_SCHEME],
    route_class=protected_route("admin"),
)


@router.get(
    "",
    operation_id="listProjections",
    summary="List the read models",
    openapi_extra={"x-conditional": True},
    responses=document_responses(200, PageOf[Projection], "Every read model"),
)
async def list_projections(
    request: Request, service: ServiceDep, *, limit: Limit = 100, cursor: Cursor = None
) -> Response:
    """List the read models by name, and how far each is behind the event log."""
    [after] = decode_cursor(cursor, parse_text_key)
    rows = [
        (item["name"], orjson.dumps(item, option=orjson.OPT_UTC_Z))
        for item in sorted(await service.projection_status(), key=itemgetter("name"))
        if after is None or item["name"] > after
    ]
    page = build_page(rows[: limit + 1], limit, itemgetter(1), lambda row: row[:1])
    return page_response(request, page)


@router.get(
    "/{name}/dead-letters",
    operation_id="listDeadLetters",
    summary="List the dead letters of a read model",
    openapi_extra={"x-conditional": True},
    responses=document_responses(
        200, PageOf[DeadLetter], "The events that it cannot apply", "not-found"
    ),
)
async def list_dead_letters(
    request: Request,
    name: ReadModelName,
    service: ServiceDep,
    *,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """List the events that the live version has set aside, in the order of the log."""
    [after] = decode_cursor(cursor, parse_position_key)
    await _require_read_model(name, service)
    rows = [
        (item["position"], orjson.dumps(item, option=orjson.OPT_UTC_Z))
        for item in await service.dead_letters_of(name)
        if after is None or item["position"] > after
    ]
    page = build_page(rows[: limit + 1], limit, itemgetter(1), lambda row: row[:1])
    return page_response(request, page)


@router.post(
    "/{name}/rebuild",
    operation_id="rebuildProjection",
    summary="Rebuild a read model",
    status_code=202,
    dependencies=[Depends(require_empty_body)],
    responses=document_responses(
        202, RebuildStarted, "The rebuild has started", "not-found", "rebuild-running"
    ),
)
async def rebuild_projection(name: ReadModelName, service: ServiceDep) -> Response:
    """Start to build a new version in the background.

    The live version answers queries until the new one has caught up.
    """
    await _require_read_model(name, service)
    await service.rebuild_projection(name)
    return command_response({"name": name}, 202)


async def _require_read_model(name: str, service: Service) -> None:
    if name not in {item["name"] for item in await service.projection_status()}:
        raise Problem("not-found", NO_READ_MODEL)
