"""Counts each request for its user or its address, and refuses those above the rate limit."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from interfaces.http.auth.principal import IdentityProviderUnavailable, InvalidToken, Principal
from interfaces.http.context import RequestContext, request_context_of
from interfaces.http.errors.problem import problem_response
from interfaces.http.middleware.rate_budget import RateLimitExceeded, client_address
from interfaces.http.middleware.rate_limit_policies import ANONYMOUS, DEFAULT, UNLIMITED_PATHS


class RateLimitMiddleware:
    """ASGI middleware: 429 `rate-limited` above the limit, and `RateLimit` headers on responses."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"] in UNLIMITED_PATHS:
            return await self._app(scope, receive, send)
        context = request_context_of(scope)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = context.rate_budget.headers
                message["headers"] = [*message.get("headers", ()), *headers]
            await send(message)

        try:
            await _count_request(context, scope)
        except RateLimitExceeded as problem:
            await problem_response(problem, scope)(scope, receive, send_with_headers)
        else:
            await self._app(scope, receive, send_with_headers)


async def _count_request(context: RequestContext, scope: Scope) -> None:
    """Count by user, or by address without a token. Authentication has counted a bad token."""
    match context.auth_result:
        case Principal() as principal:
            await context.rate_budget.spend(DEFAULT, str(principal.id))
        case None:
            await context.rate_budget.spend(ANONYMOUS, client_address(scope))
        case RateLimitExceeded() as refusal:
            raise refusal
        case InvalidToken() | IdentityProviderUnavailable():
            return
