"""History over HTTP, for auditors; whoever reads it is recorded."""

from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Query, Request, Response
from pydantic import AfterValidator

from domain import events
from interfaces.http.auth.protected_route import BEARER, Caller, Wired, guarded
from interfaces.http.consistency import reads
from interfaces.http.errors.problem import Problem
from interfaces.http.responses import listing, read
from interfaces.http.schemas.audit import AuditedConnection, AuditedEvent, StateThen
from interfaces.http.schemas.page import PageOf, documented
from interfaces.http.schemas.plain_text import WITHOUT_CONTROLS
from interfaces.http.schemas.query_parameters import Cursor, Limit, Of, When

router = APIRouter(
    prefix="/api/v1/audit/connections",
    tags=["audit"],
    dependencies=[BEARER, reads()],
    route_class=guarded("auditor", "admin"),
)


def _types(value: str) -> str:
    named = {name.strip() for name in value.split(",")}
    if not named.issubset(events.__all__):
        raise ValueError(f"must be some of {', '.join(events.__all__)}, comma-separated")
    return ",".join(sorted(named))


Types = Annotated[
    Annotated[str, AfterValidator(_types)] | None,
    Query(alias="type", description="Names of events, comma-separated"),
]
Version = Annotated[int | None, Query(ge=0, lt=2**31)]


@router.get(
    "",
    operation_id="auditConnections",
    summary="Whose connections there are",
    responses=documented(200, PageOf[AuditedConnection], "A page of connections of anybody"),
)
async def list_connections(
    request: Request,
    service: Wired,
    *,
    user_id: Of = None,
    canvas_url: Annotated[Annotated[str, WITHOUT_CONTROLS] | None, Query(max_length=2000)] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """List connections of every person."""
    page = await service.audited_connections(
        user_id=user_id, canvas_url=canvas_url, cursor=cursor, limit=limit
    )
    return listing(request, page)


@router.get(
    "/{connection_id}/events",
    operation_id="auditEvents",
    summary="What happened to a connection",
    responses=documented(200, PageOf[AuditedEvent], "A page of events, oldest first", "not-found"),
)
async def list_events(
    request: Request,
    connection_id: UUID,
    caller: Caller,
    service: Wired,
    *,
    types: Types = None,
    since: When = None,
    until: When = None,
    after_version: Version = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """List the events of a connection and its syncs; the reading is recorded."""
    page = await service.history(
        connection_id,
        types=frozenset(types.split(",")) if types else frozenset(),
        since=since,
        until=until,
        after_version=after_version,
        cursor=cursor,
        limit=limit,
    )
    asked = {"type": types, "since": since, "until": until, "after_version": after_version}
    await service.record_reading(connection_id, str(caller.id), _what("events", asked))
    return listing(request, page)


@router.get(
    "/{connection_id}/state",
    operation_id="auditState",
    summary="A connection as it stood",
    responses=documented(
        200, StateThen, "The aggregates and the versions they stood at", "not-found"
    ),
)
async def show_state(
    request: Request,
    connection_id: UUID,
    caller: Caller,
    service: Wired,
    *,
    as_of: When = None,
    version: Version = None,
) -> Response:
    """Show a connection and its syncs at a time or version, now unless told; it is recorded."""
    if as_of is not None and version is not None:
        raise Problem("invalid-request", "Name a time or a version, not both.")
    state = await service.state_at(connection_id, as_of=as_of, version=version)
    asked = {"as_of": as_of, "version": version}
    await service.record_reading(connection_id, str(caller.id), _what("state", asked))
    return read(request, orjson.dumps(state, option=orjson.OPT_UTC_Z))


def _what(view: str, asked: dict[str, Any]) -> str:
    """What was read, in the words of the request."""
    named = (f"{name}={value}" for name, value in asked.items() if value is not None)
    return " ".join([view, *named])
