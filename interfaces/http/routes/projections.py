"""Routes of the read models, for admins."""

from operator import itemgetter

import orjson
from fastapi import APIRouter, Depends, Request, Response

from interfaces.http.auth.protected_route import BEARER_SCHEME, ServiceDep, protected_route
from interfaces.http.errors.problem import Problem
from interfaces.http.errors.problem_types import NO_READ_MODEL
from interfaces.http.responses import command_response, page_response
from interfaces.http.schemas.audit import Projection, RebuildStarted
from interfaces.http.schemas.page import PageOf, document_responses
from interfaces.http.schemas.path_parameters import ReadModelName
from interfaces.http.schemas.query_parameters import Cursor, Limit
from interfaces.http.schemas.request_bodies import require_empty_body
from projections.support.page import build_page, decode_cursor, parse_text_key

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
    if name not in {item["name"] for item in await service.projection_status()}:
        raise Problem("not-found", NO_READ_MODEL)
    await service.rebuild_projection(name)
    return command_response({"name": name}, 202)
