"""Routes of the read models, for admins."""

from collections.abc import Awaitable, Callable
from operator import itemgetter
from typing import Literal
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Request, Response

from application.settle_dead_letter import SettleDeadLetter
from interfaces.http.auth.protected_route import BEARER_SCHEME, ServiceDep, protected_route
from interfaces.http.errors.problem import Problem
from interfaces.http.errors.problem_types import NO_READ_MODEL
from interfaces.http.responses import command_response, page_response
from interfaces.http.schemas.page import PageOf, document_responses
from interfaces.http.schemas.path_parameters import DeadLetterId, ReadModelName
from interfaces.http.schemas.projections import (
    DeadLetter,
    DeadLetterOutcome,
    Projection,
    ProjectionAccepted,
)
from interfaces.http.schemas.query_parameters import Cursor, Limit
from interfaces.http.schemas.request_bodies import require_empty_body
from interfaces.service import Service
from projections.support.page import build_page, decode_cursor, parse_position_key, parse_text_key

router = APIRouter(
    prefix="/api/v1/admin/projections",
    tags=["admin"],
    dependencies=[BEARER_SCHEME],
    route_class=protected_route("admin"),
)


@router.get(
    "",
    operation_id="listProjections",
    summary="List the read models",
    openapi_extra={"x-conditional": True},
    responses=document_responses(200, PageOf[Projection], "Every read model"),
)
async def list_projections(
    request: Request, service: ServiceDep, *, limit: Limit = 100, cursor: Cursor = None
) -> Response:
    """List the read models by name, and how far each is behind the event log."""
    [after] = decode_cursor(cursor, parse_text_key)
    rows = [
        (item["name"], orjson.dumps(item, option=orjson.OPT_UTC_Z))
        for item in sorted(await service.projection_status(), key=itemgetter("name"))
        if after is None or item["name"] > after
    ]
    page = build_page(rows[: limit + 1], limit, itemgetter(1), lambda row: row[:1])
    return page_response(request, page)


@router.get(
    "/{name}/dead-letters",
    operation_id="listDeadLetters",
    summary="List the dead letters of a read model",
    openapi_extra={"x-conditional": True},
    responses=document_responses(
        200, PageOf[DeadLetter], "The events that it cannot apply", "not-found"
    ),
)
async def list_dead_letters(
    request: Request,
    name: ReadModelName,
    service: ServiceDep,
    *,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """List the events that the live version has set aside, in the order of the log."""
    [after] = decode_cursor(cursor, parse_position_key)
    await _require_read_model(name, service)
    rows = [
        (item["position"], orjson.dumps(item, option=orjson.OPT_UTC_Z))
        for item in await service.dead_letters_of(name)
        if after is None or item["position"] > after
    ]
    page = build_page(rows[: limit + 1], limit, itemgetter(1), lambda row: row[:1])
    return page_response(request, page)


@router.post(
    "/{name}/dead-letters/{letter_id}/retry",
    operation_id="retryDeadLetter",
    summary="Retry a dead letter",
    dependencies=[Depends(require_empty_body)],
    responses=document_responses(
        200, DeadLetterOutcome, "What became of it", "not-found", "projection-behind"
    ),
)
async def retry_dead_letter(
    name: ReadModelName, letter_id: DeadLetterId, service: ServiceDep
) -> Response:
    """Apply all events of the letter's person again; the letter is kept if that fails again.

    It is recorded in the event log who did this.
    """
    return await _settle(name, letter_id, "retry", service)


@router.post(
    "/{name}/dead-letters/{letter_id}/skip",
    operation_id="skipDeadLetter",
    summary="Skip a dead letter",
    dependencies=[Depends(require_empty_body)],
    responses=document_responses(
        200, DeadLetterOutcome, "What became of it", "not-found", "projection-behind"
    ),
)
async def skip_dead_letter(
    name: ReadModelName, letter_id: DeadLetterId, service: ServiceDep
) -> Response:
    """Leave the event out of this read model for good, and apply what waits behind it.

    It is left out of rebuilds too. It is recorded in the event log who did this.
    """
    return await _settle(name, letter_id, "skip", service)


@router.post(
    "/{name}/rebuild",
    operation_id="rebuildProjection",
    summary="Rebuild a read model",
    status_code=202,
    dependencies=[Depends(require_empty_body)],
    responses=document_responses(
        202, ProjectionAccepted, "The rebuild has started", "not-found", "rebuild-running"
    ),
)
async def rebuild_projection(name: ReadModelName, service: ServiceDep) -> Response:
    """Start to build a new version in the background.

    The live version answers queries until the new one has caught up. A rebuild that is running
    already goes on; if its process stops, another one continues it.
    """
    return await _accept(name, service, service.rebuild_projection)


@router.post(
    "/{name}/verify",
    operation_id="verifyProjection",
    summary="Verify a read model",
    status_code=202,
    dependencies=[Depends(require_empty_body)],
    responses=document_responses(
        202,
        ProjectionAccepted,
        "The verification has started",
        "not-found",
        "projection-behind",
    ),
)
async def verify_projection(name: ReadModelName, service: ServiceDep) -> Response:
    """Start to fold the log again in the background, and to compare the rows.

    `verified` of the read model has the result when it is there.
    """
    return await _accept(name, service, service.verify_projection)


@router.post(
    "/{name}/pause",
    operation_id="pauseProjection",
    summary="Pause a read model",
    status_code=202,
    dependencies=[Depends(require_empty_body)],
    responses=document_responses(202, ProjectionAccepted, "It is paused", "not-found"),
)
async def pause_projection(name: ReadModelName, service: ServiceDep) -> Response:
    """Apply no further events, also after a restart, until it is resumed.

    Queries are answered with the state that it has.
    """
    return await _accept(name, service, service.pause_projection)


@router.post(
    "/{name}/resume",
    operation_id="resumeProjection",
    summary="Resume a read model",
    status_code=202,
    dependencies=[Depends(require_empty_body)],
    responses=document_responses(202, ProjectionAccepted, "It is resumed", "not-found"),
)
async def resume_projection(name: ReadModelName, service: ServiceDep) -> Response:
    """Apply events again, from where the read model was paused."""
    return await _accept(name, service, service.resume_projection)


@router.post(
    "/{name}/rollback",
    operation_id="rollBackProjection",
    summary="Go back to the version before",
    status_code=202,
    dependencies=[Depends(require_empty_body)],
    responses=document_responses(
        202,
        ProjectionAccepted,
        "The rollback has started",
        "not-found",
        "rebuild-running",
        "no-earlier-version",
    ),
)
async def roll_back_projection(name: ReadModelName, service: ServiceDep) -> Response:
    """Let the version that was live before the last cut-over catch up, and make it live.

    The version that is live now answers queries until then. It is kept, so this can be repeated.
    """
    return await _accept(name, service, service.roll_back_projection)


async def _settle(
    name: str, letter_id: UUID, action: Literal["retry", "skip"], service: Service
) -> Response:
    await _require_read_model(name, service)
    command = SettleDeadLetter(projection=name, letter_id=letter_id, action=action)
    outcome = await service.settle_dead_letter(command)
    return command_response(outcome._asdict(), 200)


async def _accept(name: str, service: Service, act: Callable[[str], Awaitable[None]]) -> Response:
    await _require_read_model(name, service)
    await act(name)
    return command_response({"name": name}, 202)


async def _require_read_model(name: str, service: Service) -> None:
    if name not in {item["name"] for item in await service.projection_status()}:
        raise Problem("not-found", NO_READ_MODEL)
