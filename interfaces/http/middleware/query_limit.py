"""Limits how much of a query string is parsed."""

from starlette.types import ASGIApp, Receive, Scope, Send

from interfaces.http.context import request_context_of
from interfaces.http.schemas.query_strings import find_excess, first_parameters


class QueryLimitMiddleware:
    """ASGI middleware: cuts a long query string, and notes that in the request context.

    A protected route refuses such a request; a public one ignores its parameters.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or WebSocket."""
        if scope["type"] != "lifespan":
            unread_query = find_excess(scope["query_string"])
            if unread_query:
                request_context_of(scope).unread_query = unread_query
                scope["query_string"] = first_parameters(scope["query_string"])
        await self._app(scope, receive, send)
