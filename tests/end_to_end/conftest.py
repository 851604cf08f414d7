"""The whole product on loopback: a sandbox Canvas, a database, every role, real HTTP."""

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
from infrastructure.observability.logging import configure_logs
from infrastructure.queue.role_health import ROLES
from infrastructure.settings import Settings, read_settings
from interfaces.composition.bootstrap import bootstrap
from interfaces.composition.process import Running
from interfaces.composition.run_roles import Doors, playing
from interfaces.http.server.listener import listen, url_of
from tests.dev_tokens import ADA, SECRET, bearer

KEY = "0123456789abcdefghijklmnopqrstuv"
PATIENCE = 20.0


@dataclass(frozen=True)
class Answer:
    """A response, read."""

    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


@dataclass
class Client:
    """One person at the service."""

    session: aiohttp.ClientSession
    url: str
    person: UUID = ADA
    roles: tuple[str, ...] = ()

    def of(self, person: UUID, *roles: str) -> "Client":
        return Client(self.session, self.url, person, roles)

    async def __call__(self, method: str, path: str, **request: Any) -> Answer:
        headers = bearer(self.person, *self.roles) | request.pop("headers", {})
        url = self.url + path
        async with self.session.request(method, url, headers=headers, **request) as response:
            return Answer(response.status, response.headers, await response.read())

    async def get(self, path: str, **headers: str) -> Any:
        answer = await self("GET", path, headers=headers)
        assert answer.status == 200, answer.body
        return answer.json

    async def connect(self, sandbox: Sandbox, student: int = 0) -> dict[str, Any]:
        answer = await self(
            "POST",
            "/api/v1/canvas/setup",
            json={
                "canvas_url": sandbox.url,
                "canvas_name": "Sandbox",
                "api_token": sandbox.tokens[student]["token"],
            },
        )
        assert answer.status == 201, answer.body
        connection: dict[str, Any] = answer.json["connection"]
        await self.ended(connection["id"])
        return connection

    async def sync(self, connection_id: str) -> dict[str, Any]:
        answer = await self("POST", f"/api/v1/canvas/connections/{connection_id}/sync")
        assert answer.status == 202, answer.body
        return await self.ended(connection_id, answer.json["id"])

    async def ended(self, connection_id: str, sync_id: str | None = None) -> dict[str, Any]:
        """Wait until the newest run of a connection, or this one, is over, and give it."""

        async def newest() -> Any:
            runs = await self.get(f"/api/v1/sync/logs?connection_id={connection_id}&limit=1")
            run = runs["items"][0] if runs["items"] else {"finished_at": None}
            is_newest = sync_id in {None, run.get("id")}
            return run if run["finished_at"] and is_newest else None

        found: dict[str, Any] = await eventually(newest)
        return found


async def eventually(look: Callable[[], Any]) -> Any:
    """What `look` finds, once it finds something."""
    async with asyncio.timeout(PATIENCE):
        while not (found := await look()):  # noqa: ASYNC110  # it is another process that moves
            await asyncio.sleep(0.02)
    return found


@asynccontextmanager
async def house(
    settings: Settings, roles: frozenset[str] = frozenset(ROLES)
) -> AsyncIterator[tuple[Running, Client]]:
    """Every role in this process."""
    configure_logs("warning", "json")
    with listen("127.0.0.1", 0) as listener:
        url = url_of(listener)
        async with (
            bootstrap(settings, roles) as program,
            playing(program, roles, Doors(api=listener)),
            aiohttp.ClientSession() as session,
        ):
            yield program, Client(session, url)


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with running_sandbox(SandboxOptions(students=2, courses=3, assignments=6)) as canvas:
        yield canvas


@pytest.fixture
def settings(database_url: str, sandbox: Sandbox) -> Settings:
    return read_settings(
        database_url=database_url,
        canvas_encryption_key=KEY,
        supabase_jwt_secret=SECRET,
        canvas_allow_private=sandbox.url.removeprefix("http://"),
    )


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[Client]:
    async with house(settings) as (_, person):
        yield person
