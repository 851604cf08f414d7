"""The header `Idempotency-Key`: a repeated request gets the response of the first one.

If that response was lost with its process, it is built again from the events of the command.
"""

import re
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, NamedTuple

import orjson
import structlog
from fastapi import Request, Response

from application.event_metadata import current_metadata
from domain.errors import PersonIsErased
from domain.events import ConnectionValidated, SyncRequested, TokenRejected, TokenRotated
from infrastructure.crypto.keyed_requests import KeyedRequest
from infrastructure.event_store.command_events import CommandEvents
from infrastructure.idempotency_keys import (
    MAX_KEYS_PER_PERSON,
    Claim,
    EarlierClaim,
    KeyInUse,
    KeyReused,
    StoredResponse,
    TooManyKeys,
)
from infrastructure.postgres.errors import DATABASE_ERRORS
from interfaces.http.context import app_state_of, request_context_of
from interfaces.http.errors.exception_handlers import problem_of
from interfaces.http.errors.problem import PROBLEM_MEDIA_TYPE, Problem, problem_response
from interfaces.http.errors.problem_types import PROBLEM_TYPES
from interfaces.http.schemas.request_bodies import read_body
from interfaces.service import Service

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
        "`idempotency-key-in-use` with `Retry-After`. A request that was refused before any work "
        "began, or can succeed later (409 in progress, 429, 5xx), is executed again."
    ),
}
COMPLETING_EVENTS = (SyncRequested, ConnectionValidated, TokenRotated, TokenRejected)
"""Events that end the work of a command; its response can be built from them.

An address of a calendar cannot: only its digest is stored, so a new one must be made.
"""
UNCERTAIN_SLUGS = frozenset({"database-unavailable", "connection-busy"})
"""Problems after which the process cannot tell whether the command has appended its events."""
REPLAYED_HEADER = "Idempotency-Replayed"


class Answer(NamedTuple):
    """The response to a request; `slug` names its problem, None without one."""

    response: Response
    slug: str | None = None

    @property
    def is_outcome(self) -> bool:
        """Whether the response is about the work itself, and is kept."""
        return self.slug is None or PROBLEM_TYPES[self.slug].is_outcome

    @property
    def is_refusal(self) -> bool:
        """Whether the command was refused because of what the log has."""
        is_conflict = self.response.status_code == HTTPStatus.CONFLICT
        return self.slug is not None and (self.is_outcome or is_conflict)


@dataclass(frozen=True, slots=True)
class Execution:
    """One attempt to execute the command of a request that has a key."""

    request: Request
    handle: RouteHandler
    service: Service
    keyed_request: KeyedRequest

    async def recorded(self, since: datetime) -> CommandEvents | None:
        """Return the events of the command if they are enough to build its response."""
        keyed_request = self.keyed_request
        found = await self.service.command_events(
            keyed_request.person_id, keyed_request.command_id, since
        )
        is_complete = any(isinstance(event, COMPLETING_EVENTS) for event in found.events)
        return found if is_complete else None

    async def answer(self) -> Answer:
        """Execute the command; also a problem is an answer, an unexpected exception is raised."""
        try:
            return Answer(await self.handle(self.request))
        except Exception as error:
            problem = problem_of(self.request, error)
            if problem is None:
                raise
            return Answer(problem_response(problem, self.request.scope), problem.slug)

    async def answer_again(self, recorded: CommandEvents) -> Answer:
        """Build the response of a command that has appended its events already."""
        metadata = current_metadata()
        metadata.recorded, metadata.appended = recorded.events, recorded.place
        answer = await self.answer()
        answer.response.headers[REPLAYED_HEADER] = "true"
        return answer

    async def answer_claimed(self, claim: Claim) -> Answer:
        """Execute the command; it may turn out that an earlier attempt has done the work.

        Such an attempt ended late: its process was taken for dead, or its append was on the way.
        What it did is then the reason of the refusal.
        """
        answer = await self.answer()
        if answer.is_refusal and (recorded := await self.recorded(claim.since)):
            return await self.answer_again(recorded)
        return answer


