"""Routes that need an authenticated user, some of them with a role."""

from collections.abc import Iterable
from typing import Annotated, Any, ClassVar

from fastapi import Depends, Request, Response, Security
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from starlette.types import Receive, Scope, Send

from application.event_metadata import current_metadata
from interfaces.http.auth.direct_calls import direct_call, resolved_by
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

_BEARER = HTTPBearer(auto_error=False, scheme_name="supabase", bearerFormat="JWT")
BEARER_SCHEME = Security(_BEARER)
"""Only documents the scheme in OpenAPI; the authentication middleware verifies the token."""


class AuthenticatedRoute(APIRoute):
    """A route for authenticated users; POST also accepts an `Idempotency-Key`.

    Query parameters that the route does not have are refused. Public routes ignore them: monitoring
    and caches add some.
    """

    required_roles: ClassVar[tuple[str, ...]] = ()
    """Roles of which the user must have at least one; empty if every user may use the route."""

    def __init__(self, path: str, endpoint: Any, **options: Any) -> None:
        self._is_idempotent = "POST" in (options.get("methods") or ())
        policies = (
            POLICY_BY_ROUTE.get(f"{method} {path}") for method in options.get("methods") or ()
        )
        self._rate_limit = next(filter(None, policies), None)
        extra = _openapi_extra(self.required_roles, is_idempotent=self._is_idempotent)
        options["openapi_extra"] = extra | (options.get("openapi_extra") or {})
        super().__init__(path, endpoint, **options)
        if self.direct_call:
            self.app = self._respond

    def get_route_handler(self) -> RouteHandler:
        """Check user, rate limit, role and names of parameters, in this order, first."""
        names = query_parameter_names(self.dependant)
        self.direct_call = direct_call(self.dependant) if self.methods == {"GET"} else None
        """How the endpoint is called; None if FastAPI calls it."""
        handle = self.direct_call or super().get_route_handler()

        async def authorise_and_handle(request: Request) -> Response:
            context = request_context_of(request)
            principal = context.require_principal()
            current_metadata().actor = str(principal.id)
            if self._rate_limit:
                await context.rate_budget.spend(self._rate_limit, str(principal.id))
            if self.required_roles and not principal.roles.intersection(self.required_roles):
                raise Problem("forbidden", missing_role_detail(self.required_roles))
            require_known_parameters(request, names)
            return await (handle_once(request, handle) if self._is_idempotent else handle(request))

        self._handle = authorise_and_handle
        return authorise_and_handle

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond without FastAPI; an exception reaches the handlers of the application."""
        response = await self._handle(Request(scope, receive, send))
        await response(scope, receive, send)


def protected_route(*roles: str) -> type[AuthenticatedRoute]:
    """Return a route class that requires an authenticated user before it reads the body.

    With `roles` the user must have at least one of them.
    """

    class ProtectedRoute(AuthenticatedRoute):
        required_roles = roles

    return ProtectedRoute


def _openapi_extra(roles: Iterable[str], *, is_idempotent: bool) -> dict[str, Any]:
    extra: dict[str, Any] = {"parameters": [IDEMPOTENCY_KEY_PARAMETER]} if is_idempotent else {}
    return extra | ({"x-roles": list(roles)} if roles else {})


def missing_role_detail(roles: Iterable[str]) -> str:
    """Return the `detail` of the problem `forbidden` for a route that needs one of these roles."""
    advice = PROBLEM_TYPES["forbidden"].advice
    return f"This route needs the role {' or '.join(roles)}, which your account lacks. {advice}"


def _user_of(request: Request) -> Principal:
    return request_context_of(request).require_principal()


def _service_of(request: Request) -> Service:
    return app_state_of(request).service


@resolved_by(_user_of)
async def _current_user(request: Request) -> Principal:
    return _user_of(request)


@resolved_by(_service_of)
async def _get_service(request: Request) -> Service:
    return _service_of(request)


resolved_by(lambda _: None)(_BEARER)


CurrentUser = Annotated[Principal, Depends(_current_user)]
"""The authenticated user; only in a protected route."""

ServiceDep = Annotated[Service, Depends(_get_service)]
"""The commands and queries of the program."""
