"""Answers HTTP on listeners that are open already, and leaves signals to whoever runs the roles."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import FastAPI

from infrastructure.metrics.registry import MetricsRenderer
from infrastructure.rate_limiting.counters import new_request_counters
from interfaces.composition.process import Process
from interfaces.http.app import NO_TELEMETRY, create_app
from interfaces.http.auth.authenticator import open_authenticator
from interfaces.http.auth.dev_secret import signing_secret
from interfaces.http.routes import health
from interfaces.http.server import uvicorn_server


class _ServerWithoutSignals(uvicorn_server.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        except SystemExit as error:
            raise RuntimeError("the web application did not start") from error


async def serve_api(process: Process, listener: socket.socket, grace_seconds: int) -> None:
    """Serve the API until cancelled; open requests then have `grace_seconds` to end."""
    settings, service, render_metrics = process.settings, process.service, process.render_metrics
    secret, redis_url = signing_secret(settings), settings.redis_url
    async with (
        open_authenticator(secret=secret, supabase_url=settings.supabase_url) as authenticator,
        process.live_updates as live,
        new_request_counters(
            redis_url.get_secret_value() if redis_url else None
        ) as request_counters,
    ):
        app = create_app(
            service,
            settings,
            authenticator=authenticator,
            live=live,
            render_metrics=render_metrics,
            request_counters=request_counters,
        )
        await _serve(app, listener, grace_seconds)


async def serve_metrics(listener: socket.socket, render_metrics: MetricsRenderer) -> None:
    """Serve `/metrics` and nothing else until cancelled."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, telemetry=NO_TELEMETRY)
    app.state.render_metrics, app.state.closing = render_metrics, asyncio.Event()
    app.include_router(health.metrics_router)
    await _serve(app, listener, 1)


async def _serve(app: FastAPI, listener: socket.socket, grace_seconds: int) -> None:
    server = _ServerWithoutSignals(app, uvicorn_server.create_server(app).config)
    server.config.timeout_graceful_shutdown = grace_seconds
    serve_task = asyncio.create_task(server.serve([listener]))
    try:
        await asyncio.shield(serve_task)
    finally:
        server.should_exit = True
        await serve_task
