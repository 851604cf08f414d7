"""How we say no over HTTP: RFC 9457 problems, each of a kind that is documented."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson
from fastapi import Response
from starlette.types import Scope

from application.event_metadata import current_metadata
from infrastructure.observability.logging import redact_value

PROBLEM_MEDIA_TYPE = "application/problem+json"


class ProblemType(NamedTuple):
    """What all problems of one slug share, and what a client can do about them."""

    status: int
    title: str
    advice: str


PROBLEM_TYPES = {
    "bad-consistency-token": ProblemType(
        422, "Not a consistency token", "Send back a `Consistency-Token` as it was answered."
    ),
    "bad-cursor": ProblemType(
        422, "Not a cursor of this list", "Send back `next_cursor` as it was, to the same list."
    ),
    "bad-request": ProblemType(400, "Unreadable request", "Mend the request."),
    "body-too-large": ProblemType(413, "Body too large", "Keep bodies within 64 KiB."),
    "canvas-timeout": ProblemType(504, "Canvas took too long", "Try again later."),
    "canvas-token-rejected": ProblemType(
        422,
        "Canvas refuses the token",
        "Create a new access token in Canvas under Account > Settings and use that.",
    ),
    "canvas-unreachable": ProblemType(
        502, "Canvas could not be read", "Check the address; try again when Canvas is well."
    ),
    "canvas-url-not-allowed": ProblemType(
        422,
        "No address we send a token to",
        "Use the https address of your Canvas; the operator allows hosts in CANVAS_ALLOWED_HOSTS.",
    ),
    "canvas-user-mismatch": ProblemType(
        422,
        "A token of somebody else",
        "Use a token of the Canvas user you connected, or set up another connection.",
    ),
    "conflict": ProblemType(409, "Overtaken", "Read again, then repeat the request."),
    "connection-exists": ProblemType(
        409, "Already connected", "Use the connection named in `connection_id`, or delete it first."
    ),
    "connection-not-active": ProblemType(
        409, "Connection not active", "Put a new token, or set up a new connection."
    ),
    "cross-origin-refused": ProblemType(
        400, "Not from this page", "Ask the operator to allow your origin in CORS_ORIGINS."
    ),
    "database-busy": ProblemType(503, "Database busy", "Repeat after `Retry-After` seconds."),
    "database-unavailable": ProblemType(
        503, "Database unavailable", "Repeat after `Retry-After` seconds."
    ),
    "forbidden": ProblemType(403, "Not your role", "Ask an administrator for the role you need."),
    "head-too-large": ProblemType(
        431, "Headers too large", "Keep the address and all headers within 32 KiB."
    ),
    "idempotency-key-in-use": ProblemType(
        409,
        "Still being worked on",
        "Repeat after `Retry-After` seconds: the answer will be there.",
    ),
    "idempotency-key-reused": ProblemType(
        422, "A key used before", "Draw a new `Idempotency-Key` for a request that is another."
    ),
    "identity-unavailable": ProblemType(
        503, "Identities cannot be checked", "Repeat after `Retry-After` seconds."
    ),
    "internal-error": ProblemType(
        500, "Our fault", "Report `request_id`; the log has the rest under the same id."
    ),
    "invalid-request": ProblemType(422, "Invalid request", "Mend what `errors` names."),
    "method-not-allowed": ProblemType(
        405, "Method not allowed", "Use a method that `Allow` names."
    ),
    "no-sync-running": ProblemType(409, "Nothing to cancel", "No sync is queued or running."),
    "not-found": ProblemType(404, "Not found", "It does not exist, or it is not yours."),
    "not-ready": ProblemType(503, "Not ready", "See `components`; repeat later."),
    "overloaded": ProblemType(503, "Too much to do", "Repeat after `Retry-After` seconds."),
    "person-erased": ProblemType(410, "Erased", "The data is gone for good; there is no way back."),
    "projection-behind": ProblemType(
        503,
        "Not there yet",
        "Repeat after `Retry-After` seconds, or without `Consistency-Token`.",
    ),
    "rate-limited": ProblemType(
        429,
        "Too many requests",
        "Repeat after `Retry-After` seconds; `RateLimit` tells what is left.",
    ),
    "rebuild-running": ProblemType(409, "Already rebuilding", "Wait for the running rebuild."),
    "request-timeout": ProblemType(408, "Too slow", "Send the whole request within 10 seconds."),
    "sync-already-running": ProblemType(
        409, "Already synchronising", "Wait for the sync named in `sync_id`, or cancel it."
    ),
    "unauthorized": ProblemType(
        401, "Who are you?", "Send `Authorization: Bearer` and a fresh token."
    ),
}


class Problem(Exception):
    """The answer is a problem of this kind."""

    def __init__(
        self,
        slug: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(detail)
        self.slug = slug
        self.detail = detail
        self.headers = headers or {}
        self.members = members


def problem_response(problem: Problem, scope: Scope) -> Response:
    """The problem as `application/problem+json`."""
    problem_type = PROBLEM_TYPES[problem.slug]
    document = {
        "type": f"/problems/{problem.slug}",
        "title": problem_type.title,
        "status": problem_type.status,
        "detail": problem.detail,
        "instance": redact_value("instance", scope["path"]),
        "request_id": current_metadata().correlation_id,
        **problem.members,
    }
    return Response(
        orjson.dumps(document, default=str),
        problem_type.status,
        {"Cache-Control": "no-store", **problem.headers},
        media_type=PROBLEM_MEDIA_TYPE,
    )
