"""Serves HTTP on sockets that are already open. `run_roles.py` handles the signals."""

import asyncio
from collections.abc import Callable

from fastapi import FastAPI

from infrastructure.metrics.registry import MetricsRenderer
from infrastructure.rate_limiting.counters import RequestCounters
from infrastructure.settings.settings import Settings
from interfaces.http.app import NO_TELEMETRY, create_app
from interfaces.http.auth.authenticator import open_authenticator
from interfaces.http.auth.console_options import ConsoleOptions
from interfaces.http.auth.signing_secret import signing_secret
from interfaces.http.context import app_state_of
from interfaces.http.errors.exception_handlers import register_exception_handlers
from interfaces.http.routes import health
from interfaces.http.server.client_connections import ClientConnections
from interfaces.http.server.file_budget import METRICS_CONNECTIONS, FileBudget
from interfaces.http.server.listener import Listener
from interfaces.http.server.uvicorn_server import serve_until_cancelled
from interfaces.live.stream import LiveUpdates
from interfaces.queries.kept_documents import KeptDocuments
from interfaces.service import Service


async def serve_api(
    listener: Listener,
    *,
    files: FileBudget,
    report_proxy: Callable[[str], None],
    service: Service,
    settings: Settings,
    live_updates: LiveUpdates,
    kept_documents: KeptDocuments,
    request_counters: RequestCounters,
    render_metrics: MetricsRenderer,
    grace_seconds: int,
    console_options: ConsoleOptions | None = None,
) -> None:
    """Serve the API until cancelled; open requests then have `grace_seconds` to end.

    The caller opens and closes the parts that it passes. `files` limits the connections of clients;
    `report_proxy` is called with the address of a proxy that TRUSTED_PROXIES does not name;
    without `console_options` the console is not served.
    """
    async with open_authenticator(
        secret=signing_secret(settings),
        supabase_url=settings.supabase_url,
        issuer=settings.supabase_issuer,
    ) as authenticator:
        app = create_app(
            service,
            settings,
            authenticator=authenticator,
            live_updates=live_updates,
            kept_documents=kept_documents,
            render_metrics=render_metrics,
            request_counters=request_counters,
            console_options=console_options,
        )
        clients = ClientConnections(
            files.clients, settings.trusted_proxies, report_proxy=report_proxy
        )
        await serve_until_cancelled(
            app, listener, clients, grace_seconds, app_state_of(app).closing
        )


async def serve_metrics(
    listener: Listener, render_metrics: MetricsRenderer, service: Service
) -> None:
    """Serve `/metrics` and the health checks, and nothing else, until cancelled."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, telemetry=NO_TELEMETRY)
    register_exception_handlers(app)
    app.include_router(health.create_metrics_router(render_metrics))
    app.include_router(health.create_health_router(service.health))
    await serve_until_cancelled(
        app, listener, ClientConnections(METRICS_CONNECTIONS), 1, asyncio.Event()
    )
