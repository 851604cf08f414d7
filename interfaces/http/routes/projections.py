"""Routes of the read models, for admins."""

import orjson
from fastapi import APIRouter, Depends, Request, Response

from interfaces.http.auth.protected_route import BEARER_SCHEME, ServiceDep, protected_route
from interfaces.http.consistency import consistent_read
from interfaces.http.errors.problem import Problem
from interfaces.http.errors.problem_types import NO_READ_MODEL
from interfaces.http.responses import command_response, page_response
from interfaces.http.schemas.audit import Projection, RebuildStarted
from interfaces.http.schemas.page import PageOf, document_responses
from interfaces.http.schemas.path_parameters import ReadModelName
from interfaces.http.schemas.request_bodies import require_empty_body
from projections.support.page import Page

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
    dependencies=[consistent_read()],
    responses=document_responses(200, PageOf[Projection], "Every read model"),
)
async def list_projections(request: Request, service: ServiceDep) -> Response:
    """List the read models, and how far each is behind the event log."""
    items = [
        orjson.dumps(item, option=orjson.OPT_UTC_Z) for item in await service.projection_status()
    ]
    return page_response(request, Page(items, None))


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
