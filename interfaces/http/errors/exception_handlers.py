"""Every exception that leaves a route becomes a problem here."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import Scope

from interfaces.http.errors.error_table import ERROR_TABLE, ErrorTranslator
from interfaces.http.errors.problem import Problem, problem_response

SLUG_BY_STATUS = {
    404: "not-found",
    405: "method-not-allowed",
    408: "request-timeout",
    413: "body-too-large",
}
DETAIL_BY_STATUS = {
    400: "The body cannot be read.",
    404: "There is nothing at this address.",
    405: "This address does not know that method.",
    408: "The rest of the body did not come in time.",
    413: "The body is larger than 64 KiB.",
}
PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,40}", re.ASCII)


def register_exception_handlers(app: FastAPI) -> None:
    """Let the application answer with problems only."""
    for error_type, translate in TRANSLATOR_BY_ERROR.items():
        app.add_exception_handler(error_type, _handler_of(translate))


def problem_of(request: Request, error: Exception) -> Problem | None:
    """The problem of an exception; None for one that nobody expected."""
    error_types = (
        error_type for error_type in type(error).__mro__ if error_type in TRANSLATOR_BY_ERROR
    )
    error_type = next(error_types, None)
    return TRANSLATOR_BY_ERROR[error_type](request, error) if error_type else None


def _handler_of(translate: ErrorTranslator) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def handle(request: Request, error: Exception) -> Response:
        return problem_response(translate(request, error), request.scope)

    return handle


def _from_problem(_: Request, problem: Problem) -> Problem:
    return problem


def _from_http_exception(request: Request, error: HTTPException) -> Problem:
    slug = SLUG_BY_STATUS.get(error.status_code, "bad-request")
    headers = {}
    if slug == "method-not-allowed":
        headers = {"Allow": ", ".join(_allowed_methods(request.scope))}
    elif slug == "request-timeout":
        headers = {"Connection": "close"}
    return Problem(
        slug, DETAIL_BY_STATUS.get(error.status_code, str(error.detail)), headers=headers
    )


def _allowed_methods(scope: Scope) -> list[str]:
    """Every method the address knows: the framework names those of one route only."""
    matching = (route for route in scope["app"].routes if route.matches(scope)[0] is not Match.NONE)
    methods = {method for route in matching for method in getattr(route, "methods", None) or ()}
    return sorted(methods | {"HEAD"} if "GET" in methods else methods)


def _from_validation(_: Request, error: RequestValidationError) -> Problem:
    """Name what is wrong and where; what was sent is never sent back, it may be a secret."""
    errors = [_error_entry(entry) for entry in error.errors()]
    return Problem("invalid-request", "The request is not as it must be.", errors=errors)


def _error_entry(entry: dict[str, Any]) -> dict[str, Any]:
    return {
        "loc": [_plain_name(part) for part in entry["loc"]],
        "msg": entry["msg"].removeprefix("Value error, "),
        "type": entry["type"],
    }


def _plain_name(part: str | int) -> str | int:
    return part if isinstance(part, int) or PLAIN_NAME.fullmatch(part) else "?"


TRANSLATOR_BY_ERROR: dict[type[Exception], ErrorTranslator] = {
    Problem: _from_problem,
    HTTPException: _from_http_exception,
    RequestValidationError: _from_validation,
    **ERROR_TABLE,
}
