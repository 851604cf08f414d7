"""CORS: what a page of another web origin may send and read; refusals are problems."""

from collections.abc import Iterable
from http import HTTPStatus

from fastapi import Response
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.types import Receive, Scope, Send

from interfaces.http.errors.problem import Problem, problem_response
from interfaces.http.errors.problem_types import PROBLEM_TYPES

ALLOWED_METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE"]
EXPOSED_HEADERS = [
    "Allow",
    "Consistency-Token",
    "Content-Disposition",
    "ETag",
    "Idempotency-Replayed",
    "Location",
    "RateLimit",
    "RateLimit-Limit",
    "RateLimit-Policy",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "Retry-After",
    "WWW-Authenticate",
    "X-Request-ID",
]
"""Response headers that a page may read, in addition to those that browsers always permit."""
ACCEPTED_HEADERS = [
    "Authorization",
    "Cache-Control",
    "Consistency-Token",
    "Content-Type",
    "Idempotency-Key",
    "If-None-Match",
    "Last-Event-ID",
    "Prefer",
    "Purpose",
    "traceparent",
    "tracestate",
    "X-Request-ID",
    "X-Requested-With",
]
"""Request headers that a page may send: those of the API, and those that libraries add."""


LOOPBACK_ORIGIN = r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?"
"""The origins of pages on the same machine, such as a frontend under development."""


def cors_middleware(origins: Iterable[str], *, accepts_loopback: bool = False) -> Middleware:
    """Return the middleware for pages of these origins, the values of `CORS_ORIGINS`.

    `accepts_loopback`: also for pages that this machine serves, at any port.
    """
    return Middleware(
        ProblemCorsMiddleware,
        allow_origins=list(origins),
        allow_origin_regex=LOOPBACK_ORIGIN if accepts_loopback else None,
        allow_methods=ALLOWED_METHODS,
        allow_headers=ACCEPTED_HEADERS,
        expose_headers=EXPOSED_HEADERS,
    )


class ProblemCorsMiddleware(CORSMiddleware):
    """Starlette's middleware, with the problem `cross-origin-refused` instead of plain text."""

    def preflight_response(self, request_headers: Headers) -> Response:
        """Return the response to a preflight request."""
        response = super().preflight_response(request_headers)
        return response if response.status_code == HTTPStatus.OK else _PreflightProblem(response)


class _PreflightProblem(Response):
    """A refused preflight request. The problem is made when the ASGI scope is known."""

    def __init__(self, plain_response: Response) -> None:
        super().__init__(status_code=plain_response.status_code)
        self._plain_response = plain_response

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {
            name: value
            for name, value in self._plain_response.headers.items()
            if name not in {"content-length", "content-type"}
        }
        reason = bytes(self._plain_response.body).decode()
        advice = PROBLEM_TYPES["cross-origin-refused"].advice
        problem = Problem("cross-origin-refused", f"{reason}. {advice}", headers=headers)
        await problem_response(problem, scope)(scope, receive, send)
