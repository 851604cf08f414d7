"""Routes of the calendar: its secret address, and the iCalendar feed at this address."""

import asyncio

from fastapi import APIRouter, Depends, Request, Response

from application.end_calendar import EndCalendar
from application.share_calendar import ShareCalendar
from interfaces.http.auth.protected_route import (
    BEARER_SCHEME,
    CurrentUser,
    ServiceDep,
    protected_route,
)
from interfaces.http.consistency import ConsistentReads
from interfaces.http.context import request_context_of
from interfaces.http.errors.problem import Problem
from interfaces.http.middleware.rate_budget import client_address
from interfaces.http.middleware.rate_limit_policies import CALENDAR, CALENDAR_GUESS
from interfaces.http.responses import command_response, has_current, read_headers
from interfaces.http.schemas.calendar import CalendarAddress
from interfaces.http.schemas.page import document_responses
from interfaces.http.schemas.path_parameters import CalendarSecret
from interfaces.http.schemas.request_bodies import require_empty_body
from interfaces.queries.calendar_feed import (
    CALENDAR_MEDIA_TYPE,
    calendar_entity_tag,
    encode_calendar,
)

FEED_SLUGS = (
    "not-found",
    "rate-limited",
    "overloaded",
    "database-busy",
    "database-unavailable",
)
"""Problems of the feed, which needs no token."""
FEED_HEADERS = {"Content-Disposition": 'inline; filename="easeboard.ics"'}

router = APIRouter(
    prefix="/api/v1",
    tags=["calendar"],
    dependencies=[BEARER_SCHEME],
    route_class=protected_route(),
)
feed_router = APIRouter(tags=["calendar"])
"""Its secret is all that the feed needs: calendar programs cannot send a bearer token."""


@router.post(
    "/calendar",
    operation_id="shareCalendar",
    summary="Make or renew the address of your calendar",
    status_code=201,
    dependencies=[Depends(require_empty_body)],
    # No Location: the address is a secret, and proxies may log headers.
    openapi_extra={"x-headers": []},
    responses=document_responses(
        201,
        CalendarAddress,
        "The new address; an earlier one has ended",
        "connection-busy",
        "person-erased",
    ),
)
async def share_calendar(request: Request, user: CurrentUser, service: ServiceDep) -> Response:
    """Make an address at which calendar programs can read your due dates without a token.

    It is shown once. An earlier address ends at once.
    """
    shared = await service.share_calendar(ShareCalendar(person_id=user.id))
    url = request.url_for(get_calendar.__name__, secret=shared.secret)
    return command_response({"url": str(url), "created_at": shared.created_at}, 201)


@router.delete(
    "/calendar",
    operation_id="endCalendar",
    summary="End the address of your calendar",
    status_code=204,
    openapi_extra={"x-headers": []},
    responses=document_responses(
        204, None, "There is no address any more", "connection-busy", "person-erased"
    ),
)
async def end_calendar(user: CurrentUser, service: ServiceDep) -> Response:
    """End the address of your calendar, if there is one: it then returns 404."""
    await service.end_calendar(EndCalendar(person_id=user.id))
    return Response(status_code=204)


@feed_router.get(
    "/calendar/{secret}.ics",
    operation_id="getCalendar",
    summary="Read a calendar of due dates",
    openapi_extra={"x-conditional": True},
    responses=document_responses(
        200,
        None,
        "The due dates as an iCalendar document (RFC 5545)",
        *FEED_SLUGS,
        media_type=CALENDAR_MEDIA_TYPE,
    ),
)
async def get_calendar(
    secret: CalendarSecret, request: Request, service: ServiceDep, reads: ConsistentReads
) -> Response:
    """Return the due dates of the user who made the address, each as an event.

    The address is secret. No token is needed.
    """
    budget = request_context_of(request).rate_budget
    person_id = await service.calendar_owner(secret)
    if person_id is None:
        await budget.spend(CALENDAR_GUESS, client_address(request.scope))
        raise Problem("not-found")
    await budget.spend(CALENDAR, str(person_id))
    (assignments,), place = await reads(service.due_dates_of(person_id))
    entity_tag = calendar_entity_tag(assignments)
    headers = read_headers(entity_tag, place) | FEED_HEADERS
    if has_current(request, entity_tag):
        return Response(status_code=304, headers=headers)
    # In a thread, because a feed of a thousand events takes half a second.
    document = await asyncio.to_thread(encode_calendar, assignments)
    return Response(document, headers=headers, media_type=CALENDAR_MEDIA_TYPE)
