"""Every exception that leaves a route becomes a problem here."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import Scope

from interfaces.http.errors.error_table import TABLE, Translate
from interfaces.http.errors.problem import Problem, answer

OF_STATUS = {
    404: "not-found",
    405: "method-not-allowed",
    408: "request-timeout",
    413: "body-too-large",
}
DETAILS = {
    400: "The body cannot be read.",
    404: "There is nothing at this address.",
    405: "This address does not know that method.",
    408: "The rest of the body did not come in time.",
    413: "The body is larger than 64 KiB.",
}
PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,40}", re.ASCII)


def translate_everything(app: FastAPI) -> None:
    """Let the application answer with problems only."""
    for kind, translate in EVERYTHING.items():
        app.add_exception_handler(kind, _answering(translate))


def problem_of(request: Request, error: Exception) -> Problem | None:
    """The problem of an exception; None for one that nobody expected."""
    kinds = (kind for kind in type(error).__mro__ if kind in EVERYTHING)
    kind = next(kinds, None)
    return EVERYTHING[kind](request, error) if kind else None


def _answering(translate: Translate) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def handle(request: Request, error: Exception) -> Response:
        return answer(translate(request, error), request.scope)

    return handle


def _from_problem(_: Request, problem: Problem) -> Problem:
    return problem


def _from_http_exception(request: Request, error: HTTPException) -> Problem:
    slug = OF_STATUS.get(error.status_code, "bad-request")
    headers = {}
    if slug == "method-not-allowed":
        headers = {"Allow": ", ".join(_allowed(request.scope))}
    elif slug == "request-timeout":
        headers = {"Connection": "close"}
    return Problem(slug, DETAILS.get(error.status_code, str(error.detail)), headers=headers)


def _allowed(scope: Scope) -> list[str]:
    """Every method the address knows: the framework names those of one route only."""
    matching = (route for route in scope["app"].routes if route.matches(scope)[0] is not Match.NONE)
    methods = {method for route in matching for method in getattr(route, "methods", None) or ()}
    return sorted(methods | {"HEAD"} if "GET" in methods else methods)


def _from_validation(_: Request, error: RequestValidationError) -> Problem:
    """Name what is wrong and where; what was sent is never sent back, it may be a secret."""
    errors = [_fault(found) for found in error.errors()]
    return Problem("invalid-request", "The request is not as it must be.", errors=errors)


def _fault(found: dict[str, Any]) -> dict[str, Any]:
    return {
        "loc": [_named(part) for part in found["loc"]],
        "msg": found["msg"].removeprefix("Value error, "),
        "type": found["type"],
    }


def _named(part: str | int) -> str | int:
    return part if isinstance(part, int) or PLAIN_NAME.fullmatch(part) else "?"


EVERYTHING: dict[type[Exception], Translate] = {
    Problem: _from_problem,
    HTTPException: _from_http_exception,
    RequestValidationError: _from_validation,
    **TABLE,
}
