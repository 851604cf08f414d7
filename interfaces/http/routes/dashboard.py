"""The route of the dashboard."""

from datetime import UTC, datetime

from fastapi import APIRouter, Request, Response

from interfaces.http.auth.protected_route import (
    BEARER_SCHEME,
    CurrentUser,
    ServiceDep,
    protected_route,
)
from interfaces.http.consistency import ConsistentReads
from interfaces.http.responses import document_response
from interfaces.http.schemas.dashboard import Stats
from interfaces.http.schemas.page import document_responses

router = APIRouter(
    prefix="/api/v1/dashboard",
    tags=["dashboard"],
    dependencies=[BEARER_SCHEME],
    route_class=protected_route(),
)


@router.get(
    "/stats",
    operation_id="getStats",
    summary="Show your dashboard",
    responses=document_responses(200, Stats, "The totals"),
)
async def get_stats(
    request: Request, user: CurrentUser, service: ServiceDep, reads: ConsistentReads
) -> Response:
    """Show the totals of all connections of the user."""
    (stats,), place = await reads(service.stats_of(user.id, now=datetime.now(UTC)))
    return document_response(request, stats.json, place, changes_at=stats.changes_at)
