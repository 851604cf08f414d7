import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from infrastructure.projection_engine.snapshot_reads import Reading, ReadModelQuery
from infrastructure.settings.settings import read_settings
from interfaces.http import app as application
from interfaces.http.app import create_app
from interfaces.http.auth.authenticator import open_authenticator
from interfaces.http.middleware import body_limit
from interfaces.http.middleware.concurrency_limiter import ConcurrencyLimiter
from interfaces.http.middleware.request_limiters import RequestLimiters
from tests.deadlines import scaled
from tests.dev_tokens import SECRET, bearer_headers
from tests.interfaces.http.fake_reads import token_at
from tests.interfaces.http.fake_service import CONNECTION_ID, FakeService
from tests.interfaces.loopback_server import serve_on_loopback

COURSES = "/api/v1/canvas/courses"
SETUP = {
    "canvas_url": "https://school.instructure.com",
    "canvas_name": "My school",
    "api_token": "1234~token",
}


class BlockingService(FakeService):
    """A service whose calls wait at a gate; `running` is the number of waiting calls."""

    def __init__(self) -> None:
        super().__init__()
        self.gates: dict[str, asyncio.Event] = {}
        self.running = 0

    async def _wait_at_gate(self, gate: str) -> None:
        self.running += 1
        try:
            await self.gates.setdefault(gate, asyncio.Event()).wait()
        finally:
            self.running -= 1

    async def read(self, *queries: ReadModelQuery) -> Reading:
        if queries[0].model == "courses":
            await self._wait_at_gate("courses")
        return await super().read(*queries)

    async def set_up_connection(self, command: Any) -> Any:
        await self._wait_at_gate("canvas")
        return await super().set_up_connection(command)

    async def validate_connection(self, command: Any) -> Any:
        await self._wait_at_gate("canvas")
        return await super().validate_connection(command)

    async def wait_for_place(self, position: int, *others: Any) -> bool:
        await self._wait_at_gate("projection")
        return await super().wait_for_place(position, *others)

    def open_gate(self, gate: str) -> None:
        self.gates[gate].set()

    async def wait_until_running(self, count: int) -> None:
        async with asyncio.timeout(scaled(10)):
            while self.running != count:  # noqa: ASYNC110  # the server changes it
                await asyncio.sleep(0.005)


def limiters_of_two_slots() -> RequestLimiters:
    kinds = [
        ConcurrencyLimiter(
            2, slots_per_owner=3, max_waiting=1, max_waiting_per_owner=3, timeout_seconds=60
        )
        for _ in range(3)
    ]
    return RequestLimiters(*kinds)


@pytest.fixture
def service() -> BlockingService:
    return BlockingService()


@pytest.fixture
async def app(service: BlockingService, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FastAPI]:
    """An application with two slots and a queue of one for each kind of request."""
    monkeypatch.setattr(application, "RequestLimiters", limiters_of_two_slots)
    async with open_authenticator(secret=SECRET, supabase_url=None) as authenticator:
        settings = read_settings(_env_file=None)
        yield create_app(service.as_service(), settings, authenticator=authenticator)


@asynccontextmanager
async def concurrent_requests(client: httpx2.AsyncClient, count: int) -> AsyncIterator[list[Any]]:
    tasks = [asyncio.create_task(client.get(COURSES)) for _ in range(count)]
    yield tasks
    await asyncio.wait(tasks)


async def test_a_full_process_refuses_at_once_and_still_serves_health(
    ada: httpx2.AsyncClient, service: BlockingService
) -> None:
    async with concurrent_requests(ada, 3) as tasks:
        await service.wait_until_running(2)
        refused = await ada.get("/api/v1/sync/logs")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert refused.json()["type"] == "/problems/overloaded"
        assert refused.headers["x-content-type-options"] == "nosniff"
        for path in ("/health/live", "/health/ready", "/metrics"):
            assert (await ada.get(path)).status_code == 200
        service.open_gate("courses")
    assert [task.result().status_code for task in tasks] == [200] * 3
    assert (await ada.get("/api/v1/sync/logs")).status_code == 200, "all slots are free again"


