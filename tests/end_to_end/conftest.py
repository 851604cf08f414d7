"""The whole service on loopback: a sandbox, a database, every role, real HTTP."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import aiohttp
import orjson
import pytest

from infrastructure.canvas_sandbox.options import SandboxOptions
from infrastructure.canvas_sandbox.sandbox_server import Sandbox, running_sandbox
from infrastructure.observability.logging import configure_logging
from infrastructure.queue.role_health import ROLES
from infrastructure.settings.settings import Settings, read_settings
from interfaces.composition.bootstrap import bootstrap
from interfaces.composition.process import Process
from interfaces.composition.run_roles import Listeners, running_roles
from interfaces.http.server.listener import listen, url_of
from tests.deadlines import scaled
from tests.dev_tokens import ADA, SECRET, bearer_headers

MASTER_KEY = "0123456789abcdefghijklmnopqrstuv"
WAIT_TIMEOUT_SECONDS = scaled(20.0)


@dataclass(frozen=True)
class Response:
    """A response with its body."""

    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


@dataclass
class Client:
    """Sends the requests of one person."""

    session: aiohttp.ClientSession
    url: str
    person: UUID = ADA
    roles: tuple[str, ...] = ()

    def as_person(self, person: UUID, *roles: str) -> "Client":
        return Client(self.session, self.url, person, roles)

    async def __call__(self, method: str, path: str, **request: Any) -> Response:
        headers = bearer_headers(self.person, *self.roles)
        if "/audit/" in path and "purpose=" not in path:
            headers["Purpose"] = "a test"
        headers |= request.pop("headers", {})
        url = self.url + path
        async with self.session.request(method, url, headers=headers, **request) as response:
            return Response(response.status, response.headers, await response.read())

    async def get(self, path: str, **headers: str) -> Any:
        """Return the JSON of a resource; the status must be 200."""
        response = await self("GET", path, headers=headers)
        assert response.status == 200, response.body
        return response.json

    async def connect(self, sandbox: Sandbox, student: int = 0) -> dict[str, Any]:
        """Connect the account of a student, wait for the first run, and return the connection."""
        response = await self(
            "POST",
            "/api/v1/canvas/setup",
            json={
                "canvas_url": sandbox.url,
                "canvas_name": "Sandbox",
                "api_token": sandbox.tokens[student]["token"],
            },
        )
        assert response.status == 201, response.body
        connection: dict[str, Any] = response.json["connection"]
        await self.wait_for_sync(connection["id"])
        return connection

    async def sync(self, connection_id: str) -> dict[str, Any]:
        """Request a run, wait for its end, and return it."""
        response = await self("POST", f"/api/v1/canvas/connections/{connection_id}/sync")
        assert response.status == 202, response.body
        return await self.wait_for_sync(connection_id, response.json["id"])

    async def wait_for_sync(self, connection_id: str, sync_id: str | None = None) -> dict[str, Any]:
        """Wait until the newest run, which is `sync_id` if that is given, has ended; return it."""

        async def find_finished() -> Any:
            runs = await self.get(f"/api/v1/sync/logs?connection_id={connection_id}&limit=1")
            run = runs["items"][0] if runs["items"] else {"finished_at": None}
            is_newest = sync_id in {None, run.get("id")}
            return run if run["finished_at"] and is_newest else None

        found: dict[str, Any] = await wait_until(find_finished)
        return found


async def wait_until(probe: Callable[[], Any]) -> Any:
    """Call `probe` until its result is true, and return the result."""
    async with asyncio.timeout(WAIT_TIMEOUT_SECONDS):
        while not (result := await probe()):  # noqa: ASYNC110  # the service sends no signal
            await asyncio.sleep(0.02)
    return result


@asynccontextmanager
async def running_service(
    settings: Settings, roles: frozenset[str] = frozenset(ROLES)
) -> AsyncIterator[tuple[Process, Client]]:
    """Run a service with these roles in this process, and a client of the person ADA."""
    configure_logging("warning", "json")
    with listen("127.0.0.1", 0) as listener:
        url = url_of(listener)
        async with (
            bootstrap(settings, roles) as process,
            running_roles(process, roles, Listeners(api=listener)),
            aiohttp.ClientSession() as session,
        ):
            yield process, Client(session, url)


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with running_sandbox(SandboxOptions(students=2, courses=3, assignments=6)) as canvas:
        yield canvas


@pytest.fixture
def settings(database_url: str, sandbox: Sandbox) -> Settings:
    return read_settings(
        database_url=database_url,
        canvas_encryption_key=MASTER_KEY,
        supabase_jwt_secret=SECRET,
        canvas_allow_private=sandbox.url.removeprefix("http://"),
    )


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[Client]:
    async with running_service(settings) as (_, ada):
        yield ada
