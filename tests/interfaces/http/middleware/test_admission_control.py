import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from infrastructure.settings import read_settings
from interfaces.http import app as application
from interfaces.http.app import create_app
from interfaces.http.auth.authenticator import identities
from interfaces.http.consistency import token_of
from interfaces.http.middleware import admission_control, body_limit
from interfaces.http.middleware.concurrency_limiter import Room
from tests.dev_tokens import SECRET, bearer
from tests.interfaces.http.fake_service import CONNECTION, Told
from tests.interfaces.loopback_server import serving

COURSES = "/api/v1/canvas/courses"
SETUP = {
    "canvas_url": "https://school.instructure.com",
    "canvas_name": "My school",
    "api_token": "1234~token",
}


class Busy(Told):
    """Answers when the gate opens, and knows how many wait for that."""

    def __init__(self) -> None:
        super().__init__()
        self.gates: dict[str, asyncio.Event] = {}
        self.at_work = 0

    async def _work(self, gate: str) -> None:
        self.at_work += 1
        try:
            await self.gates.setdefault(gate, asyncio.Event()).wait()
        finally:
            self.at_work -= 1

    async def courses_of(self, person: Any, **named: Any) -> Any:
        await self._work("courses")
        return await super().courses_of(person, **named)

    async def set_up_connection(self, command: Any) -> Any:
        await self._work("canvas")
        return await super().set_up_connection(command)

    async def wait_for(self, *_: Any) -> bool:
        await self._work("projection")
        return True

    def open(self, gate: str) -> None:
        self.gates[gate].set()

    async def busy(self, many: int) -> None:
        async with asyncio.timeout(10):
            while self.at_work != many:  # noqa: ASYNC110  # the server moves
                await asyncio.sleep(0.005)


@pytest.fixture
def told() -> Busy:
    return Busy()


@pytest.fixture
async def app(told: Busy, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FastAPI]:
    """Two work at a time, and one more waits."""

    def small() -> Room:
        return Room(2, waiting=1, patience=60)

    monkeypatch.setattr(application, "usual_room", small)
    monkeypatch.setattr(application, "canvas_room", small)
    async with identities(secret=SECRET, supabase_url=None) as identity:
        settings = read_settings(_env_file=None)
        yield create_app(told.as_service(), settings, identity=identity)


@asynccontextmanager
async def asking(client: httpx2.AsyncClient, many: int) -> AsyncIterator[list[Any]]:
    tasks = [asyncio.create_task(client.get(COURSES)) for _ in range(many)]
    yield tasks
    await asyncio.wait(tasks)


async def test_a_full_process_says_so_at_once_and_lives(
    ada: httpx2.AsyncClient, told: Busy
) -> None:
    async with asking(ada, 3) as tasks:
        await told.busy(2)
        refused = await ada.get("/api/v1/sync/logs")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert refused.json()["type"] == "/problems/overloaded"
        assert refused.headers["x-content-type-options"] == "nosniff"
        for path in ("/health/live", "/health/ready", "/metrics"):
            assert (await ada.get(path)).status_code == 200
        told.open("courses")
    assert [task.result().status_code for task in tasks] == [200] * 3
    assert (await ada.get("/api/v1/sync/logs")).status_code == 200, "it has recovered"


async def test_what_waits_for_canvas_holds_up_nothing_else(
    ada: httpx2.AsyncClient, told: Busy
) -> None:
    path = f"/api/v1/canvas/connections/{CONNECTION}"
    waiting = [asyncio.create_task(ada.post("/api/v1/canvas/setup", json=SETUP)) for _ in range(3)]
    await told.busy(2)
    refused = await ada.post(f"{path}/validate")
    assert (refused.status_code, refused.json()["type"]) == (503, "/problems/overloaded")
    assert (await ada.put(f"{path}/token", json={"api_token": "t"})).status_code == 503
    assert (await ada.get(path)).status_code == 200
    assert (await ada.post(f"{path}/sync")).status_code == 202
    told.open("canvas")
    assert [(await task).status_code for task in waiting] == [201] * 3


async def test_whoever_waits_for_a_read_model_stands_aside(
    ada: httpx2.AsyncClient, told: Busy
) -> None:
    behind = {"Consistency-Token": token_of(7)}
    waiting = [asyncio.create_task(ada.get("/api/v1/sync/logs", headers=behind)) for _ in range(5)]
    await told.busy(5)
    assert (await ada.get("/api/v1/sync/logs")).status_code == 200
    told.open("projection")
    assert [(await task).status_code for task in waiting] == [200] * 5


async def test_whoever_sends_slowly_stands_aside_and_is_sent_away(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body_limit, "PATIENCE", 1.0)
    async with serving(app) as base:
        host, port = base.removeprefix("http://").split(":")
        slow = [await _begin_a_body(host, int(port)) for _ in range(3)]
        async with httpx2.AsyncClient(base_url=base) as client:
            async with asyncio.timeout(10):
                while (await client.get("/api/v1/sync/logs", headers=bearer())).is_error:
                    pass  # until the three have stepped aside
            for reader, writer in slow:
                answer = await asyncio.wait_for(reader.read(), 10)
                assert answer.startswith(b"HTTP/1.1 408 ")
                assert b"/problems/request-timeout" in answer
                writer.close()


async def _begin_a_body(host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection(host, port)
    head = [
        f"POST /api/v1/canvas/connections/{CONNECTION}/sync HTTP/1.1",
        "Host: test",
        "Content-Type: application/json",
        "Content-Length: 100",
        f"Authorization: {bearer()['Authorization']}",
    ]
    writer.write("\r\n".join([*head, "", "{"]).encode())
    await writer.drain()
    return reader, writer


async def test_whoever_reads_slowly_holds_no_place(
    app: FastAPI, told: Busy, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def much(*_: Any, **__: Any) -> bytes:
        return b'"%s"' % (b"x" * 10_000_000)

    monkeypatch.setattr(told, "stats_of", much)
    async with serving(app) as base:
        host, port = base.removeprefix("http://").split(":")
        lines = [await asyncio.open_connection(host, int(port), limit=1024) for _ in range(5)]
        head = "GET /api/v1/dashboard/stats HTTP/1.1\r\nHost: test\r\nAuthorization: "
        asked = head + bearer()["Authorization"] + "\r\n\r\n"
        for reader, writer in lines:
            writer.write(asked.encode())
            assert (await asyncio.wait_for(reader.readline(), 10)) == b"HTTP/1.1 200 OK\r\n"
        async with httpx2.AsyncClient(base_url=base) as client:
            assert (await client.get("/api/v1/sync/logs", headers=bearer())).status_code == 200
        for _, writer in lines:
            writer.transport.abort()


def test_what_asks_canvas_is_known_by_its_path() -> None:
    for path in ("setup", "connections/x/token", "connections/x/validate"):
        assert admission_control.ASKS_CANVAS.fullmatch(f"/api/v1/canvas/{path}")
    for path in ("courses", "connections/x/sync", "connections/x", "connections/x/y/token"):
        assert not admission_control.ASKS_CANVAS.fullmatch(f"/api/v1/canvas/{path}")
