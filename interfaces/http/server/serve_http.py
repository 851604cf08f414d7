"""Answers HTTP on listeners that are open already, and leaves signals to whoever runs the roles."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import FastAPI

from infrastructure.metrics.registry import Scrape
from infrastructure.rate_limiting.counters import request_counts
from interfaces.composition.process import Running
from interfaces.http.app import NO_TELEMETRY, create_app
from interfaces.http.auth.authenticator import identities
from interfaces.http.auth.dev_secret import signing_secret
from interfaces.http.routes import health
from interfaces.http.server import uvicorn_server


class _Server(uvicorn_server.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        except SystemExit as error:
            raise RuntimeError("the web application did not start") from error


async def answer(running: Running, listener: socket.socket, grace: int) -> None:
    """Serve the API until cancelled; open requests then have `grace` seconds to end."""
    settings, service, scrape = running.settings, running.service, running.scrape
    signed_by, redis = signing_secret(settings), settings.redis_url
    async with (
        identities(secret=signed_by, supabase_url=settings.supabase_url) as identity,
        running.live as live,
        request_counts(redis.get_secret_value() if redis else None) as counts,
    ):
        app = create_app(
            service, settings, identity=identity, live=live, scrape=scrape, counts=counts
        )
        await _serve(app, listener, grace)


async def answer_metrics(listener: socket.socket, scrape: Scrape) -> None:
    """Serve `/metrics` and nothing else until cancelled."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, telemetry=NO_TELEMETRY)
    app.state.scrape, app.state.closing = scrape, asyncio.Event()
    app.include_router(health.metrics_router)
    await _serve(app, listener, 1)


async def _serve(app: FastAPI, listener: socket.socket, grace: int) -> None:
    server = _Server(app, uvicorn_server.server(app).config)
    server.config.timeout_graceful_shutdown = grace
    answering = asyncio.create_task(server.serve([listener]))
    try:
        await asyncio.shield(answering)
    finally:
        server.should_exit = True
        await answering
