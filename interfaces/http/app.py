"""Creates the FastAPI application: its state, its middleware and its routes."""

from collections.abc import Iterator

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.middleware import Middleware

from infrastructure.metrics.registry import MetricsRenderer, render_process_metrics
from infrastructure.rate_limiting.counters import RequestCounters
from infrastructure.settings.settings import Settings
from interfaces.http.auth.console_options import ConsoleOptions, has_development_tokens
from interfaces.http.auth.principal import Authenticator
from interfaces.http.auth.protected_route import AuthenticatedRoute
from interfaces.http.context import AppState, set_app_state
from interfaces.http.errors.exception_handlers import register_exception_handlers
from interfaces.http.middleware.admission_control import AdmissionControl
from interfaces.http.middleware.authentication import AuthenticationMiddleware
from interfaces.http.middleware.body_limit import BodyLimitMiddleware
from interfaces.http.middleware.cors import cors_middleware
from interfaces.http.middleware.head_requests import HeadRequestMiddleware
from interfaces.http.middleware.internal_errors import InternalErrorMiddleware
from interfaces.http.middleware.kept_responses import KEPT_PATHS, KeptResponseMiddleware
from interfaces.http.middleware.query_limit import QueryLimitMiddleware
from interfaces.http.middleware.rate_limiting import RateLimitMiddleware
from interfaces.http.middleware.request_context import RequestContextMiddleware
from interfaces.http.middleware.request_limiters import RequestLimiters
from interfaces.http.middleware.security_headers import page_headers
from interfaces.http.routes import (
    admin_lists,
    all_data,
    audit,
    audit_proofs,
    audit_views,
    calendar,
    connections,
    console,
    dashboard,
    data,
    disclosures,
    docs_pages,
    erasures,
    health,
    me,
    projections,
    readings,
    receipts,
    syncs,
)
from interfaces.live import sse, websocket
from interfaces.live.stream import NO_LIVE_UPDATES, LiveUpdates
from interfaces.queries.kept_documents import KeptDocuments
from interfaces.service import Service

DESCRIPTION = "Keeps a copy of students' Canvas courses, assignments and grades up to date."

_ROUTERS = (
    data.router,
    all_data.router,
    connections.router,
    syncs.router,
    sse.router,
    websocket.router,
    dashboard.router,
    calendar.router,
    calendar.feed_router,
    audit.router,
    audit_proofs.router,
    audit_views.router,
    readings.router,
    disclosures.router,
    projections.router,
    admin_lists.router,
    me.router,
    receipts.router,
    erasures.router,
    docs_pages.router,
    health.router,
)

NO_TELEMETRY: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "auto_configure": False,
}
"""FastAPI's telemetry is off: it would export query strings and exception messages."""


def create_app(
    service: Service,
    settings: Settings,
    *,
    authenticator: Authenticator,
    live_updates: LiveUpdates = NO_LIVE_UPDATES,
    request_counters: RequestCounters | None = None,
    kept_documents: KeptDocuments | None = None,
    render_metrics: MetricsRenderer = render_process_metrics,
    console_options: ConsoleOptions | None = None,
) -> FastAPI:
    """Create the application that offers the service over HTTP. It opens and closes no resource.

    By default requests are counted in this process only, there are no live updates, no documents
    are kept, `/metrics` has the metrics of this process only, and the console is not served.
    """
    state = AppState(
        service=service,
        authenticator=authenticator,
        live_updates=live_updates,
        request_counters=request_counters or RequestCounters(),
        kept_documents=kept_documents,
        allowed_origins=frozenset(settings.cors_origins),
    )
    app = FastAPI(
        title="easeboard",
        version="1",
        description=DESCRIPTION,
        openapi_url=None,
        redirect_slashes=False,
        telemetry=NO_TELEMETRY,
        middleware=list(_middleware(settings, state, console_options)),
    )
    set_app_state(app, state)
    for router in _ROUTERS:
        app.router.routes.extend(router.routes)
    if console_options:
        app.router.routes.extend(console.create_console_router(console_options).routes)
    if settings.metrics_port is None:
        app.router.routes.extend(health.create_metrics_router(render_metrics).routes)
    register_exception_handlers(app)
    return app


def _middleware(
    settings: Settings, state: AppState, console: ConsoleOptions | None
) -> Iterator[Middleware]:
    """Yield every middleware, outermost first."""
    pages = page_headers(console)
    yield Middleware(RequestContextMiddleware, counters=state.request_counters, pages=pages)
    if settings.cors_origins:
        yield cors_middleware(settings.cors_origins)
    elif has_development_tokens(settings) or (console and console.development):
        yield cors_middleware((), accepts_loopback=True)
    yield Middleware(HeadRequestMiddleware)
    yield Middleware(InternalErrorMiddleware)
    yield Middleware(AuthenticationMiddleware, authenticator=state.authenticator)
    yield Middleware(RateLimitMiddleware)
    yield Middleware(QueryLimitMiddleware)
    if state.kept_documents:
        yield Middleware(
            KeptResponseMiddleware, documents=state.kept_documents, routes=_kept_routes()
        )
    yield Middleware(AdmissionControl, limiters=RequestLimiters())
    yield Middleware(BodyLimitMiddleware)


def _kept_routes() -> dict[str, AuthenticatedRoute]:
    """Return the routes whose documents are kept, by their paths."""
    routes = (route for router in _ROUTERS for route in router.routes)
    return {
        route.path: route
        for route in routes
        if isinstance(route, AuthenticatedRoute) and route.path in KEPT_PATHS
    }
