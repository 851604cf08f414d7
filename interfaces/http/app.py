"""The HTTP application: every route behind one edge."""

import asyncio
from collections.abc import Iterator

from fastapi import APIRouter, FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.middleware import Middleware

from infrastructure.metrics.registry import Scrape, scrape_process
from infrastructure.rate_limiting.counters import RequestCounts
from infrastructure.settings import Settings
from interfaces.http.auth.principal import Identify
from interfaces.http.errors.exception_handlers import translate_everything
from interfaces.http.middleware.admission_control import Admission, canvas_room, usual_room
from interfaces.http.middleware.body_limit import BodyLimit
from interfaces.http.middleware.cors import CrossOrigin
from interfaces.http.middleware.head_requests import Head
from interfaces.http.middleware.internal_errors import Faults
from interfaces.http.middleware.rate_limiting import Rates
from interfaces.http.middleware.request_context import Edge
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
from interfaces.live.connection_limits import Crowd
from interfaces.live.stream import Live, silence
from interfaces.service import Service

DESCRIPTION = "Keeps students' Canvas courses, assignments and grades in step."
EXPOSED = [
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
ACCEPTED = [
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
    identity: Identify,
    live: Live = silence,
    counts: RequestCounts | None = None,
    scrape: Scrape = scrape_process,
) -> FastAPI:
    """Put the service on HTTP; it opens nothing and closes nothing."""
    counts = counts or RequestCounts()
    app = FastAPI(
        title="easeboard",
        version="1",
        description=DESCRIPTION,
        openapi_url=None,
        redirect_slashes=False,
        telemetry=NO_TELEMETRY,
        middleware=list(_middleware(settings, counts)),
    )
    app.state.service, app.state.identity, app.state.live = service, identity, live
    app.state.origins, app.state.scrape = frozenset(settings.cors_origins), scrape
    app.state.closing, app.state.counts, app.state.crowd = asyncio.Event(), counts, Crowd()
    for router in _routers(settings):
        app.router.routes.extend(router.routes)
    translate_everything(app)
    return app


def _middleware(settings: Settings, counts: RequestCounts) -> Iterator[Middleware]:
    """Outermost first."""
    yield Middleware(Edge)
    if settings.cors_origins:
        yield Middleware(
            CrossOrigin,
            allow_origins=list(settings.cors_origins),
            allow_methods=["GET", "HEAD", "POST", "PUT", "DELETE"],
            allow_headers=ACCEPTED,
            expose_headers=EXPOSED,
        )
    yield Middleware(Head)
    yield Middleware(Faults)
    yield Middleware(Rates, counts=counts)
    yield Middleware(Admission, usual=usual_room(), canvas=canvas_room())
    yield Middleware(BodyLimit)


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
