"""Routes of what a student saw at an earlier time, for auditors. Each read is recorded."""

from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Response

from interfaces.access_description import describe_access
from interfaces.http.auth.protected_route import BEARER_SCHEME, ServiceDep, protected_route
from interfaces.http.errors.problem import Problem
from interfaces.http.recorded_reads import RecordedReads, Shown
from interfaces.http.routes.audit_parameters import MarkWithToken
from interfaces.http.schemas.audit_views import ViewDiff, ViewThen
from interfaces.http.schemas.page import document_responses
from interfaces.http.schemas.path_parameters import ConnectionId
from interfaces.http.schemas.query_parameters import UtcTime

router = APIRouter(
    prefix="/api/v1/audit/connections",
    tags=["audit"],
    dependencies=[BEARER_SCHEME],
    route_class=protected_route("auditor", "admin"),
)

TIME_FORMS = "RFC 3339, or a date, which is the start of that day in UTC"

AsOf = Annotated[
    UtcTime | None,
    Query(description=f"The time of the view ({TIME_FORMS}); without it, or if later, now"),
]
From = Annotated[UtcTime, Query(alias="from", description=f"The first time: {TIME_FORMS}")]
To = Annotated[
    UtcTime | None,
    Query(description=f"The second time ({TIME_FORMS}); without it, or if later, now"),
]


@router.get(
    "/{connection_id}/view",
    operation_id="auditView",
    summary="Show what the student saw at an earlier time",
    responses=document_responses(
        200, ViewThen, "What the student saw of the connection", "not-found", "connection-busy"
    ),
)
async def show_view(
    connection_id: ConnectionId,
    recorded: RecordedReads,
    service: ServiceDep,
    at: MarkWithToken,
    *,
    as_of: AsOf = None,
) -> Response:
    """Show courses, assignments, grades and dashboard of a connection as they were at a time.

    They are what the student's own requests got then, and the time decides what depends on the
    clock. Before the connection was opened, and after it was closed, the lists are empty. The read
    is recorded in the history of the connection.
    """

    async def read() -> Shown:
        view, place = await service.view_at(connection_id, at=at, as_of=as_of)
        return Shown(view.encode(), place)

    what = describe_access("view", {"as_of": as_of})
    return await recorded.of_history(connection_id, what, read)


@router.get(
    "/{connection_id}/diff",
    operation_id="auditDiff",
    summary="Show what changed for the student between two times",
    responses=document_responses(
        200, ViewDiff, "The changes in the order of the log", "not-found", "connection-busy"
    ),
)
async def show_diff(
    connection_id: ConnectionId,
    recorded: RecordedReads,
    service: ServiceDep,
    at: MarkWithToken,
    *,
    from_: From,
    to: To = None,
) -> Response:
    """Show what changed between the views at two times, each change in a sentence and as data.

    The read is recorded in the history of the connection.
    """
    if to is not None and to < from_:
        raise Problem("invalid-request", "`from` must not be later than `to`: exchange them.")

    async def read() -> Shown:
        diff, place = await service.diff(connection_id, at=at, since=from_, until=to)
        return Shown(orjson.dumps(diff), place)

    what = describe_access("diff", {"from": from_, "to": to})
    return await recorded.of_history(connection_id, what, read)
