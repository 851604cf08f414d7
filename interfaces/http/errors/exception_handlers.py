"""Turns every exception that leaves a route into a problem response."""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import Scope

from infrastructure.observability.visible_text import visible_text
from interfaces.http.errors.error_table import ERROR_TABLE, ErrorTranslator
from interfaces.http.errors.listed_errors import TooManyErrors, first_entries
from interfaces.http.errors.problem import Problem, problem_response
from interfaces.http.errors.problem_types import PROBLEM_TYPES

SLUG_BY_STATUS = {
    400: "bad-request",
    404: "not-found",
    405: "method-not-allowed",
    408: "request-timeout",
    413: "body-too-large",
}
"""The slug of each status that FastAPI, Starlette and our own code raise as an HTTPException."""
DETAIL_BY_STATUS = {
    400: "The request body cannot be read. Send complete JSON in UTF-8.",
    404: "This path does not exist. `GET /docs` lists all paths.",
}
PLAIN_NAME = re.compile(
    r"[A-Za-z_$][A-Za-z0-9_$-]{0,40}(?:\[[A-Za-z0-9_-]{0,20}\]){0,3}"
    r"|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    re.ASCII,
)
"""A name of a field, or a UUID, that may be returned; any other name is returned as `?`."""
MAX_MESSAGE_LENGTH = 400


def register_exception_handlers(app: FastAPI) -> None:
    """Register the handlers that answer every known exception with a problem."""
    for error_type, translate in TRANSLATOR_BY_ERROR.items():
        app.add_exception_handler(error_type, _handler_of(translate))


def problem_of(request: Request, error: Exception) -> Problem | None:
    """Return the problem of an exception, or None if the exception is not in the table."""
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
    if error.status_code not in SLUG_BY_STATUS:
        return Problem("bad-request", str(error.detail))
    slug = SLUG_BY_STATUS[error.status_code]
    headers = {}
    if slug == "method-not-allowed":
        headers = {"Allow": ", ".join(_allowed_methods(request.scope))}
    elif slug == "request-timeout":
        headers = {"Connection": "close"}
    return Problem(slug, DETAIL_BY_STATUS.get(error.status_code), headers=headers)


def _allowed_methods(scope: Scope) -> list[str]:
    """Return every method of the path; Starlette lists only those of its first route."""
    matching = (route for route in scope["app"].routes if route.matches(scope)[0] is not Match.NONE)
    methods = {method for route in matching for method in getattr(route, "methods", None) or ()}
    return sorted(methods | {"HEAD"} if "GET" in methods else methods)


def _from_validation(_: Request, error: RequestValidationError) -> Problem:
    """Return what is wrong and where, without any sent value: it may be a secret."""
    return _invalid_request(error.errors(), str(len(error.errors())))


def _from_too_many_errors(_: Request, error: TooManyErrors) -> Problem:
    return _invalid_request(error.entries, f"{'' if error.is_exact else 'at least '}{error.count}")


def _invalid_request(entries: Iterable[Mapping[str, Any]], count: str) -> Problem:
    listed = first_entries(map(_error_entry, entries))
    if count == str(len(listed)):
        return Problem("invalid-request", errors=listed)
    invalid = PROBLEM_TYPES["invalid-request"]
    detail = f"{invalid.cause} There are {count} errors. {invalid.advice}"
    return Problem("invalid-request", detail, errors=listed)


def _error_entry(entry: Mapping[str, Any]) -> dict[str, Any]:
    message = entry["msg"].removeprefix("Value error, ")
    return {
        "loc": [_plain_name(part) for part in entry["loc"]],
        "msg": visible_text(message[:MAX_MESSAGE_LENGTH]),
        "type": entry["type"],
    }


def _plain_name(part: str | int) -> str | int:
    return part if isinstance(part, int) or PLAIN_NAME.fullmatch(part) else "?"


TRANSLATOR_BY_ERROR: dict[type[Exception], ErrorTranslator] = {
    Problem: _from_problem,
    HTTPException: _from_http_exception,
    RequestValidationError: _from_validation,
    TooManyErrors: _from_too_many_errors,
    **ERROR_TABLE,
}
