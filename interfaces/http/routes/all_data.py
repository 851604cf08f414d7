"""The route of the document with all data of a person."""

import asyncio
from datetime import UTC, datetime

from fastapi import APIRouter, Request, Response

from interfaces.http.auth.protected_route import (
    BEARER_SCHEME,
    CurrentUser,
    ServiceDep,
    protected_route,
)
from interfaces.http.consistency import ConsistentReads
from interfaces.http.middleware.large_responses import reserve_large_response
from interfaces.http.responses import prepare_document, prepared_response
from interfaces.http.schemas.data import Everything
from interfaces.http.schemas.page import document_responses
from interfaces.queries.everything_document import compose_everything
from projections.support.clock_changes import first_change

router = APIRouter(
    prefix="/api/v1/canvas",
    tags=["data"],
    dependencies=[BEARER_SCHEME],
    route_class=protected_route(),
)


@router.get(
    "/data",
    operation_id="getEverything",
    summary="Show all your data",
    responses=document_responses(200, Everything, "All data in one document"),
)
async def get_everything(
    request: Request, user: CurrentUser, service: ServiceDep, reads: ConsistentReads
) -> Response:
    """Show the connections, courses, assignments and grades of the user, all of one moment."""
    await reserve_large_response(request.scope)
    pages, place = await reads(
        service.connections_of(user.id, limit=None),
        service.courses_of(user.id, limit=None),
        service.assignments_of(user.id, now=datetime.now(UTC), limit=None),
        service.grades_of(user.id, limit=None),
    )
    connections, courses, assignments, grades = pages
    items = {
        "connections": connections.items,
        "courses": courses.items,
        "assignments": assignments.items,
        "grades": grades.items,
    }
    changes_at = first_change(page.changes_at for page in pages)
    # In a thread, because the document may have many megabytes.
    document = await asyncio.to_thread(compose_everything, items)
    ready = await asyncio.to_thread(
        prepare_document, request, document, place, changes_at, connections.open_circuits
    )
    return prepared_response(request, ready, document, place)
