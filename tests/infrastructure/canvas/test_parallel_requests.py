"""Parallel requests of an account: how many, and who waits for whom."""

import asyncio
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from tests.deadlines import scaled
from tests.infrastructure.canvas.fake_servers import (
    TOKEN,
    FakeCanvasServer,
    open_client,
    serve_handler,
)
from tests.infrastructure.canvas.test_account import canvas_with_courses, open_account


@dataclass
class BlockingCanvas:
    """Delays responses for courses until `opened`; sets `full` at `expected` requests in flight."""

    server: FakeCanvasServer
    inside: int = 0
    max_inside: int = 0
    full: asyncio.Event = field(default_factory=asyncio.Event)
    opened: asyncio.Event = field(default_factory=asyncio.Event)
    expected: int = 8

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        if "assignment_groups" not in request.path:
            return await self.server(request)
        self.inside += 1
        self.max_inside = max(self.max_inside, self.inside)
        if self.inside == self.expected:
            self.full.set()
        try:
            await self.opened.wait()
            return await self.server(request)
        finally:
            self.inside -= 1


async def test_exactly_eight_requests_run_in_parallel() -> None:
    blocking = BlockingCanvas(canvas_with_courses(30))
    async with open_account(blocking) as account:
        courses = (await account.list_courses()).courses
        results = account.fetch_courses(courses, {})
        first_result = asyncio.ensure_future(anext(results))
        await asyncio.wait_for(blocking.full.wait(), scaled(10))
        blocking.opened.set()
        fetched = [await first_result, *[fetched_course async for fetched_course in results]]
    assert len(fetched) == 30
    assert blocking.max_inside == 8


async def test_runs_with_the_same_token_share_the_eight_slots() -> None:
    blocking = BlockingCanvas(canvas_with_courses(10))
    async with serve_handler(blocking) as origin, open_client(origin) as canvas:

        async def read() -> int:
            async with canvas.open_account(origin, TOKEN) as account:
                courses = (await account.list_courses()).courses
                return len([fetched async for fetched in account.fetch_courses(courses, {})])

        runs = [asyncio.ensure_future(read()) for _ in range(3)]
        await asyncio.wait_for(blocking.full.wait(), scaled(10))
        blocking.opened.set()
        assert await asyncio.gather(*runs) == [10, 10, 10]
    assert blocking.max_inside == 8


async def test_all_accounts_share_one_connection_pool() -> None:
    server = canvas_with_courses(30)
    ports: set[int] = set()

    async def respond(request: web.Request) -> web.StreamResponse:
        assert request.transport
        ports.add(request.transport.get_extra_info("peername")[1])
        return await server(request)

    async with serve_handler(respond) as origin, open_client(origin) as canvas:
        for _ in range(3):
            async with canvas.open_account(origin, TOKEN) as account:
                courses = (await account.list_courses()).courses
                assert len([fetched async for fetched in account.fetch_courses(courses, {})]) == 30
    assert len(ports) <= 8


async def test_a_slow_consumer_limits_how_far_reading_runs_ahead() -> None:
    server = canvas_with_courses(40)
    async with open_account(server) as account:
        courses = (await account.list_courses()).courses
        request_counts = []
        async for _ in account.fetch_courses(courses, {}):
            for _ in range(20):
                await asyncio.sleep(0)
            request_counts.append(len(server.requests))
            received = len(request_counts)
            assert len(server.requests) <= 1 + received + 8
    assert len(request_counts) == 40


@pytest.mark.parametrize("closes_iterator", [True, False])
async def test_a_consumer_that_stops_early_cancels_the_other_requests(
    closes_iterator: bool,  # noqa: FBT001  # a test parameter
) -> None:
    server = canvas_with_courses(40)
    blocking = BlockingCanvas(server, expected=7)

    async def respond(request: web.Request) -> web.StreamResponse:
        return await (server if "/courses/1/" in request.path else blocking)(request)

    async with open_account(respond) as account:
        results = account.fetch_courses((await account.list_courses()).courses, {})
        first_result = await anext(results)
        assert first_result.course["canvas_id"] == "1"
        await asyncio.wait_for(blocking.full.wait(), scaled(10))
        if closes_iterator:
            await results.aclose()  # type: ignore[attr-defined]  # it is an async generator
            assert not account._tasks
    assert not account._tasks
    assert len(server.requests) < 12
    blocking.opened.set()
