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

from application.event_metadata import Acting, acting
from infrastructure.observability.spans import Span
from infrastructure.observability.tracing import traced
from interfaces.http.consistency import token_of
from interfaces.http.middleware.request_metrics import count, route_of
from interfaces.http.middleware.security_headers import security

LOG = structlog.get_logger(__name__)

NOBODY = "nobody"
CUT_OFF = 499
"""The status we note of a request that was called off before it was answered."""
POLLED = frozenset({"/health/live", "/health/ready", "/metrics"})
REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")


class Edge:
    """ASGI middleware: the outermost, so that its headers are on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        request_id = _request_id(scope)
        status, started = 500, time.perf_counter()

        async def dressed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _dress(MutableHeaders(scope=message), scope, who)
            await send(message)

        with (
            acting(NOBODY, correlation_id=request_id) as who,
            bound_contextvars(request_id=request_id),
            traced("request", _traceparent(scope), kind="server") as span,
        ):
            try:
                await self._app(scope, receive, dressed)
            except asyncio.CancelledError:
                status = CUT_OFF
                raise
            finally:
                seconds = time.perf_counter() - started
                count(scope, status, seconds)
                _show(span, scope, status)
                _log(scope, who, status, seconds)


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and REQUEST_ID.fullmatch(value):
            return str(value, "ascii")
    return str(uuid4())


def _traceparent(scope: Scope) -> str | None:
    """The one W3C allows; two are none."""
    given = [value for name, value in scope["headers"] if name == b"traceparent"]
    return str(given[0], "latin-1") if len(given) == 1 else None


def _dress(headers: MutableHeaders, scope: Scope, who: Acting) -> None:
    headers["X-Request-ID"] = who.correlation_id or ""
    headers.raw.extend(security(scope))
    if who.position:
        headers["Consistency-Token"] = token_of(who.position)


def _show(span: Span, scope: Scope, status: int) -> None:
    method, route = scope["method"], route_of(scope)
    span.name(f"{method} {route}")
    span.tell(
        {
            "http.request.method": method,
            "http.route": route,
            "http.response.status_code": status,
        }
    )


def _log(scope: Scope, who: Acting, status: int, seconds: float) -> None:
    level = logging.DEBUG if scope["path"] in POLLED else logging.INFO
    LOG.log(
        level,
        "request",
        method=scope["method"],
        path=scope["path"],
        route=route_of(scope),
        status=status,
        milliseconds=round(seconds * 1000, 1),
        user_id=None if who.actor == NOBODY else who.actor,
    )
