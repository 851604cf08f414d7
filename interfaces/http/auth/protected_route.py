"""Routes that need an authenticated user, some of them with a role."""

from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import Depends, Request, Response, Security
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer

from application.event_metadata import current_metadata
from interfaces.http.auth.principal import Principal
from interfaces.http.context import app_state_of, request_context_of
from interfaces.http.errors.problem import Problem
from interfaces.http.errors.problem_types import PROBLEM_TYPES
from interfaces.http.idempotency import IDEMPOTENCY_KEY_PARAMETER, RouteHandler, handle_once
from interfaces.http.middleware.rate_limit_policies import POLICY_BY_ROUTE
from interfaces.http.schemas.known_parameters import (
    query_parameter_names,
    require_known_parameters,
)
from interfaces.service import Service

BEARER_SCHEME = Security(HTTPBearer(auto_error=False, scheme_name="supabase", bearerFormat="JWT"))
"""Only documents the scheme in OpenAPI; the authentication middleware verifies the token."""


def protected_route(*roles: str) -> type[APIRoute]:
    """Return a route class that requires an authenticated user before it reads the body.

    With `roles` the user must have at least one of them.
    """

    class ProtectedRoute(APIRoute):
        """A route for authenticated users; POST also accepts an `Idempotency-Key`.

        Query parameters that the route does not have are refused. Public routes ignore them:
        monitoring and caches add some.
        """

        def __init__(self, path: str, endpoint: Any, **options: Any) -> None:
            self._is_idempotent = "POST" in (options.get("methods") or ())
            policies = (
                POLICY_BY_ROUTE.get(f"{method} {path}") for method in options.get("methods") or ()
            )
            self._rate_limit = next(filter(None, policies), None)
            extra = _openapi_extra(roles, is_idempotent=self._is_idempotent)
            options["openapi_extra"] = extra | (options.get("openapi_extra") or {})
            super().__init__(path, endpoint, **options)

        def get_route_handler(self) -> RouteHandler:
            """Check user, rate limit, role and names of parameters, in this order, first."""
            handle = super().get_route_handler()
            names = query_parameter_names(self.dependant)

            async def authorise_and_handle(request: Request) -> Response:
                context = request_context_of(request)
                principal = context.require_principal()
                current_metadata().actor = str(principal.id)
                if self._rate_limit:
                    await context.rate_budget.spend(self._rate_limit, str(principal.id))
                if roles and not principal.roles.intersection(roles):
                    raise Problem("forbidden", missing_role_detail(roles))
                require_known_parameters(request, names)
                return await (
                    handle_once(request, handle) if self._is_idempotent else handle(request)
                )

            return authorise_and_handle

    return ProtectedRoute


def _openapi_extra(roles: Iterable[str], *, is_idempotent: bool) -> dict[str, Any]:
    extra: dict[str, Any] = {"parameters": [IDEMPOTENCY_KEY_PARAMETER]} if is_idempotent else {}
    return extra | ({"x-roles": list(roles)} if roles else {})


def missing_role_detail(roles: Iterable[str]) -> str:
    """Return the `detail` of the problem `forbidden` for a route that needs one of these roles."""
    advice = PROBLEM_TYPES["forbidden"].advice
    return f"This route needs the role {' or '.join(roles)}, which your account lacks. {advice}"


async def _current_user(request: Request) -> Principal:
    return request_context_of(request).require_principal()


async def _get_service(request: Request) -> Service:
    return app_state_of(request).service


CurrentUser = Annotated[Principal, Depends(_current_user)]
"""The authenticated user; only in a protected route."""

ServiceDep = Annotated[Service, Depends(_get_service)]
"""The commands and queries of the program."""
