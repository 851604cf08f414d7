"""Calls the function of a route that reads, without FastAPI's solver of dependencies.

The routes that people wait for have few kinds of dependencies: the user, the service, the reader.
Their values follow from the request alone, so they need no search, no cache and no exit stacks.
FastAPI still describes these routes, and serves every route that has other dependencies.
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError

from interfaces.http.schemas.parameter_reader import ParameterReader

D = TypeVar("D", bound=Callable[..., Any])

Resolve = Callable[[Request], Any]
_RESOLVERS: dict[Callable[..., Any], Resolve] = {}


def resolved_by(resolve: Resolve) -> Callable[[D], D]:
    """Return a decorator: the dependency has the value that `resolve` returns for a request."""

    def register(dependency: D) -> D:
        _RESOLVERS[dependency] = resolve
        return dependency

    return register


class DirectCall:
    """How the function of one route is called."""

    def __init__(self, dependant: Dependant, parameters: ParameterReader) -> None:
        self.parameters = parameters
        self._function: Callable[..., Awaitable[Response]] = dependant.call  # type: ignore[assignment]  # FastAPI has it as optional
        self._request_name = dependant.request_param_name
        self._resolvers = [
            (each.name, _RESOLVERS[each.call])
            for each in dependant.dependencies
            if each.name is not None and each.call is not None
        ]

    async def __call__(self, request: Request) -> Response:
        """Return the response to a request whose query parameters have known names.

        Raises: RequestValidationError with the errors of all parameters; whatever the dependencies
        and the function raise.
        """
        arguments = {name: resolve(request) for name, resolve in self._resolvers}
        query = request.query_params if request.scope["query_string"] else {}
        values, errors = self.parameters.read(request.path_params, query)
        if errors:
            raise RequestValidationError(errors)
        if self._request_name:
            arguments[self._request_name] = request
        return await self._function(**arguments, **values)


def direct_call(dependant: Dependant) -> DirectCall | None:
    """Return how to call the function of a route; None if only FastAPI can do that."""
    if any(each.call not in _RESOLVERS for each in dependant.dependencies):
        return None
    if dependant.background_tasks_param_name or dependant.response_param_name:
        return None
    parameters = ParameterReader.of(dependant)
    return DirectCall(dependant, parameters) if parameters else None
