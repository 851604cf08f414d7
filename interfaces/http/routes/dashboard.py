"""The dashboard over HTTP."""

from datetime import UTC, datetime

from fastapi import APIRouter, Request, Response

from interfaces.http.auth.protected_route import BEARER, Caller, Wired, guarded
from interfaces.http.consistency import reads
from interfaces.http.responses import read
from interfaces.http.schemas.dashboard import Stats
from interfaces.http.schemas.page import documented

router = APIRouter(
    prefix="/api/v1/dashboard", tags=["dashboard"], dependencies=[BEARER], route_class=guarded()
)


@router.get(
    "/stats",
    operation_id="getStats",
    summary="Your dashboard",
    dependencies=[reads("dashboard_stats")],
    responses=documented(200, Stats, "The dashboard"),
)
async def get_stats(request: Request, caller: Caller, service: Wired) -> Response:
    """Show the caller's numbers over all connections."""
    return read(request, await service.stats_of(caller.id, now=datetime.now(UTC)))
