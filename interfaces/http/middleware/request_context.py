"""The edge every request crosses: an id, somebody who acts, headers, and one line in the log."""

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
from infrastructure.observability.spans import Span
from infrastructure.observability.tracing import continue_trace
from interfaces.http.consistency import encode_consistency_token
from interfaces.http.middleware.request_metrics import record_request, route_template
from interfaces.http.middleware.security_headers import security_headers

logger = structlog.get_logger(__name__)

ANONYMOUS_ACTOR = "nobody"
CLIENT_CLOSED_REQUEST = 499
"""The status we note of a request that was called off before it was answered."""
QUIET_PATHS = frozenset({"/health/live", "/health/ready", "/metrics"})
REQUEST_ID_PATTERN = re.compile(rb"[A-Za-z0-9._-]{1,128}")


class RequestContextMiddleware:
    """ASGI middleware: the outermost, so that its headers are on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        request_id = _request_id(scope)
        status, started = 500, time.perf_counter()

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _add_headers(MutableHeaders(scope=message), scope, metadata)
            await send(message)

        with (
            with_event_metadata(ANONYMOUS_ACTOR, correlation_id=request_id) as metadata,
            bound_contextvars(request_id=request_id),
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
    """The one W3C allows; two are none."""
    values = [value for name, value in scope["headers"] if name == b"traceparent"]
    return str(values[0], "latin-1") if len(values) == 1 else None


def _add_headers(headers: MutableHeaders, scope: Scope, metadata: EventMetadata) -> None:
    headers["X-Request-ID"] = metadata.correlation_id or ""
    headers.raw.extend(security_headers(scope))
    if metadata.position:
        headers["Consistency-Token"] = encode_consistency_token(metadata.position)


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
        path=scope["path"],
        route=route_template(scope),
        status=status,
        milliseconds=round(seconds * 1000, 1),
        user_id=None if metadata.actor == ANONYMOUS_ACTOR else metadata.actor,
    )
