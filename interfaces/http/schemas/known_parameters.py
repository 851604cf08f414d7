"""Refuses query parameters that a route does not have, and those that are sent more than once."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError

from interfaces.http.context import request_context_of
from interfaces.http.errors.listed_errors import TooManyErrors


def query_parameter_names(dependant: Dependant) -> frozenset[str]:
    """Return the names of all query parameters of a route, also those of its dependencies."""
    names = frozenset(field.alias for field in dependant.query_params)
    return names.union(*map(query_parameter_names, dependant.dependencies))


def require_known_parameters(request: Request, names: frozenset[str]) -> None:
    """Check that each query parameter is one of `names` and is sent once.

    Without this check a misspelled filter would be ignored, and of two values one would be lost.
    Raises: RequestValidationError with an entry for each other parameter; TooManyErrors for a
    query string of which only the beginning is read.
    """
    unread = request_context_of(request).unread_query
    if not request.scope["query_string"] and not unread:
        return
    sent = Counter(name for name, _ in request.query_params.multi_items())
    errors = list(_errors_of(sent, names))
    if unread:
        entry = {"loc": ["query"], "msg": unread.reason, "type": "query_too_long"}
        count = max(len(errors) + 1, unread.parameters - len(names))
        raise TooManyErrors([entry, *errors], count, is_exact=False)
    if errors:
        raise RequestValidationError(errors)


def _errors_of(sent: Counter[str], names: frozenset[str]) -> Iterator[dict[str, Any]]:
    for name, count in sent.items():
        if name not in names:
            yield unknown_parameter_error(name, names)
        elif count > 1:
            text = f"is sent {count} times; send it once, with a comma between several values"
            yield _error(name, text, "repeated_parameter")


def unknown_parameter_error(name: str, names: Iterable[str]) -> dict[str, Any]:
    """Return the entry of a parameter that is not one of `names`, those of the route."""
    known = ", ".join(sorted(names))
    advice = f"this route has {known}" if known else "this route has no query parameters"
    return _error(name, f"is not a parameter here; {advice}", "extra_forbidden")


def _error(name: str, message: str, type_: str) -> dict[str, Any]:
    return {"loc": ["query", name], "msg": message, "type": type_}
