"""The outermost middleware: creates the context of a request, adds headers, logs the request."""

import asyncio
import re
import time
from uuid import uuid4

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from application.event_metadata import EventMetadata, with_event_metadata
from infrastructure.observability.spans import Span, are_spans_exported
from infrastructure.observability.tracing import continue_trace
from infrastructure.rate_limiting.counters import RequestCounters
from interfaces.consistency_token import encode_consistency_token
from interfaces.http.context import REQUEST_CONTEXT_KEY, RequestContext
from interfaces.http.middleware.access_log import RequestLog
from interfaces.http.middleware.rate_budget import RateBudget
from interfaces.http.middleware.request_metrics import record_request, route_template
from interfaces.http.middleware.security_headers import PageHeaders, security_headers

ANONYMOUS_ACTOR = "nobody"
CLIENT_CLOSED_REQUEST = 499
"""The status that is logged for a request whose client disconnected before the response.

It is not an HTTP status: nginx introduced the number for its access log.
"""
REQUEST_ID_PATTERN = re.compile(rb"[A-Za-z0-9._-]{1,128}")


class RequestContextMiddleware:
    """ASGI middleware: the outermost, so that its headers are on every response.

    It creates the RequestContext of each request and WebSocket.
    """

    def __init__(self, app: ASGIApp, counters: RequestCounters, pages: PageHeaders) -> None:
        self._app = app
        self._pages = pages
        self._counters = counters
        self._log = RequestLog()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or WebSocket."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        context = RequestContext(_request_id(scope), RateBudget(self._counters))
        scope[REQUEST_CONTEXT_KEY] = context
        if scope["type"] == "http":
            await self._serve_request(scope, receive, send, context)
        else:
            await self._serve_websocket(scope, receive, send, context)

    async def _serve_websocket(
        self, scope: Scope, receive: Receive, send: Send, context: RequestContext
    ) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "websocket.http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = context.request_id
                headers.raw.extend(security_headers(scope, self._pages))
            await send(message)

        with with_event_metadata(ANONYMOUS_ACTOR, correlation_id=context.request_id):
            await self._app(scope, receive, send_with_headers)

    async def _serve_request(
        self, scope: Scope, receive: Receive, send: Send, context: RequestContext
    ) -> None:
        status, started = 500, time.perf_counter()

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _all_headers(message, scope, context, metadata, self._pages)
            await send(message)

        with (
            with_event_metadata(ANONYMOUS_ACTOR, correlation_id=context.request_id) as metadata,
            continue_trace(
                "request", _traceparent(scope), kind="server", request_id=context.request_id
            ) as span,
        ):
            try:
                await self._app(scope, receive, send_with_headers)
            except asyncio.CancelledError:
                status = CLIENT_CLOSED_REQUEST
                raise
            finally:
                seconds = time.perf_counter() - started
                record_request(scope, status, seconds)
                if are_spans_exported():
                    _annotate_span(span, scope, status)
                user_id = None if metadata.actor == ANONYMOUS_ACTOR else metadata.actor
                self._log.write(scope, user_id, status, seconds)


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and REQUEST_ID_PATTERN.fullmatch(value):
            return str(value, "ascii")
    return str(uuid4())


def _traceparent(scope: Scope) -> str | None:
    """Return the header `traceparent`, or None if it is missing or repeated.

    W3C Trace Context allows one only.
    """
    values = [value for name, value in scope["headers"] if name == b"traceparent"]
    return str(values[0], "latin-1") if len(values) == 1 else None


def _all_headers(
    message: Message,
    scope: Scope,
    context: RequestContext,
    metadata: EventMetadata,
    pages: PageHeaders,
) -> list[tuple[bytes, bytes]]:
    """Return the headers of a response and those that every response has."""
    headers = list(message.get("headers", ()))
    headers.append((b"x-request-id", context.request_id.encode("ascii")))
    headers.extend(security_headers(scope, pages))
    if metadata.appended and all(name != b"consistency-token" for name, _ in headers):
        token = encode_consistency_token(metadata.appended)
        headers.append((b"consistency-token", token.encode("ascii")))
    return headers


def _annotate_span(span: Span, scope: Scope, status: int) -> None:
    method, route = scope["method"], route_template(scope)
    span.rename(f"{method} {route}")
    span.set_attributes(
        {
            "http.request.method": method,
            "http.route": route,
            "http.response.status_code": status,
        }
    )
