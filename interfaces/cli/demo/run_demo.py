"""The show itself: connect, sync, change, sync again, read back."""

import asyncio
import os
import signal
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from uuid import uuid4

import aiohttp

from infrastructure.canvas_sandbox import Sandbox, SandboxOptions, running_sandbox
from infrastructure.observability.logging import configure_logs
from infrastructure.queue.role_health import ROLES
from infrastructure.settings import Settings, read_settings
from interfaces.cli.demo.environment import staged
from interfaces.cli.demo.http_client import Caller
from interfaces.cli.demo.progress import caught_up, watch
from interfaces.cli.demo.scenario import change
from interfaces.cli.demo.tables import (
    tell_courses,
    tell_dashboard,
    tell_doors,
    tell_events,
    tell_grades,
    tell_step,
    tell_sync,
)
from interfaces.cli.output import console
from interfaces.cli.runtime import run
from interfaces.cli.token import make_token
from interfaces.composition.bootstrap import bootstrap
from interfaces.composition.run_roles import Doors, playing
from interfaces.http.server.listener import PortTaken, listen, url_of

LATENCY_MS = 120
"""How long the sandbox takes for an answer: about what a Canvas nearby does."""
HALF_A_DAY = 12 * 3600

Document = dict[str, Any]


class Cast(NamedTuple):
    """Who plays: the Canvas, and three people with tokens."""

    sandbox: Sandbox
    student: Caller
    auditor: Caller
    admin: Caller


def show(*, once: bool, port: int, courses: int, assignments: int) -> None:
    """Play the demo; raises whatever goes wrong."""
    configure_logs(read_settings(log_level=os.environ.get("LOG_LEVEL") or "warning").log_level)
    options = SandboxOptions(
        courses=courses,
        assignments=assignments,
        latency_ms=LATENCY_MS,
        restricted=courses > 1,
    )
    run(_show(options, port, once=once))


async def _show(options: SandboxOptions, port: int, *, once: bool) -> None:
    stop = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, stop.set)
    began, listener = time.perf_counter(), _listener(port)
    tell_step("Starting PostgreSQL, a Canvas sandbox and the service")
    async with (
        running_sandbox(options) as sandbox,
        staged(sandbox.url) as settings,
        bootstrap(settings, ROLES) as running,
        playing(running, frozenset(ROLES), Doors(listener)) as died,
        _cast(settings, sandbox, url_of(listener)) as cast,
    ):
        console.print(f"Ready after {time.perf_counter() - began:.1f} s at {cast.student.url}")
        stopped = asyncio.create_task(stop.wait())
        acts = asyncio.create_task(_play(cast))
        try:
            await _first(acts, died, stopped)
            if not once and not stop.is_set():
                console.print("\nServing until Ctrl-C.")
                await _first(died, stopped)
        finally:
            acts.cancel()
            stopped.cancel()


async def _first(*ends: "asyncio.Task[Any]") -> None:
    """Wait for the first of several ends, and raise what it raised."""
    done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    for end in done:
        end.result()


def _listener(port: int) -> socket.socket:
    try:
        return listen("127.0.0.1", port)
    except PortTaken:
        listener = listen("127.0.0.1", 0)
        console.print(f"Port {port} is taken, so it is {listener.getsockname()[1]}.")
        return listener


@asynccontextmanager
async def _cast(settings: Settings, sandbox: Sandbox, url: str) -> AsyncIterator[Cast]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        student, auditor, admin = (
            Caller(session, url, make_token(settings, uuid4(), role, HALF_A_DAY))
            for role in ("student", "auditor", "admin")
        )
        yield Cast(sandbox, student, auditor, admin)


async def _play(cast: Cast) -> None:
    connection_id = await _connect(cast)
    sync_id = await _change(cast, connection_id)
    tell_step("The dashboard")
    tell_dashboard(await cast.student.get("/api/v1/dashboard/stats"))
    await _tell_changes(cast, connection_id, sync_id)
    tell_step("Try it")
    tell_doors(cast.student, cast.auditor, connection_id)


async def _connect(cast: Cast) -> str:
    me = cast.sandbox.tokens[0]
    tell_step(f"Connecting {me['name']} and reading everything")
    answer = await cast.student.post(
        "/api/v1/canvas/setup",
        {
            "canvas_url": cast.sandbox.url,
            "canvas_name": "Canvas sandbox",
            "api_token": me["token"],
        },
    )
    await _watch(cast, answer["sync"]["id"], None)
    assignments = await cast.student.items("/api/v1/canvas/assignments")
    tell_courses(await cast.student.items("/api/v1/canvas/courses"), assignments)
    return str(answer["connection"]["id"])


async def _change(cast: Cast, connection_id: str) -> str:
    tell_step("Teachers grade, and move a due date; reading again")
    for line in change(cast.sandbox.control):
        console.print(f"  {line}")
    courses = await cast.student.items("/api/v1/canvas/courses")
    newest = max((course["updated_at"] for course in courses), default="")
    sync = await cast.student.post(f"/api/v1/canvas/connections/{connection_id}/sync", {})
    await _watch(cast, sync["id"], newest)
    return str(sync["id"])


async def _watch(cast: Cast, sync_id: str, since: str | None) -> None:
    began = time.perf_counter()
    sync = await watch(cast.student, sync_id, since)
    seconds = time.perf_counter() - began
    await caught_up(cast.admin)
    tell_sync(sync, seconds)


async def _tell_changes(cast: Cast, connection_id: str, sync_id: str) -> None:
    assignments = await cast.student.items("/api/v1/canvas/assignments")
    courses = await cast.student.items("/api/v1/canvas/courses")
    named = [(each, each["name"] or "a course") for each in (*assignments, *courses)]
    tell_step("Grades that changed")
    changes = await cast.student.items("/api/v1/canvas/grades/history")
    tell_grades(
        [change for change in changes if change["sync_id"] == sync_id],
        {each["id"]: name for each, name in named},
    )
    tell_step("The events behind it, as an auditor sees them")
    events = await cast.auditor.items(f"/api/v1/audit/connections/{connection_id}/events")
    tell_events(
        [event for event in events if event["payload"].get("sync_id") == sync_id],
        {each["canvas_id"]: name for each, name in named},
    )
