"""The header `Idempotency-Key`: a repeated request gets the response of the first one."""

import re
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

import orjson
import structlog
from fastapi import Request, Response

from application.event_metadata import current_metadata
from infrastructure.idempotency_keys import (
    Claim,
    KeyedRequest,
    KeyInUse,
    KeyReused,
    StoredResponse,
)
from infrastructure.postgres.errors import DatabaseFailure
from interfaces.http.context import app_state_of, request_context_of
from interfaces.http.errors.exception_handlers import problem_of
from interfaces.http.errors.problem import PROBLEM_MEDIA_TYPE, Problem, problem_response
from interfaces.http.schemas.request_bodies import read_body
from interfaces.service_protocols import IdempotencyKeyStore

logger = structlog.get_logger(__name__)

RouteHandler = Callable[[Request], Coroutine[Any, Any, Response]]

IDEMPOTENCY_KEY_HEADER = "Idempotency-Key"
KEY_PATTERN = re.compile(r"[!-~]{1,255}")
KEY_RULE = "must be sent once, with 1 to 255 visible ASCII characters and no spaces"
IDEMPOTENCY_KEY_PARAMETER = {
    "name": IDEMPOTENCY_KEY_HEADER,
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    "description": (
        "A unique key that you create for each new request. A request that is repeated with the "
        "same key and body within 24 hours is not executed again: it gets the first response, with "
        "`Idempotency-Replayed: true`. With another body, the response is 422 "
        "`idempotency-key-reused`. While the first request is in progress, the response is 409 "
        "`idempotency-key-in-use` with `Retry-After`. "
        "After a response with status 429 or 5xx the key can be used again."
    ),
}


async def handle_once(request: Request, handle: RouteHandler) -> Response:
    """Handle a request, or return the stored response if it repeats one with the same key."""
    keys = request.headers.getlist(IDEMPOTENCY_KEY_HEADER)
    if not keys:
        return await handle(request)
    principal = request_context_of(request).require_principal()
    idempotency_keys = app_state_of(request).service.idempotency_keys
    keyed_request = KeyedRequest(
        principal.id, request.scope["path"], _parse_key(keys), await _request_content(request)
    )
    claimed = await _claim(idempotency_keys, keyed_request)
    if isinstance(claimed, StoredResponse):
        return _replay(claimed)
    return await _handle_first(request, handle, idempotency_keys, claimed)


def _parse_key(keys: list[str]) -> str:
    if len(keys) > 1 or not KEY_PATTERN.fullmatch(keys[0]):
        error = {
            "loc": ["header", IDEMPOTENCY_KEY_HEADER.lower()],
            "msg": KEY_RULE,
            "type": "idempotency_key",
        }
        raise Problem("invalid-request", errors=[error])
    return keys[0]


async def _request_content(request: Request) -> bytes:
    """Return what distinguishes two requests to the same path: query string and body."""
    return bytes(request.scope["query_string"]) + b"\0" + await read_body(request)


async def _claim(
    idempotency_keys: IdempotencyKeyStore, keyed_request: KeyedRequest
) -> Claim | StoredResponse:
    try:
        return await idempotency_keys.claim(keyed_request)
    except KeyReused:
        raise Problem("idempotency-key-reused") from None
    except KeyInUse:
        raise Problem("idempotency-key-in-use", headers={"Retry-After": "1"}) from None


def _replay(stored: StoredResponse) -> Response:
    current_metadata().position = stored.position
    headers, body = {**stored.headers, "Idempotency-Replayed": "true"}, stored.body
    if headers.get("content-type") == PROBLEM_MEDIA_TYPE:
        body = orjson.dumps(orjson.loads(body) | {"request_id": current_metadata().correlation_id})
    return Response(body, stored.status, headers)


async def _handle_first(
    request: Request, handle: RouteHandler, idempotency_keys: IdempotencyKeyStore, claim: Claim
) -> Response:
    stored: StoredResponse | None = None
    try:
        response = await _respond(request, handle)
        stored = _response_to_store(response)
    finally:
        await _finish_claim(idempotency_keys, claim, stored)
    return response


async def _respond(request: Request, handle: RouteHandler) -> Response:
    """Return the response, also if it is a problem; an unexpected exception is raised."""
    try:
        return await handle(request)
    except Exception as error:
        problem = problem_of(request, error)
        if problem is None:
            raise
        return problem_response(problem, request.scope)


def _response_to_store(response: Response) -> StoredResponse | None:
    status = response.status_code
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return None
    headers = dict(response.headers)
    headers.pop("content-length", None)
    return StoredResponse(status, headers, bytes(response.body), current_metadata().position)


async def _finish_claim(
    idempotency_keys: IdempotencyKeyStore, claim: Claim, stored: StoredResponse | None
) -> None:
    try:
        await (idempotency_keys.store(claim, stored) if stored else idempotency_keys.release(claim))
    except DatabaseFailure as error:
        # The command has been executed, so the client gets its response; the claim expires.
        logger.warning("idempotency_claim_not_released", reason=str(error))