async def test_requests_that_wait_for_canvas_do_not_block_others(
    ada: httpx2.AsyncClient, service: BlockingService
) -> None:
    path = f"/api/v1/canvas/connections/{CONNECTION_ID}"
    waiting = [asyncio.create_task(ada.post(f"{path}/validate")) for _ in range(3)]
    await service.wait_until_running(2)
    for refused in (
        await ada.post("/api/v1/canvas/setup", json=SETUP),
        await ada.post(f"{path}/validate"),
        await ada.put(f"{path}/token", json={"api_token": "t"}),
    ):
        assert (refused.status_code, refused.json()["type"]) == (503, "/problems/overloaded")
    assert (await ada.get(path)).status_code == 200
    assert (await ada.post(f"{path}/sync")).status_code == 202
    service.open_gate("canvas")
    assert [(await task).status_code for task in waiting] == [200] * 3


async def test_a_request_that_waits_for_a_read_model_releases_its_slot(
    ada: httpx2.AsyncClient, service: BlockingService
) -> None:
    service.projected_position = 6
    behind = {"Consistency-Token": token_at(7)}
    waiting = [asyncio.create_task(ada.get("/api/v1/sync/logs", headers=behind)) for _ in range(5)]
    await service.wait_until_running(5)
    assert (await ada.get("/api/v1/sync/logs")).status_code == 200
    service.open_gate("projection")
    assert [(await task).status_code for task in waiting] == [200] * 5


async def test_a_slow_sender_releases_its_slot_and_times_out(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body_limit, "BODY_TIMEOUT_SECONDS", 1.0)
    async with serve_on_loopback(app) as base:
        host, port = base.removeprefix("http://").split(":")
        slow_clients = [await _send_partial_body(host, int(port)) for _ in range(3)]
        async with httpx2.AsyncClient(base_url=base) as client:
            async with asyncio.timeout(scaled(10)):
                while (await client.get("/api/v1/sync/logs", headers=bearer_headers())).is_error:
                    pass  # until the three slow requests have released their slots
            for reader, writer in slow_clients:
                response = await asyncio.wait_for(reader.read(), scaled(10))
                assert response.startswith(b"HTTP/1.1 408 ")
                assert b"/problems/request-timeout" in response
                writer.close()


async def _send_partial_body(
    host: str, port: int
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection(host, port)
    head = [
        f"POST /api/v1/canvas/connections/{CONNECTION_ID}/sync HTTP/1.1",
        "Host: test",
        "Content-Type: application/json",
        "Content-Length: 100",
        f"Authorization: {bearer_headers()['Authorization']}",
    ]
    writer.write("\r\n".join([*head, "", "{"]).encode())
    await writer.drain()
    return reader, writer


async def test_a_slow_reader_holds_no_slot(app: FastAPI, service: BlockingService) -> None:
    service.stats = b'"%s"' % (b"x" * 10_000_000)
    async with serve_on_loopback(app) as base:
        host, port = base.removeprefix("http://").split(":")
        connections = [await asyncio.open_connection(host, int(port), limit=1024) for _ in range(4)]
        head = "GET /api/v1/dashboard/stats HTTP/1.1\r\nHost: test\r\nAuthorization: "
        request = head + bearer_headers()["Authorization"] + "\r\n\r\n"
        for reader, writer in connections:
            writer.write(request.encode())
            assert (await asyncio.wait_for(reader.readline(), scaled(10))) == b"HTTP/1.1 200 OK\r\n"
        async with httpx2.AsyncClient(base_url=base) as client:
            assert (
                await client.get("/api/v1/sync/logs", headers=bearer_headers())
            ).status_code == 200
        for _, writer in connections:
            writer.transport.abort()


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("POST", "/api/v1/canvas/setup", "canvas"),
        ("PUT", "/api/v1/canvas/connections/x/token", "canvas"),
        ("POST", "/api/v1/canvas/connections/x/validate", "canvas"),
        ("GET", "/api/v1/canvas/data", "everything"),
        ("HEAD", "/api/v1/canvas/data", "everything"),
        ("GET", "/api/v1/canvas/courses", "default"),
        ("POST", "/api/v1/canvas/connections/x/sync", "default"),
        ("GET", "/api/v1/canvas/connections/x", "default"),
        ("PUT", "/api/v1/canvas/connections/x/y/token", "default"),
    ],
)
def test_each_kind_of_request_has_a_limiter(method: str, path: str, kind: str) -> None:
    limiters = RequestLimiters()
    found = limiters.for_request({"type": "http", "method": method, "path": path})
    assert found is getattr(limiters, kind)
