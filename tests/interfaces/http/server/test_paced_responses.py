"""Large responses wait for their clients, and what waits is bounded by person and in all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import pytest
from fastapi import FastAPI, Request, Response
from starlette.routing import Route

from interfaces.http.server import unsent_bytes
from interfaces.http.server.unsent_bytes import UnsentBytes
from tests.deadlines import scaled
from tests.dev_tokens import ADA, BOB, bearer_headers
from tests.interfaces.http.server.raw_connection import RawConnection, connect
from tests.interfaces.loopback_server import serve_on_loopback

BODY_BYTES = 24_000_000
"""Several times of what the kernel buffers for a connection on the loopback interface."""


def request_of(person: UUID) -> bytes:
    authorization = bearer_headers(person)["Authorization"]
    return f"GET /large HTTP/1.1\r\nHost: test\r\nAuthorization: {authorization}\r\n\r\n".encode()


@asynccontextmanager
async def unread_response(base: str, person: UUID) -> AsyncIterator[RawConnection]:
    """Request a large document, and read nothing of it."""
    async with connect(base) as connection:
        connection.writer.transport.pause_reading()  # type: ignore[attr-defined]  # sockets can be read
        connection.writer.write(request_of(person))
        yield connection


async def read_all(connection: RawConnection) -> int:
    """Read until the whole body is there or the connection ends; return the bytes."""
    connection.writer.transport.resume_reading()  # type: ignore[attr-defined]
    received = 0
    try:
        async with asyncio.timeout(scaled(10)):
            while received < BODY_BYTES:
                piece = await connection.reader.read(1_000_000)
                if not piece:
                    break
                received += len(piece)
    except ConnectionError:
        pass
    return received


async def send_large_body(_: Request) -> Response:
    return Response(b"x" * BODY_BYTES)


@pytest.fixture
async def base(app: FastAPI) -> AsyncIterator[str]:
    app.router.routes.append(Route("/large", send_large_body))
    async with serve_on_loopback(app) as base:
        yield base


async def test_a_large_body_arrives_whole(base: str) -> None:
    async with connect(base) as connection:
        assert await connection.request(request_of(ADA)) == 200
        assert await connection.request() == 200


async def test_the_connections_of_a_person_who_does_not_read_are_aborted(
    base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unsent_bytes, "MAX_BYTES_PER_OWNER", BODY_BYTES * 11 // 10)
    monkeypatch.setattr(unsent_bytes, "STALL_SECONDS", 0.5)
    async with (
        unread_response(base, ADA) as first,
        unread_response(base, ADA) as second,
        unread_response(base, BOB) as other,
    ):
        await asyncio.sleep(scaled(1))
        complete = [await read_all(each) >= BODY_BYTES for each in (first, second)]
        assert sorted(complete) == [False, True]
        assert await read_all(other) >= BODY_BYTES


async def test_a_person_who_reads_is_not_aborted_for_their_own_limit(
    base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unsent_bytes, "MAX_BYTES_PER_OWNER", 1000)
    async with connect(base) as connection:
        for _ in range(3):
            assert await connection.request(request_of(ADA)) == 200


async def test_one_response_of_any_size_may_wait(
    base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unsent_bytes, "MAX_BYTES_PER_OWNER", BODY_BYTES // 10)
    monkeypatch.setattr(unsent_bytes, "STALL_SECONDS", 0.1)
    async with unread_response(base, ADA) as alone:
        await asyncio.sleep(scaled(0.5))
        assert await read_all(alone) >= BODY_BYTES


async def test_the_process_has_a_limit_of_its_own(
    base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unsent_bytes, "MAX_BYTES", BODY_BYTES * 21 // 10)
    monkeypatch.setattr(unsent_bytes, "STALL_SECONDS", 3600)
    async with (
        unread_response(base, ADA) as first,
        unread_response(base, ADA) as second,
    ):
        await asyncio.sleep(scaled(0.25))
        async with unread_response(base, BOB) as other:
            await asyncio.sleep(scaled(0.25))
            assert await read_all(other) >= BODY_BYTES
        complete = [await read_all(each) >= BODY_BYTES for each in (first, second)]
        assert sorted(complete) == [False, True]


async def test_nothing_is_counted_when_nothing_waits() -> None:
    unsent, aborted = UnsentBytes(), []
    first = unsent.add("ada", 10, lambda: aborted.append("first"))
    with unsent.hold("ada", 20, lambda: aborted.append("second")) as second:
        unsent.sent(second, 15)
        assert unsent.total == 15
    unsent.release(first)
    unsent.release(first)
    unsent.sent(second, 5)
    assert (unsent.total, aborted) == (0, [])
