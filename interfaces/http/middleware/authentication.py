"""Determines who sends a request. Rate limiting and the routes act on the result."""

from starlette.types import ASGIApp, Receive, Scope, Send

from interfaces.http.auth.principal import (
    Authenticator,
    IdentityProviderUnavailable,
    InvalidToken,
)
from interfaces.http.context import AuthResult, request_context_of
from interfaces.http.middleware.rate_budget import RateLimitExceeded, client_address
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

    A token that is not accepted counts against the address. Above the quota it is refused as
    `rate-limited`; a valid token is accepted all the same, because other people may share the
    address with those who send bad ones. The authenticator bounds the cost of the checks.
    """
    principal = authenticator.cached_principal(token)
    if principal is not None:
        return principal
    address = client_address(scope)
    try:
        return await authenticator(token, address)
    except (InvalidToken, IdentityProviderUnavailable) as error:
        try:
            await request_context_of(scope).rate_budget.spend(ANONYMOUS, address)
        except RateLimitExceeded as refusal:
            return refusal
        return error


def bearer_token(scope: Scope) -> str | None:
    """Return the token of the `Authorization` header (RFC 6750), or None if it carries none."""
    for name, value in scope["headers"]:
        if name == b"authorization":
            scheme, _, token = value.decode("latin-1").partition(" ")
            return token.strip() or None if scheme.lower() == "bearer" else None
    return None
