"""The route with which people find out who has read their data."""

from fastapi import APIRouter, Request, Response

from interfaces.http.auth.protected_route import (
    BEARER_SCHEME,
    CurrentUser,
    ServiceDep,
    protected_route,
)
from interfaces.http.responses import page_response
from interfaces.http.routes.audit_parameters import MarkWithToken
from interfaces.http.schemas.page import PageOf, document_responses
from interfaces.http.schemas.query_parameters import Cursor, Limit, StartTime
from interfaces.http.schemas.readings import Disclosure

router = APIRouter(
    prefix="/api/v1/me/disclosures",
    tags=["me"],
    dependencies=[BEARER_SCHEME],
    route_class=protected_route(),
)


@router.get(
    "",
    operation_id="listDisclosures",
    summary="List who has read your data",
    responses=document_responses(
        200, PageOf[Disclosure], "A page of readings of your data, the newest first"
    ),
)
async def list_disclosures(
    request: Request,
    user: CurrentUser,
    service: ServiceDep,
    at: MarkWithToken,
    *,
    since: StartTime = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """List who has read the history of your connections, when, and for which purpose.

    A list of connections that was restricted to you is in it too. One about many people is not: it
    is recorded on the history of its reader.
    """
    page, place = await service.disclosures_of(
        user.id, at=at, since=since, cursor=cursor, limit=limit
    )
    return page_response(request, page, place)
