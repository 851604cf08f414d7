"""The route of who read whose history, for auditors."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from interfaces.access_description import describe_access
from interfaces.http.auth.protected_route import BEARER_SCHEME, ServiceDep, protected_route
from interfaces.http.recorded_reads import RecordedReads, Shown, shown_page
from interfaces.http.routes.audit_parameters import MarkWithToken
from interfaces.http.schemas.page import PageOf, document_responses
from interfaces.http.schemas.plain_text import NO_CONTROL_CHARACTERS
from interfaces.http.schemas.query_parameters import Cursor, Limit, OptionalId, StartTime
from interfaces.http.schemas.readings import RecordedReading

router = APIRouter(
    prefix="/api/v1/audit/readings",
    tags=["audit"],
    dependencies=[BEARER_SCHEME],
    route_class=protected_route("auditor", "admin"),
)


@router.get(
    "",
    operation_id="auditReadings",
    summary="List who read what, when, and for which purpose",
    responses=document_responses(
        200, PageOf[RecordedReading], "A page of readings, the newest first"
    ),
)
async def list_readings(
    recorded: RecordedReads,
    service: ServiceDep,
    at: MarkWithToken,
    *,
    reader: Annotated[
        Annotated[str, NO_CONTROL_CHARACTERS] | None,
        Query(
            max_length=200,
            description="Only readings of this reader: the id of a user, or `cli:` and an account",
        ),
    ] = None,
    connection_id: OptionalId = None,
    since: StartTime = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """List the readings of histories and of lists, the newest first. The read is recorded too.

    It is recorded as a list, on your own history. The lists that you have read yourself are in the
    list, but do not change its `ETag`.
    """
    parameters = {"reader": reader, "connection_id": connection_id, "since": since}

    async def read() -> Shown:
        page, place = await service.readings(
            at=at,
            reader=reader,
            connection_id=connection_id,
            since=since,
            cursor=cursor,
            limit=limit,
            asked_by=recorded.reader,
        )
        return shown_page(page, place)

    return await recorded.of_list(describe_access("readings", parameters), read)
