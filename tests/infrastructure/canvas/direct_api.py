"""The Canvas client without an account: requests, lists and the work of one course."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from infrastructure.canvas.api_client import CanvasApi
from infrastructure.canvas.course_work import CourseWork, fetch_course_work
from infrastructure.canvas.limits import Limits
from infrastructure.canvas.pagination import fetch_rows
from tests.infrastructure.canvas.fake_servers import (
    FAST_LIMITS,
    TOKEN,
    Handler,
    open_client,
    serve_handler,
)


@asynccontextmanager
async def open_api(
    origin: str, limits: Limits = FAST_LIMITS, *other_origins: str, host_degraded: bool = False
) -> AsyncIterator[CanvasApi]:
    """Open the API at a loopback origin; requests to the other origins would be allowed too."""
    async with open_client(origin, *other_origins, limits=limits) as canvas:
        yield canvas._open_api(origin, TOKEN, limits.run_seconds, host_degraded=host_degraded)


@asynccontextmanager
async def api_of(handler: Handler, limits: Limits = FAST_LIMITS) -> AsyncIterator[CanvasApi]:
    """Run a server with this handler, and open its API."""
    async with serve_handler(handler) as origin, open_api(origin, limits) as api:
        yield api


async def read_list(
    api: CanvasApi, path: str = "courses", limits: Limits = FAST_LIMITS, **options: Any
) -> list[Any]:
    """Read all rows of a list."""
    return [row async for row in fetch_rows(api, limits, path, **options)]


async def read_course(
    handler: Handler, limits: Limits = FAST_LIMITS, course_id: str = "101", **options: Any
) -> CourseWork:
    """Read the work of a course from a server with this handler."""
    async with api_of(handler, limits) as api:
        return await fetch_course_work(api, limits, course_id, "42", **options)