async def handle_once(request: Request, handle: RouteHandler) -> Response:
    """Handle a request, or return the stored response if it repeats one with the same key."""
    keys = request.headers.getlist(IDEMPOTENCY_KEY_HEADER)
    if not keys:
        return await handle(request)
    principal = request_context_of(request).require_principal()
    keyed_request = KeyedRequest(
        principal.id, request.scope["path"], _parse_key(keys), await _request_content(request)
    )
    service = app_state_of(request).service
    execution = Execution(request, handle, service, keyed_request)
    current_metadata().command_id = keyed_request.command_id
    try:
        claimed = await service.idempotency_keys.claim(keyed_request)
        if isinstance(claimed, StoredResponse):
            return _replay(claimed)
        if isinstance(claimed, EarlierClaim):
            return await _continue(execution, claimed)
    except PersonIsErased:
        return await handle(request)  # nothing of an erased person is kept
    except TooManyKeys as error:
        raise _quota_problem(error) from None
    except KeyReused:
        raise Problem("idempotency-key-reused") from None
    except KeyInUse:
        raise Problem("idempotency-key-in-use", headers={"Retry-After": "1"}) from None
    return await _execute(execution, claimed)


def _quota_problem(error: TooManyKeys) -> Problem:
    return Problem(
        "rate-limited",
        f"You have used {MAX_KEYS_PER_PERSON} idempotency keys within 24 hours. Retry after"
        f" {error.seconds} seconds, or send the request without `Idempotency-Key`.",
        headers={"Retry-After": str(error.seconds)},
    )


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


def _replay(stored: StoredResponse) -> Response:
    current_metadata().appended = stored.appended
    headers, body = {**stored.headers, REPLAYED_HEADER: "true"}, stored.body
    if headers.get("content-type") == PROBLEM_MEDIA_TYPE:
        body = orjson.dumps(orjson.loads(body) | {"request_id": current_metadata().correlation_id})
    return Response(body, stored.status, headers)


async def _continue(execution: Execution, earlier: EarlierClaim) -> Response:
    """Answer a request whose first attempt has left no response: from the log, if it has it.

    Raises: KeyInUse if the log does not have it, and the first attempt may still be under way.
    """
    keys = execution.service.idempotency_keys
    recorded = await execution.recorded(earlier.claim.since)
    if recorded is None:
        return await _execute(execution, await keys.take_over(earlier))
    answer = await execution.answer_again(recorded)
    if answer.is_outcome:
        # If the first attempt is still under way, it stores its own response.
        with suppress(KeyInUse, *DATABASE_ERRORS):
            await _finish(execution, await keys.take_over(earlier), answer)
    return answer.response


async def _execute(execution: Execution, claim: Claim) -> Response:
    answer: Answer | None = None
    try:
        answer = await execution.answer_claimed(claim)
    finally:
        await _finish(execution, claim, answer)
    return answer.response


async def _finish(execution: Execution, claim: Claim, answer: Answer | None) -> None:
    """Store the response of a claim if it is an outcome, else give the claim back.

    A claim whose command may have appended events is left to a request with the same content.
    """
    keys = execution.service.idempotency_keys
    try:
        if answer and answer.is_outcome:
            await keys.store(claim, _response_to_store(answer.response))
        elif answer is None or answer.slug in UNCERTAIN_SLUGS or current_metadata().appended:
            await keys.abandon(claim)
        else:
            await keys.release(claim)
    except DATABASE_ERRORS as error:
        # The command has been executed, so the client gets its response.
        logger.warning("idempotency_claim_not_released", reason=str(error))


def _response_to_store(response: Response) -> StoredResponse:
    headers = {
        name: value
        for name, value in response.headers.items()
        if name not in {"content-length", REPLAYED_HEADER.lower()}
    }
    body, appended = bytes(response.body), current_metadata().appended
    return StoredResponse(response.status_code, headers, body, appended)
