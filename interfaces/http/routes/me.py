"""Routes of the user as a whole: to take everything along, and to be erased."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from application.erase_person import ErasePerson
from interfaces.http.auth.protected_route import (
    BEARER_SCHEME,
    CurrentUser,
    ServiceDep,
    protected_route,
)
from interfaces.http.consistency import ConsistentReads
from interfaces.http.middleware.large_responses import reserve_large_response
from interfaces.http.middleware.streamed_files import StreamedFile
from interfaces.http.responses import token_headers
from interfaces.http.schemas.page import document_responses
from interfaces.http.schemas.take_out import TakeOut, csv_columns
from interfaces.queries.take_out.as_csv import encode_csv
from interfaces.queries.take_out.as_json import encode_json
from interfaces.queries.take_out.taken_list import TakenList, all_disclosures, in_pages

router = APIRouter(
    prefix="/api/v1/me",
    tags=["me"],
    dependencies=[BEARER_SCHEME],
    route_class=protected_route(),
)

ZIP_RESPONSE = {
    "200": {"content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}}
}
"""What OpenAPI has of the response with `format=csv`."""


class TakeOutFormat(StrEnum):
    """One JSON document, or a zip archive with a CSV file for each list."""

    json = "json"
    csv = "csv"


@router.get(
    "/export",
    operation_id="takeOut",
    summary="Take all your data along",
    openapi_extra={"x-conditional": False, "responses": ZIP_RESPONSE},
    responses=document_responses(
        200,
        TakeOut,
        "Everything that is known about you; with `format=csv` a zip archive (application/zip) "
        "with one CSV file for each list",
    ),
)
async def take_out(
    request: Request,
    user: CurrentUser,
    service: ServiceDep,
    reads: ConsistentReads,
    *,
    format_: Annotated[
        TakeOutFormat,
        Query(alias="format", description="`json`, or `csv` for a zip archive of CSV files"),
    ] = TakeOutFormat.json,
) -> Response:
    """Send everything that is known about you: what you see now, and the history behind it.

    The lists are of one moment; `disclosures` and `history` follow from the event log. After an
    erasure there is only the skeleton of the history, without contents.
    """
    await reserve_large_response(request.scope)
    lists, place = await reads(
        service.connections_of(user.id, limit=None),
        service.courses_of(user.id, limit=None),
        service.assignments_of(user.id, now=datetime.now(UTC), limit=None),
        service.grades_of(user.id, limit=None),
        service.grade_changes_of(user.id, limit=None),
        service.syncs_of(user.id, limit=None),
    )
    names = ("connections", "courses", "assignments", "grades", "grade_changes", "syncs")
    pages = {name: in_pages(page.items) for name, page in zip(names, lists, strict=True)}
    pages["disclosures"] = all_disclosures(service.disclosures_of, user.id)
    pages["history"] = service.person_records.pages(user.id)
    parts = [TakenList(name, csv_columns(name), each) for name, each in pages.items()]
    account: dict[str, Any] = {**await service.person_records.account(user.id)}
    account["roles"] = sorted(user.roles)
    now = datetime.now(UTC)
    chunks: AsyncGenerator[bytes, None]
    if format_ is TakeOutFormat.csv:
        chunks, kind, name = encode_csv(account, parts), "application/zip", "easeboard.zip"
    else:
        head = {"exported_at": now, "account": account}
        chunks, kind, name = encode_json(head, parts), "application/json", "easeboard.json"
    return StreamedFile(chunks, name, media_type=kind, headers=token_headers(place))


@router.delete(
    "",
    operation_id="eraseMe",
    summary="Erase all your data",
    status_code=204,
    responses=document_responses(
        204, None, "Your data is erased", "auth-user-not-deletable", "connection-busy"
    ),
)
async def erase_me(
    user: CurrentUser,
    service: ServiceDep,
    *,
    delete_auth_user: Annotated[
        bool, Query(description="Delete your user at Supabase too, some seconds later")
    ] = False,
) -> Response:
    """Erase all your data for good: your key is destroyed, so your history cannot be read any more.

    It cannot be undone. Take your data along first, with `GET /api/v1/me/export`. Your live
    connections are closed, and with this user nothing can be set up again. To erase again changes
    nothing.
    """
    await service.erase_person(ErasePerson(person_id=user.id, delete_auth_user=delete_auth_user))
    return Response(status_code=204)
