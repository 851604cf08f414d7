"""Determines who sends a request. Rate limiting and the routes act on the result."""

from starlette.types import ASGIApp, Receive, Scope, Send

from interfaces.http.auth.principal import (
    Authenticator,
    IdentityProviderUnavailable,
    InvalidToken,
)
from interfaces.http.context import AuthResult, request_context_of
from interfaces.http.middleware.rate_budget import RateBudget, RateLimitExceeded, client_address
from interfaces.http.middleware.rate_limit_policies import ANONYMOUS, UNLIMITED_PATHS


class AuthenticationMiddleware:
    """ASGI middleware: writes the result for the bearer token into the request context.

    A WebSocket sends its token later, so its route calls `authenticate_token`.
    """

    def __init__(self, app: ASGIApp, authenticator: Authenticator) -> None:
        self._app = app
        self._authenticator = authenticator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Authenticate an HTTP request, and pass it on."""
        if scope["type"] == "http" and scope["path"] not in UNLIMITED_PATHS:
            token = bearer_token(scope)
            if token is not None:
                result = await authenticate_token(token, scope, self._authenticator)
                request_context_of(scope).auth_result = result
        await self._app(scope, receive, send)


async def authenticate_token(token: str, scope: Scope, authenticator: Authenticator) -> AuthResult:
    """Return whose token it is, or why that is not known; raise nothing.

    A token that is not accepted counts against the address. An address that has used up its quota
    has no further token verified, because a signature check is costly.
    """
    principal = authenticator.cached_principal(token)
    if principal is not None:
        return principal
    budget, address = request_context_of(scope).rate_budget, client_address(scope)
    try:
        budget.require_remaining(ANONYMOUS, address)
        return await _verify(token, authenticator, budget, address)
    except RateLimitExceeded as refusal:
        return refusal


async def _verify(
    token: str, authenticator: Authenticator, budget: RateBudget, address: str
) -> AuthResult:
    try:
        return await authenticator(token)
    except InvalidToken as error:
        await budget.spend(ANONYMOUS, address)
        return error
    except IdentityProviderUnavailable as error:
        return error


def bearer_token(scope: Scope) -> str | None:
    """Return the token of the `Authorization` header (RFC 6750), or None if it carries none."""
    for name, value in scope["headers"]:
        if name == b"authorization":
            scheme, _, token = value.decode("latin-1").partition(" ")
            return token.strip() or None if scheme.lower() == "bearer" else None
    return None
