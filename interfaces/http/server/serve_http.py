"""Serves HTTP on sockets that are already open. `run_roles.py` handles the signals."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import FastAPI

from infrastructure.metrics.registry import MetricsRenderer
from infrastructure.rate_limiting.counters import RequestCounters
from infrastructure.settings import Settings
from interfaces.http.app import NO_TELEMETRY, create_app
from interfaces.http.auth.authenticator import open_authenticator
from interfaces.http.auth.signing_secret import signing_secret
from interfaces.http.context import app_state_of
from interfaces.http.routes import health
from interfaces.http.server import uvicorn_server
from interfaces.live.stream import LiveUpdates
from interfaces.service import Service


class _ServerWithoutSignals(uvicorn_server.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        except SystemExit as error:
            raise RuntimeError("uvicorn did not start; the log has its error") from error


async def serve_api(
    listener: socket.socket,
    *,
    service: Service,
    settings: Settings,
    live_updates: LiveUpdates,
    request_counters: RequestCounters,
    render_metrics: MetricsRenderer,
    grace_seconds: int,
) -> None:
    """Serve the API until cancelled; open requests then have `grace_seconds` to end.

    The caller opens and closes the parts that it passes.
    """
    async with open_authenticator(
        secret=signing_secret(settings), supabase_url=settings.supabase_url
    ) as authenticator:
        app = create_app(
            service,
            settings,
            authenticator=authenticator,
            live_updates=live_updates,
            render_metrics=render_metrics,
            request_counters=request_counters,
        )
        await _serve(app, listener, grace_seconds, app_state_of(app).closing)


async def serve_metrics(listener: socket.socket, render_metrics: MetricsRenderer) -> None:
    """Serve `/metrics` and nothing else until cancelled."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, telemetry=NO_TELEMETRY)
    app.include_router(health.create_metrics_router(render_metrics))
    await _serve(app, listener, 1, asyncio.Event())


async def _serve(
    app: FastAPI, listener: socket.socket, grace_seconds: int, closing: asyncio.Event
) -> None:
    config = uvicorn_server.create_config(app, grace_seconds=grace_seconds)
    server = _ServerWithoutSignals(config, closing)
    serve_task = asyncio.create_task(server.serve([listener]))
    try:
        await asyncio.shield(serve_task)
    finally:
        server.should_exit = True
        await serve_task
