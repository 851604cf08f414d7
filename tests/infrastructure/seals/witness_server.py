"""Serves a witness on a loopback port, as `easeboard witness` does."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from infrastructure.seals.signatures import SigningKey, VerifierKey
from infrastructure.seals.witness.cosigned_checkpoints import CosignedCheckpoints
from infrastructure.seals.witness.cosigner import Cosigner
from interfaces.http.server.client_connections import ClientConnections
from interfaces.http.server.listener import listen, url_of
from interfaces.http.server.uvicorn_server import serve_until_cancelled
from interfaces.witness.witness_app import create_witness_app
from tests.deadlines import scaled


@asynccontextmanager
async def running_witness(
    logs: Sequence[VerifierKey],
    keys: Sequence[SigningKey],
    state_file: Path,
    *,
    port: int = 0,
    body_seconds: float = 30,
) -> AsyncIterator[str]:
    """Serve until the block ends; yields the URL."""
    state = CosignedCheckpoints(state_file)
    app = create_witness_app(Cosigner(logs, keys, state), body_seconds=body_seconds)
    with listen("127.0.0.1", port) as listener:
        serving = asyncio.create_task(
            serve_until_cancelled(app, listener, ClientConnections(64), 1, asyncio.Event())
        )
        try:
            yield url_of(listener)
        finally:
            serving.cancel()
            async with asyncio.timeout(scaled(10)):
                await asyncio.wait({serving})
    state.close()
