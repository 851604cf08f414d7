"""The two routes of a witness (C2SP tlog-witness): add a checkpoint, read the newest one."""

import asyncio
from http import HTTPStatus

import structlog
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from infrastructure.seals.add_checkpoint import MAX_BODY_BYTES, PATH
from infrastructure.seals.witness.cosigner import TEXT_MEDIA_TYPE, Cosigner, Decision

BODY_SECONDS = 10.0
"""Seconds in which the whole body of a request must arrive."""

logger = structlog.get_logger()


def create_witness_app(cosigner: Cosigner, *, body_seconds: float = BODY_SECONDS) -> Starlette:
    """Return the application of a witness."""

    async def add_checkpoint(request: Request) -> Response:
        try:
            async with asyncio.timeout(body_seconds):
                body = await _read_body(request)
        except TimeoutError:
            return _refusal(HTTPStatus.REQUEST_TIMEOUT, "the body did not arrive in time")
        except ClientDisconnect:
            return _refusal(HTTPStatus.BAD_REQUEST, "the connection was closed")
        if body is None:
            return _refusal(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {MAX_BODY_BYTES} bytes are taken"
            )
        decision = await asyncio.to_thread(cosigner.add_checkpoint, body)
        _log(decision)
        return _response(decision)

    async def newest_checkpoint(request: Request) -> Response:
        origin_hash = request.path_params["origin_hash"]
        return _response(await asyncio.to_thread(cosigner.newest_checkpoint, origin_hash))

    return Starlette(
        routes=[
            Route(PATH, add_checkpoint, methods=["POST"]),
            Route("/{origin_hash}/checkpoint", newest_checkpoint, methods=["GET"]),
        ]
    )


async def _read_body(request: Request) -> bytes | None:
    """Return the body of a request; None if it is too large."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            return None
    return body


def _log(decision: Decision) -> None:
    """Log a decision on a checkpoint of a known log; strangers can send anything else."""
    if decision.origin is None:
        return
    detail = decision.body.decode().strip()
    match decision.status:
        case HTTPStatus.OK:
            logger.info("checkpoint_cosigned", log=decision.origin)
        case HTTPStatus.UNPROCESSABLE_ENTITY:
            logger.error("checkpoint_contradicts_the_past", log=decision.origin, reason=detail)
        case _:
            status = int(decision.status)
            logger.info("checkpoint_refused", log=decision.origin, status=status, reason=detail)


def _response(decision: Decision) -> Response:
    # Set as a header: starlette would add a charset to the media type of a size.
    headers = {"Content-Type": decision.media_type, "X-Content-Type-Options": "nosniff"}
    return Response(decision.body, status_code=int(decision.status), headers=headers)


def _refusal(status: HTTPStatus, reason: str) -> Response:
    headers = {"Content-Type": TEXT_MEDIA_TYPE, "Connection": "close"}
    return Response(f"{reason}\n".encode(), status_code=int(status), headers=headers)
