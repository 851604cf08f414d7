"""A sandbox, and a client of the API for a student of it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp

from infrastructure.canvas_sandbox import Sandbox, SandboxOptions, running_sandbox
from interfaces.cli.demo.http_client import ApiClient
from tests.deadlines import scaled
from tests.interfaces.cli.run_cli import run_easeboard

SECRET = "a development secret, and long enough"
Document = dict[str, Any]


@asynccontextmanager
async def running_canvas(*, latency_ms: float = 0) -> AsyncIterator[tuple[Sandbox, dict[str, str]]]:
    """A sandbox in this process, and the environment variables that a service needs to use it."""
    options = SandboxOptions(courses=12, assignments=3, latency_ms=latency_ms, restricted=False)
    async with running_sandbox(options) as sandbox:
        variables = {
            "CANVAS_ALLOW_PRIVATE": sandbox.url.removeprefix("http://"),
            "SUPABASE_JWT_SECRET": SECRET,
        }
        yield sandbox, variables


@asynccontextmanager
async def api_client(home: Path, url: str, role: str = "student") -> AsyncIterator[ApiClient]:
    result = await asyncio.to_thread(
        run_easeboard,
        *(home, "token", "--user", str(uuid4()), "--role", role),
        SUPABASE_JWT_SECRET=SECRET,
    )
    async with aiohttp.ClientSession() as session:
        yield ApiClient(session, url, result.stdout.strip())


async def connect(student: ApiClient, sandbox: Sandbox) -> tuple[str, str]:
    """Connect to the sandbox, and return the ids of the connection and of the first sync."""
    body = {
        "canvas_url": sandbox.url,
        "canvas_name": "Sandbox",
        "api_token": sandbox.tokens[0]["token"],
    }
    response = await student.post("/api/v1/canvas/setup", body)
    return response["connection"]["id"], response["sync"]["id"]


async def wait_for_sync(
    student: ApiClient, sync_id: str, predicate: Callable[[Document], bool]
) -> Document:
    """Return a sync as soon as it fulfils the predicate."""
    async with asyncio.timeout(scaled(20)):
        while True:
            for sync in await student.items("/api/v1/sync/logs"):
                if sync["id"] == sync_id and predicate(sync):
                    return sync
            await asyncio.sleep(0.02)


def is_finished(sync: Document) -> bool:
    return sync["finished_at"] is not None
