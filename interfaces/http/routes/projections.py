"""The read models over HTTP, for admins."""

import orjson
from fastapi import APIRouter, Depends, Request, Response

from interfaces.http.auth.protected_route import BEARER, Wired, guarded
from interfaces.http.consistency import reads
from interfaces.http.errors.problem import Problem
from interfaces.http.responses import done, listing
from interfaces.http.schemas.audit import Projection, RebuildStarted
from interfaces.http.schemas.page import PageOf, documented
from interfaces.http.schemas.request_bodies import no_fields
from projections.support.page import Page

router = APIRouter(
    prefix="/api/v1/admin/projections",
    tags=["admin"],
    dependencies=[BEARER],
    route_class=guarded("admin"),
)


@router.get(
    "",
    operation_id="listProjections",
    summary="How the read models do",
    dependencies=[reads()],
    responses=documented(200, PageOf[Projection], "Every read model"),
)
async def list_projections(request: Request, service: Wired) -> Response:
    """List the read models and how far behind the log they are."""
    items = [orjson.dumps(item, option=orjson.OPT_UTC_Z) for item in await service.projections()]
    return listing(request, Page(items, None))


@router.post(
    "/{name}/rebuild",
    operation_id="rebuildProjection",
    summary="Rebuild a read model",
    status_code=202,
    dependencies=[Depends(no_fields)],
    responses=documented(
        202, RebuildStarted, "Started in the background", "not-found", "rebuild-running"
    ),
)
async def rebuild(name: str, service: Wired) -> Response:
    """Build the read model anew beside the live one and switch when it has caught up."""
    if name not in {item["name"] for item in await service.projections()}:
        raise Problem("not-found", "There is no such projection.")
    await service.rebuild(name)
    return done({"name": name}, 202)
