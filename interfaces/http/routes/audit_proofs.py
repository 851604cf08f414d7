"""Routes that prove the log: signed checkpoints, proofs, verification, and exports of a history."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated
from uuid import UUID

import orjson
from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import PlainTextResponse

from application.record_list_read import RecordListRead
from interfaces.access_description import describe_access
from interfaces.http.auth.protected_route import (
    BEARER_SCHEME,
    CurrentUser,
    ServiceDep,
    protected_route,
)
from interfaces.http.middleware.admission_control import slot_released
from interfaces.http.middleware.large_responses import reserve_large_response
from interfaces.http.middleware.streamed_files import StreamedFile
from interfaces.http.recorded_reads import RecordedReads
from interfaces.http.responses import document_response, page_response
from interfaces.http.schemas.page import PageOf, document_responses
from interfaces.http.schemas.path_parameters import ConnectionId
from interfaces.http.schemas.proofs import ExportedEvent, SignedCheckpoint, VerificationReport
from interfaces.http.schemas.query_parameters import Cursor, Limit

router = APIRouter(
    prefix="/api/v1/audit",
    tags=["audit"],
    dependencies=[BEARER_SCHEME],
    route_class=protected_route("auditor", "admin"),
)

NO_STORE = {"Cache-Control": "no-store"}


class NdjsonFile(StreamedFile):
    """A file with a JSON object on each line."""

    media_type = "application/x-ndjson"


@router.get(
    "/checkpoints",
    operation_id="auditCheckpoints",
    summary="List the signed checkpoints of the log",
    responses=document_responses(
        200, PageOf[SignedCheckpoint], "A page of signed checkpoints, the newest first"
    ),
)
async def list_checkpoints(
    request: Request, service: ServiceDep, *, limit: Limit = 100, cursor: Cursor = None
) -> Response:
    """List the signed checkpoints, the newest first; most that are older than an hour are deleted.

    Keep one outside easeboard: a later verification proves that the log continues it.
    """
    return page_response(request, await service.signed_checkpoints(cursor=cursor, limit=limit))


@router.get(
    "/key",
    operation_id="auditKey",
    summary="Show the public keys of the log",
    responses=document_responses(
        200, None, "A C2SP vkey on each line", "not-sealed", media_type="text/plain"
    ),
)
async def show_key(service: ServiceDep) -> Response:
    """Show the keys (C2SP vkeys) that check the signatures of checkpoints, one on each line."""
    return PlainTextResponse(await service.log_keys(), headers=NO_STORE)


@router.get(
    "/verify",
    operation_id="auditVerify",
    summary="Verify the log",
    responses=document_responses(200, VerificationReport, "What was verified and what was found"),
)
async def verify_log(request: Request, service: ServiceDep) -> Response:
    """Compare the rows of the log with its tiles and its signed checkpoints.

    A log with more than 200,000 events is verified in parts: each request reads what is new to this
    process, and a part of what it has read before. `easeboard audit verify` reads everything.
    """
    async with slot_released(request.scope):
        report = await service.verify_log()
    return document_response(request, orjson.dumps(report, option=orjson.OPT_UTC_Z))


@router.get(
    "/proof/{event_id}",
    operation_id="auditProof",
    summary="Prove that an event is in the log",
    responses=document_responses(
        200,
        None,
        "A C2SP tlog-proof, whose line `extra` has the entry of the event in base64",
        "not-found",
        "not-sealed",
        "history-changed",
        media_type="text/plain",
    ),
)
async def show_proof(
    event_id: Annotated[UUID, Path(description="Id of the event in easeboard")],
    recorded: RecordedReads,
    user: CurrentUser,
    service: ServiceDep,
) -> Response:
    """Return a C2SP tlog-proof of the event. The read is recorded in the history of its connection.

    The line `extra` is the entry of the event: the bytes whose hash is in the tree.
    """
    found = await service.find_event(event_id)
    what = describe_access("proof", {"event_id": event_id})
    if found.connection_id:
        await recorded.record_history(found.connection_id, what)
    else:
        await service.record_list_read(
            RecordListRead(
                reader_id=user.id, what=what, purpose=recorded.purpose, about=found.person_id
            )
        )
    proof = await service.proof_text(event_id)
    headers = {"Content-Disposition": f'attachment; filename="{event_id}.tlog-proof"', **NO_STORE}
    return PlainTextResponse(proof, headers=headers)


@router.get(
    "/connections/{connection_id}/export",
    operation_id="auditExport",
    summary="Export the history of a connection with proofs",
    status_code=200,
    response_class=NdjsonFile,
    responses=document_responses(
        200,
        ExportedEvent,
        "A JSON object on each line: a header, each event as below, and a summary",
        "not-found",
        "not-sealed",
        "history-changed",
    ),
)
async def export_history(
    request: Request, connection_id: ConnectionId, recorded: RecordedReads, service: ServiceDep
) -> Response:
    """Export all events of a connection, oldest first. The read is recorded in its history first.

    `easeboard audit verify FILE` checks the file with the public key of the log alone. It waits at
    most 3 seconds until a checkpoint covers the newest event; what is newer is left out.
    """
    await reserve_large_response(request.scope)
    export = await service.export_history(connection_id)
    await recorded.record_history(connection_id, "export")
    pieces = export.chunks()
    async with slot_released(request.scope):
        header = await anext(pieces)
    return NdjsonFile(
        _with_first(header, pieces),
        f"easeboard-{connection_id}.ndjson",
        media_type=NdjsonFile.media_type,
        headers={},
    )


async def _with_first(
    first: bytes, rest: AsyncGenerator[bytes, None]
) -> AsyncGenerator[bytes, None]:
    """Yield a piece that was read before the response began, so that it can be a problem."""
    async with aclosing(rest):
        yield first
        async for piece in rest:
            yield piece
