"""Tests of the time limits: a slow first byte is allowed, and costs only its own course."""

import asyncio
from dataclasses import dataclass, field, replace

import pytest
from aiohttp import web

from domain.errors import CanvasFailure, CanvasTimeout, CanvasUnreachable
from infrastructure.canvas.course_work import fetch_course_work
from infrastructure.canvas.limits import DEFAULT_LIMITS, Limits
from tests.deadlines import scaled
from tests.infrastructure.canvas.course_server import CourseServer
from tests.infrastructure.canvas.direct_api import api_of, open_api, read_course, read_list
from tests.infrastructure.canvas.fake_servers import (
    FAST_LIMITS,
    json_response,
    open_client,
    serve_bytes,
    serve_handler,
)
from tests.infrastructure.canvas.rows import assignment_row, group_row

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
LONG = scaled(30)
"""More than any of these tests needs."""
PATIENT = replace(
    FAST_LIMITS,
    connect_seconds=LONG,
    pool_seconds=LONG,
    first_byte_seconds=LONG,
    read_seconds=LONG,
    body_seconds=LONG,
    slow_seconds=LONG,
)


@dataclass
class SlowCourse:
    """A Canvas that does not respond for the course 1 until `opened`."""

    server: CourseServer
    requested: asyncio.Event = field(default_factory=asyncio.Event)
    opened: asyncio.Event = field(default_factory=asyncio.Event)
    count: int = 0

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        if "/courses/1/" in request.path:
            self.count += 1
            self.requested.set()
            await self.opened.wait()
        return await self.server(request)


async def attempts_at(status: int, delay_seconds: float, slow_seconds: float) -> int:
    """How often a list is requested whose response has this status after this time."""
    count = 0

    async def respond(_: web.Request) -> web.Response:
        nonlocal count
        count += 1
        await asyncio.sleep(delay_seconds)
        return json_response({"errors": []}, status=status)

    limits = replace(PATIENT, slow_seconds=slow_seconds)
    async with api_of(respond, limits) as api:
        with pytest.raises(CanvasFailure):
            await read_list(api, limits=limits)
    return count


async def test_other_courses_and_students_are_read_while_one_course_is_slow() -> None:
    slow = SlowCourse(CourseServer([group_row("11", assignment_row("1"))]))
    limits = replace(PATIENT, read_seconds=0.01)
    async with serve_handler(slow) as origin, open_client(origin, limits=limits) as canvas:
        api = canvas._open_api(origin, "token-1", limits.run_seconds)
        waiting = asyncio.ensure_future(fetch_course_work(api, limits, "1", "42"))
        await asyncio.wait_for(slow.requested.wait(), LONG)
        other_api = canvas._open_api(origin, "token-2", limits.run_seconds)
        for each_api in (api, other_api):
            others = [
                fetch_course_work(each_api, limits, str(course_id), "42")
                for course_id in range(2, 20)
            ]
            results = await asyncio.wait_for(asyncio.gather(*others), LONG)
            assert [len(work.assignments) for work in results] == [1] * 18
        assert not waiting.done()
        slow.opened.set()
        assert len((await asyncio.wait_for(waiting, LONG)).assignments) == 1
    assert slow.count == 1


async def test_a_course_that_does_not_respond_is_requested_twice() -> None:
    slow = SlowCourse(CourseServer([]))
    try:
        with pytest.raises(CanvasTimeout):
            await read_course(slow, replace(PATIENT, first_byte_seconds=0.5), "1")
    finally:
        slow.opened.set()
    assert slow.count == 2


async def test_a_slow_server_error_is_retried_once_and_a_quick_one_thrice() -> None:
    assert await attempts_at(500, 0.05, slow_seconds=0.05) == 2
    assert await attempts_at(500, 0, slow_seconds=LONG) == FAST_LIMITS.max_error_attempts


async def test_a_body_may_take_longer_than_its_first_byte_and_its_longest_pause() -> None:
    pauses, seconds = 30, 0.05

    async def write(writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + b"Content-Length: %d\r\n\r\n[" % (pauses + 2))
        for _ in range(pauses):
            await writer.drain()
            await asyncio.sleep(seconds)
            writer.write(b" ")
        writer.write(b"]")
        await writer.drain()

    half = pauses * seconds / 2
    limits = replace(PATIENT, first_byte_seconds=half, read_seconds=half)
    async with serve_bytes(write) as origin, open_api(origin, limits) as api:
        assert await read_list(api, limits=limits) == []
        assert api.requests["total"] == 1


@pytest.mark.parametrize(
    "limits", [replace(PATIENT, read_seconds=0.05), replace(PATIENT, body_seconds=0.05)]
)
async def test_a_body_that_stops_is_requested_twice(limits: Limits) -> None:
    count = 0

    async def write(writer: asyncio.StreamWriter) -> None:
        nonlocal count
        count += 1
        writer.write(HEAD + b"Content-Length: 10\r\n\r\n[")
        await writer.drain()
        await asyncio.Event().wait()

    async with serve_bytes(write) as origin, open_api(origin, limits) as api:
        with pytest.raises(CanvasTimeout):
            await read_list(api)
    assert count == 2


async def test_a_connection_that_is_closed_after_a_long_wait_is_tried_twice() -> None:
    async def write(_: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.05)

    limits = replace(PATIENT, slow_seconds=0.05)
    async with serve_bytes(write) as origin, open_api(origin, limits) as api:
        with pytest.raises(CanvasUnreachable):
            await read_list(api)
        assert api.requests["total"] == 2


def test_the_default_limits_allow_the_slowest_canvas_and_end_a_run() -> None:
    load_balancer_seconds = 60
    slowest_course = DEFAULT_LIMITS.max_slow_attempts * (
        DEFAULT_LIMITS.pool_seconds
        + DEFAULT_LIMITS.first_byte_seconds
        + DEFAULT_LIMITS.body_seconds
        + DEFAULT_LIMITS.max_backoff_seconds
    )
    assert load_balancer_seconds < DEFAULT_LIMITS.first_byte_seconds
    assert slowest_course < DEFAULT_LIMITS.run_seconds / 2
