"""The HTTP application: every route behind one edge."""

import asyncio
from collections.abc import Iterator

from fastapi import APIRouter, FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.middleware import Middleware

from infrastructure.metrics.registry import MetricsRenderer, render_process_metrics
from infrastructure.rate_limiting.counters import RequestCounters
from infrastructure.settings import Settings
from interfaces.http.auth.principal import Authenticator
from interfaces.http.errors.exception_handlers import register_exception_handlers
from interfaces.http.middleware.admission_control import (
    AdmissionControl,
    create_canvas_limiter,
    create_default_limiter,
)
from interfaces.http.middleware.body_limit import BodyLimitMiddleware
from interfaces.http.middleware.cors import ProblemCorsMiddleware
from interfaces.http.middleware.head_requests import HeadRequestMiddleware
from interfaces.http.middleware.internal_errors import InternalErrorMiddleware
from interfaces.http.middleware.rate_limiting import RateLimitMiddleware
from interfaces.http.middleware.request_context import RequestContextMiddleware
from interfaces.http.routes import (
    audit,
    connections,
    dashboard,
    data,
    docs_pages,
    health,
    projections,
    syncs,
)
from interfaces.live import sse, websocket
from interfaces.live.connection_limits import ConnectionLimits
from interfaces.live.stream import NO_LIVE_UPDATES, LiveUpdates
from interfaces.service import Service

DESCRIPTION = "Keeps students' Canvas courses, assignments and grades in step."
EXPOSED_HEADERS = [
    "Consistency-Token",
    "ETag",
    "Idempotency-Replayed",
    "Location",
    "RateLimit",
    "RateLimit-Limit",
    "RateLimit-Policy",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "Retry-After",
    "X-Request-ID",
]
ACCEPTED_HEADERS = [
    "Authorization",
    "Consistency-Token",
    "Content-Type",
    "Idempotency-Key",
    "If-None-Match",
    "Prefer",
    "traceparent",
    "X-Request-ID",
]

NO_TELEMETRY: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "auto_configure": False,
}
"""FastAPI's own would export queries and the words of exceptions; ours exports neither."""


def create_app(
    service: Service,
    settings: Settings,
    *,
    authenticator: Authenticator,
    live: LiveUpdates = NO_LIVE_UPDATES,
    request_counters: RequestCounters | None = None,
    render_metrics: MetricsRenderer = render_process_metrics,
) -> FastAPI:
    """Put the service on HTTP; it opens nothing and closes nothing."""
    request_counters = request_counters or RequestCounters()
    app = FastAPI(
        title="easeboard",
        version="1",
        description=DESCRIPTION,
        openapi_url=None,
        redirect_slashes=False,
        telemetry=NO_TELEMETRY,
        middleware=list(_middleware(settings, request_counters)),
    )
    app.state.service, app.state.authenticator, app.state.live_updates = (
        service,
        authenticator,
        live,
    )
    app.state.allowed_origins, app.state.render_metrics = (
        frozenset(settings.cors_origins),
        render_metrics,
    )
    app.state.closing, app.state.request_counters = asyncio.Event(), request_counters
    app.state.connection_limits = ConnectionLimits()
    for router in _routers(settings):
        app.router.routes.extend(router.routes)
    register_exception_handlers(app)
    return app


def _middleware(settings: Settings, request_counters: RequestCounters) -> Iterator[Middleware]:
    """Outermost first."""
    yield Middleware(RequestContextMiddleware)
    if settings.cors_origins:
        yield Middleware(
            ProblemCorsMiddleware,
            allow_origins=list(settings.cors_origins),
            allow_methods=["GET", "HEAD", "POST", "PUT", "DELETE"],
            allow_headers=ACCEPTED_HEADERS,
            expose_headers=EXPOSED_HEADERS,
        )
    yield Middleware(HeadRequestMiddleware)
    yield Middleware(InternalErrorMiddleware)
    yield Middleware(RateLimitMiddleware, counters=request_counters)
    yield Middleware(
        AdmissionControl, default=create_default_limiter(), canvas=create_canvas_limiter()
    )
    yield Middleware(BodyLimitMiddleware)


def _routers(settings: Settings) -> Iterator[APIRouter]:
    yield data.router
    yield connections.router
    yield syncs.router
    yield sse.router
    yield websocket.router
    yield dashboard.router
    yield audit.router
    yield projections.router
    yield docs_pages.router
    yield health.router
    if settings.metrics_port is None:
        yield health.metrics_router
