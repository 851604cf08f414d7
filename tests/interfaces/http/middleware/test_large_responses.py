"""Large responses that are not read: few for each person, and none for long."""

import asyncio
import socket
from collections.abc import AsyncIterator
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI

from interfaces.http.context import app_state_of
from interfaces.http.middleware import large_responses, request_limiters
from tests.deadlines import scaled
from tests.dev_tokens import ADA, BOB, bearer_headers
from tests.interfaces.http.fake_service import FakeService
from tests.interfaces.loopback_server import serve_on_loopback

STATS = "/api/v1/dashboard/stats"
LARGE = b'"%b"' % (b"x" * 3_500_000)
"""More than the buffers of a connection hold; four are less than a person may leave unread."""


@pytest.fixture
async def base(app: FastAPI, service: FakeService) -> AsyncIterator[str]:
    service.stats = LARGE
    async with serve_on_loopback(app) as base:
        yield base


async def request_and_read_nothing(
    base: str, person: UUID = ADA
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.setblocking(False)
    host, port = base.removeprefix("http://").split(":")
    await asyncio.get_running_loop().sock_connect(client, (host, int(port)))
    reader, writer = await asyncio.open_connection(sock=client, limit=1024)
    head = f"GET {STATS} HTTP/1.1\r\nHost: test\r\nConnection: close\r\nAuthorization: "
    writer.write((head + bearer_headers(person)["Authorization"] + "\r\n\r\n").encode())
    assert await asyncio.wait_for(reader.readline(), scaled(10)) == b"HTTP/1.1 200 OK\r\n"
    return reader, writer


async def get(base: str, path: str, person: UUID = ADA) -> httpx2.Response:
    headers = {**bearer_headers(person), "Accept-Encoding": "identity"}
    async with httpx2.AsyncClient(base_url=base) as client:
        return await client.get(path, headers=headers)


async def test_a_person_with_unread_responses_gets_no_more_and_others_do(
    app: FastAPI, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app_state_of(app).large_responses, "_timeout_seconds", 0.05)
    unread = [await request_and_read_nothing(base) for _ in range(4)]
    refused = await get(base, STATS)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert "earlier large responses" in refused.json()["detail"]
    assert (await get(base, "/api/v1/canvas/data")).status_code == 429, "before it is read"
    assert (await get(base, "/api/v1/canvas/courses")).status_code == 200, "it is small"
    assert (await get(base, STATS, BOB)).content == LARGE
    for _, writer in unread:
        writer.transport.abort()
    async with asyncio.timeout(scaled(10)):
        while (response := await get(base, STATS)).status_code == 429:
            pass  # until the server has noticed
    assert response.content == LARGE


async def test_a_large_response_waits_for_an_earlier_one_that_is_read(base: str) -> None:
    unread = [await request_and_read_nothing(base) for _ in range(4)]
    waiting = asyncio.create_task(get(base, STATS))
    assert (await get(base, "/api/v1/canvas/courses")).status_code == 200
    assert not waiting.done()
    reader, _ = unread[0]
    body = await asyncio.wait_for(reader.read(-1), scaled(10))
    assert body.endswith(LARGE[-1000:])
    assert (await waiting).content == LARGE
    for _, writer in unread:
        writer.transport.abort()


async def test_a_client_that_reads_too_slowly_is_disconnected(
    base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large_responses, "MIN_READ_SECONDS", 0.05)
    monkeypatch.setattr(large_responses, "MIN_BYTES_PER_SECOND", 1e9)
    reader, writer = await request_and_read_nothing(base)
    await asyncio.sleep(0.5)
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await asyncio.wait_for(reader.readexactly(len(LARGE)), scaled(10))
    writer.transport.abort()


@pytest.mark.parametrize("size", [65_000, 66_000, 3_000_000])
async def test_a_large_response_has_the_headers_of_a_small_one(
    ada: httpx2.AsyncClient, service: FakeService, size: int
) -> None:
    service.stats = b'"%b"' % (b"x" * size)
    ada.headers["Accept-Encoding"] = "identity"
    full = await ada.get(STATS)
    assert full.content == service.stats
    assert full.headers["content-length"] == str(size + 2)
    head = await ada.head(STATS)
    assert (head.content, head.headers["content-length"]) == (b"", str(size + 2))
    again = await ada.get(STATS, headers={"If-None-Match": full.headers["etag"]})
    assert again.status_code == 304
    for name in ("consistency-token", "cache-control", "etag"):
        assert full.headers[name] == head.headers[name] == again.headers[name]


async def test_every_end_of_a_request_releases_its_large_response(
    app: FastAPI, ada: httpx2.AsyncClient, service: FakeService
) -> None:
    service.stats = LARGE
    for _ in range(6):
        tag = (await ada.get(STATS)).headers["etag"]
        await ada.head(STATS)
        await ada.get(STATS, headers={"If-None-Match": tag})
        await ada.get("/api/v1/canvas/data")
        await ada.get("/api/v1/canvas/data", headers={"Consistency-Token": "bad"})
    limiter = app_state_of(app).large_responses
    assert all(limiter.try_acquire(str(UUID(int=number))) for number in range(64))
    assert request_limiters.create_large_response_limiter().try_acquire("ada")
