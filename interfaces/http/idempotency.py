"""Idempotency-Key: the same request, sent again, gets the answer it got."""

import re
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

import orjson
import structlog
from fastapi import Request, Response

from application.event_metadata import now_acting
from infrastructure.event_store.errors import DatabaseBusy, DatabaseUnavailable
from infrastructure.idempotency_keys import Answer, Answers, Asked, Claim, KeyInUse, KeyReused
from interfaces.http.errors.exception_handlers import problem_of
from interfaces.http.errors.problem import MEDIA_TYPE, Problem, answer
from interfaces.http.schemas.request_bodies import received

LOG = structlog.get_logger(__name__)

Handle = Callable[[Request], Coroutine[Any, Any, Response]]

HEADER = "Idempotency-Key"
KEY = re.compile(r"[!-~]{1,255}")
WORDING = "must be one key of 1 to 255 visible ASCII characters without a space"
PARAMETER = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    "description": (
        "A key of your own, drawn anew for each thing you want done. Sent again with the same body "
        "within 24 h it does nothing twice: the first answer comes back, with "
        "`Idempotency-Replayed: true`. With another body it is 422 `idempotency-key-reused`; while "
        "the first request is being worked on, 409 `idempotency-key-in-use` with `Retry-After`. "
        "After 429 and 5xx the key is free again."
    ),
}


async def once(request: Request, handle: Handle) -> Response:
    """Let a route answer, or answer as it did before if the request carries a key."""
    keys = request.headers.getlist(HEADER)
    if not keys:
        return await handle(request)
    person, answers = request.state.person, request.app.state.service.answers
    asked = Asked(person.id, request.scope["path"], _key(keys), await _content(request))
    found = await _look(answers, asked)
    if isinstance(found, Answer):
        return _replayed(found)
    return await _first(request, handle, answers, found)


def _key(keys: list[str]) -> str:
    if len(keys) > 1 or not KEY.fullmatch(keys[0]):
        fault = {"loc": ["header", HEADER.lower()], "msg": WORDING, "type": "idempotency_key"}
        raise Problem("invalid-request", "The request is not as it must be.", errors=[fault])
    return keys[0]


async def _content(request: Request) -> bytes:
    """Everything a route can be told beside its path."""
    return bytes(request.scope["query_string"]) + b"\0" + await received(request)


async def _look(answers: Answers, asked: Asked) -> Claim | Answer:
    try:
        return await answers.claim(asked)
    except KeyReused:
        raise Problem(
            "idempotency-key-reused", "This key came with another body within the last 24 h."
        ) from None
    except KeyInUse:
        raise Problem(
            "idempotency-key-in-use",
            "The same request is being worked on.",
            headers={"Retry-After": "1"},
        ) from None


def _replayed(given: Answer) -> Response:
    now_acting().position = given.position
    headers, body = {**given.headers, "Idempotency-Replayed": "true"}, given.body
    if headers.get("content-type") == MEDIA_TYPE:
        body = orjson.dumps(orjson.loads(body) | {"request_id": now_acting().correlation_id})
    return Response(body, given.status, headers)


async def _first(request: Request, handle: Handle, answers: Answers, claim: Claim) -> Response:
    given: Answer | None = None
    try:
        response = await _answered(request, handle)
        given = _lasting(response)
    finally:
        await _settle(answers, claim, given)
    return response


async def _answered(request: Request, handle: Handle) -> Response:
    """The answer, also where it is a refusal; what nobody expected goes on its way."""
    try:
        return await handle(request)
    except Exception as error:
        problem = problem_of(request, error)
        if problem is None:
            raise
        return answer(problem, request.scope)


def _lasting(response: Response) -> Answer | None:
    status = response.status_code
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return None
    headers = dict(response.headers)
    headers.pop("content-length", None)
    return Answer(status, headers, bytes(response.body), now_acting().position)


async def _settle(answers: Answers, claim: Claim, given: Answer | None) -> None:
    try:
        await (answers.keep(claim, given) if given else answers.free(claim))
    except (DatabaseBusy, DatabaseUnavailable) as error:
        # What was done is done, and the client is told; the lease ends by itself.
        LOG.warning("idempotency_claim_left_to_its_lease", reason=str(error))
