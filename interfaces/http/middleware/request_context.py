"""The outermost middleware: creates the context of a request, adds headers, logs the request."""

import asyncio
import logging
import re
import time
from uuid import uuid4

import structlog
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

from application.event_metadata import EventMetadata, with_event_metadata
from infrastructure.observability.redaction import redact_path
from infrastructure.observability.spans import Span
from infrastructure.observability.tracing import continue_trace
from infrastructure.rate_limiting.counters import RequestCounters
from interfaces.consistency_token import encode_consistency_token
from interfaces.http.context import REQUEST_CONTEXT_KEY, RequestContext
from interfaces.http.middleware.rate_budget import RateBudget
from interfaces.http.middleware.request_metrics import record_request, route_template
from interfaces.http.middleware.security_headers import security_headers

logger = structlog.get_logger(__name__)

ANONYMOUS_ACTOR = "nobody"
CLIENT_CLOSED_REQUEST = 499
"""The status that is logged for a request whose client disconnected before the response.

It is not an HTTP status: nginx introduced the number for its access log.
"""
QUIET_PATHS = frozenset({"/health/live", "/health/ready", "/metrics"})
"""Requests to these paths are logged at level DEBUG: monitoring sends them every few seconds."""
REQUEST_ID_PATTERN = re.compile(rb"[A-Za-z0-9._-]{1,128}")


class RequestContextMiddleware:
    """ASGI middleware: the outermost, so that its headers are on every response.

    It creates the RequestContext of each request and WebSocket.
    """

    def __init__(self, app: ASGIApp, counters: RequestCounters) -> None:
        self._app = app
        self._counters = counters

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
            await self._app(scope, receive, send)

    async def _serve_request(
        self, scope: Scope, receive: Receive, send: Send, context: RequestContext
    ) -> None:
        status, started = 500, time.perf_counter()

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = context.request_id
                _add_headers(headers, scope, metadata)
            await send(message)

        with (
            with_event_metadata(ANONYMOUS_ACTOR, correlation_id=context.request_id) as metadata,
            bound_contextvars(request_id=context.request_id),
            continue_trace("request", _traceparent(scope), kind="server") as span,
        ):
            try:
                await self._app(scope, receive, send_with_headers)
            except asyncio.CancelledError:
                status = CLIENT_CLOSED_REQUEST
                raise
            finally:
                seconds = time.perf_counter() - started
                record_request(scope, status, seconds)
                _annotate_span(span, scope, status)
                _log_request(scope, metadata, status, seconds)


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


def _add_headers(headers: MutableHeaders, scope: Scope, metadata: EventMetadata) -> None:
    headers.raw.extend(security_headers(scope))
    if metadata.appended:
        headers.setdefault("Consistency-Token", encode_consistency_token(metadata.appended))


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


def _log_request(scope: Scope, metadata: EventMetadata, status: int, seconds: float) -> None:
    level = logging.DEBUG if scope["path"] in QUIET_PATHS else logging.INFO
    logger.log(
        level,
        "request",
        method=scope["method"],
        path=redact_path(scope["path"]),
        route=route_template(scope),
        status=status,
        milliseconds=round(seconds * 1000, 1),
        user_id=None if metadata.actor == ANONYMOUS_ACTOR else metadata.actor,
    )
