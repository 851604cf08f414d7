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
from infrastructure.observability.logging import configure_logging
from infrastructure.queue.role_health import ROLES
from infrastructure.settings import Settings, read_settings
from interfaces.cli.demo.environment import demo_environment
from interfaces.cli.demo.http_client import ApiClient
from interfaces.cli.demo.progress import follow_sync, wait_for_projections
from interfaces.cli.demo.scenario import apply_changes
from interfaces.cli.demo.tables import (
    print_courses,
    print_dashboard,
    print_events,
    print_grades,
    print_next_steps,
    print_step,
    print_sync,
)
from interfaces.cli.output import console
from interfaces.cli.runtime import run
from interfaces.cli.token import sign_token
from interfaces.composition.bootstrap import bootstrap
from interfaces.composition.run_roles import Listeners, running_roles
from interfaces.http.server.listener import PortUnavailable, listen, url_of

SANDBOX_LATENCY_MS = 120
"""How long the sandbox takes for an answer: about what a Canvas nearby does."""
TOKEN_TTL_SECONDS = 12 * 3600

Document = dict[str, Any]


class DemoActors(NamedTuple):
    """Who plays: the Canvas, and three people with tokens."""

    sandbox: Sandbox
    student: ApiClient
    auditor: ApiClient
    admin: ApiClient


def run_demo(*, once: bool, port: int, courses: int, assignments: int) -> None:
    """Play the demo; raises whatever goes wrong."""
    configure_logging(read_settings(log_level=os.environ.get("LOG_LEVEL") or "warning").log_level)
    options = SandboxOptions(
        courses=courses,
        assignments=assignments,
        latency_ms=SANDBOX_LATENCY_MS,
        restricted=courses > 1,
    )
    run(_run_demo(options, port, once=once))


async def _run_demo(options: SandboxOptions, port: int, *, once: bool) -> None:
    stop = asyncio.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_number, stop.set)
    started_at, listener = time.perf_counter(), _open_listener(port)
    print_step("Starting PostgreSQL, a Canvas sandbox and the service")
    async with (
        running_sandbox(options) as sandbox,
        demo_environment(sandbox.url) as settings,
        bootstrap(settings, ROLES) as process,
        running_roles(process, frozenset(ROLES), Listeners(listener)) as role_exit,
        _demo_actors(settings, sandbox, url_of(listener)) as actors,
    ):
        console.print(
            f"Ready after {time.perf_counter() - started_at:.1f} s at {actors.student.url}"
        )
        stopped = asyncio.create_task(stop.wait())
        scenario = asyncio.create_task(_run_scenario(actors))
        try:
            await _wait_for_first(scenario, role_exit, stopped)
            if not once and not stop.is_set():
                console.print("\nServing until Ctrl-C.")
                await _wait_for_first(role_exit, stopped)
        finally:
            scenario.cancel()
            stopped.cancel()


async def _wait_for_first(*tasks: "asyncio.Task[Any]") -> None:
    """Wait for the first of several ends, and raise what it raised."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()


def _open_listener(port: int) -> socket.socket:
    try:
        return listen("127.0.0.1", port)
    except PortUnavailable:
        listener = listen("127.0.0.1", 0)
        console.print(f"Port {port} is taken, so it is {listener.getsockname()[1]}.")
        return listener


@asynccontextmanager
async def _demo_actors(settings: Settings, sandbox: Sandbox, url: str) -> AsyncIterator[DemoActors]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        student, auditor, admin = (
            ApiClient(session, url, sign_token(settings, uuid4(), role, TOKEN_TTL_SECONDS))
            for role in ("student", "auditor", "admin")
        )
        yield DemoActors(sandbox, student, auditor, admin)


async def _run_scenario(actors: DemoActors) -> None:
    connection_id = await _connect(actors)
    sync_id = await _change_and_sync(actors, connection_id)
    print_step("The dashboard")
    print_dashboard(await actors.student.get("/api/v1/dashboard/stats"))
    await _print_changes(actors, connection_id, sync_id)
    print_step("Try it")
    print_next_steps(actors.student, actors.auditor, connection_id)


async def _connect(actors: DemoActors) -> str:
    student = actors.sandbox.tokens[0]
    print_step(f"Connecting {student['name']} and reading everything")
    response = await actors.student.post(
        "/api/v1/canvas/setup",
        {
            "canvas_url": actors.sandbox.url,
            "canvas_name": "Canvas sandbox",
            "api_token": student["token"],
        },
    )
    await _follow_sync(actors, response["sync"]["id"], None)
    assignments = await actors.student.items("/api/v1/canvas/assignments")
    print_courses(await actors.student.items("/api/v1/canvas/courses"), assignments)
    return str(response["connection"]["id"])


async def _change_and_sync(actors: DemoActors, connection_id: str) -> str:
    print_step("Teachers grade, and move a due date; reading again")
    for line in apply_changes(actors.sandbox.control):
        console.print(f"  {line}")
    courses = await actors.student.items("/api/v1/canvas/courses")
    newest = max((course["updated_at"] for course in courses), default="")
    sync = await actors.student.post(f"/api/v1/canvas/connections/{connection_id}/sync", {})
    await _follow_sync(actors, sync["id"], newest)
    return str(sync["id"])


async def _follow_sync(actors: DemoActors, sync_id: str, since: str | None) -> None:
    started_at = time.perf_counter()
    sync = await follow_sync(actors.student, sync_id, since)
    seconds = time.perf_counter() - started_at
    await wait_for_projections(actors.admin)
    print_sync(sync, seconds)


async def _print_changes(actors: DemoActors, connection_id: str, sync_id: str) -> None:
    assignments = await actors.student.items("/api/v1/canvas/assignments")
    courses = await actors.student.items("/api/v1/canvas/courses")
    items_with_names = [(item, item["name"] or "a course") for item in (*assignments, *courses)]
    print_step("Grades that changed")
    changes = await actors.student.items("/api/v1/canvas/grades/history")
    print_grades(
        [change for change in changes if change["sync_id"] == sync_id],
        {item["id"]: name for item, name in items_with_names},
    )
    print_step("The events behind it, as an auditor sees them")
    events = await actors.auditor.items(f"/api/v1/audit/connections/{connection_id}/events")
    print_events(
        [event for event in events if event["payload"].get("sync_id") == sync_id],
        {item["canvas_id"]: name for item, name in items_with_names},
    )
