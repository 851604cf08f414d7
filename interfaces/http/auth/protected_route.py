"""Nobody passes without an identity, and some doors ask for a role."""

from typing import Annotated, Any

from fastapi import Depends, Request, Response, Security
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer

from application.event_metadata import now_acting
from interfaces.http.auth.principal import Person
from interfaces.http.errors.problem import Problem
from interfaces.http.idempotency import PARAMETER, Handle, once
from interfaces.http.middleware.rate_limits import OF_ROUTE
from interfaces.service import Service

BEARER = Security(HTTPBearer(auto_error=False, scheme_name="supabase", bearerFormat="JWT"))
"""Only documents the scheme: the route class below checks the token."""


def guarded(*roles: str) -> type[APIRoute]:
    """A route that first asks who is there, before it reads a byte of the body.

    Without `roles` any person may pass, otherwise one who has at least one of them.
    """

    class Guarded(APIRoute):
        """A route behind a door; one for POST does the same thing once."""

        def __init__(self, path: str, endpoint: Any, **options: Any) -> None:
            self._once = "POST" in (options.get("methods") or ())
            named = (OF_ROUTE.get(f"{method} {path}") for method in options.get("methods") or ())
            self._limit = next(filter(None, named), None)
            told: dict[str, Any] = {"parameters": [PARAMETER]} if self._once else {}
            told |= {"x-roles": list(roles)} if roles else {}
            options["openapi_extra"] = told | (options.get("openapi_extra") or {})
            super().__init__(path, endpoint, **options)

        def get_route_handler(self) -> Handle:
            """Put the door before the route."""
            handle = super().get_route_handler()

            async def enter(request: Request) -> Response:
                person = _identify(request)
                if self._limit:
                    await request.state.spending.spend(self._limit, str(person.id))
                if roles and not person.roles.intersection(roles):
                    raise Problem("forbidden", f"This needs the role {' or '.join(roles)}.")
                return await (once(request, handle) if self._once else handle(request))

            return enter

    return Guarded


def _identify(request: Request) -> Person:
    caller = request.state.caller
    if caller is None:
        raise Problem(
            "unauthorized", "This needs a bearer token.", headers={"WWW-Authenticate": "Bearer"}
        )
    if not isinstance(caller, Person):
        raise caller
    now_acting().actor = str(caller.id)
    request.state.person = caller
    return caller


async def _person(request: Request) -> Person:
    person: Person = request.state.person
    return person


async def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


Caller = Annotated[Person, Depends(_person)]
"""Who asks."""

Wired = Annotated[Service, Depends(_service)]
"""What can be asked."""
