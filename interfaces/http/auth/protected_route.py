"""Nobody passes without an identity, and some doors ask for a role."""

from typing import Annotated, Any

from fastapi import Depends, Request, Response, Security
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer

from application.event_metadata import current_metadata
from interfaces.http.auth.principal import Principal
from interfaces.http.errors.problem import Problem
from interfaces.http.idempotency import IDEMPOTENCY_KEY_PARAMETER, RouteHandler, handle_once
from interfaces.http.middleware.rate_limits import POLICY_BY_ROUTE
from interfaces.service import Service

BEARER_SCHEME = Security(HTTPBearer(auto_error=False, scheme_name="supabase", bearerFormat="JWT"))
"""Only documents the scheme: the route class below checks the token."""


def protected_route(*roles: str) -> type[APIRoute]:
    """A route that first asks who is there, before it reads a byte of the body.

    Without `roles` any person may pass, otherwise one who has at least one of them.
    """

    class ProtectedRoute(APIRoute):
        """A route behind a door; one for POST does the same thing once."""

        def __init__(self, path: str, endpoint: Any, **options: Any) -> None:
            self._is_idempotent = "POST" in (options.get("methods") or ())
            policies = (
                POLICY_BY_ROUTE.get(f"{method} {path}") for method in options.get("methods") or ()
            )
            self._rate_limit = next(filter(None, policies), None)
            extra: dict[str, Any] = (
                {"parameters": [IDEMPOTENCY_KEY_PARAMETER]} if self._is_idempotent else {}
            )
            extra |= {"x-roles": list(roles)} if roles else {}
            options["openapi_extra"] = extra | (options.get("openapi_extra") or {})
            super().__init__(path, endpoint, **options)

        def get_route_handler(self) -> RouteHandler:
            """Put the door before the route."""
            handle = super().get_route_handler()

            async def authenticate_and_handle(request: Request) -> Response:
                principal = _authenticate(request)
                if self._rate_limit:
                    await request.state.rate_budget.spend(self._rate_limit, str(principal.id))
                if roles and not principal.roles.intersection(roles):
                    raise Problem("forbidden", f"This needs the role {' or '.join(roles)}.")
                return await (
                    handle_once(request, handle) if self._is_idempotent else handle(request)
                )

            return authenticate_and_handle

    return ProtectedRoute


def _authenticate(request: Request) -> Principal:
    result = request.state.auth_result
    if result is None:
        raise Problem(
            "unauthorized", "This needs a bearer token.", headers={"WWW-Authenticate": "Bearer"}
        )
    if not isinstance(result, Principal):
        raise result
    current_metadata().actor = str(result.id)
    request.state.principal = result
    return result


async def _current_user(request: Request) -> Principal:
    principal: Principal = request.state.principal
    return principal


async def _get_service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


CurrentUser = Annotated[Principal, Depends(_current_user)]
"""Who asks."""

ServiceDep = Annotated[Service, Depends(_get_service)]
"""What can be asked."""
