"""Runs the demo: connect, sync, change grades in the sandbox, sync again, print the results."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, NamedTuple
from uuid import UUID

import aiohttp
import orjson

from infrastructure.canvas_sandbox import Sandbox, SandboxOptions, running_sandbox
from infrastructure.observability.logging import configure_logging
from infrastructure.queue.role_health import ROLES
from infrastructure.seals.receipts.receipt_file import parse_receipt
from infrastructure.seals.receipts.verify_receipt import verify_receipt
from infrastructure.seals.signatures import parse_vkey
from infrastructure.settings.settings import Settings, read_settings
from interfaces.cli.demo.environment import demo_environment
from interfaces.cli.demo.guide import Guide, print_guide
from interfaces.cli.demo.http_client import ApiClient
from interfaces.cli.demo.progress import follow_sync, time_limit, wait_for_projections
from interfaces.cli.demo.running_demo import RunningDemo, published_demo, published_settings
from interfaces.cli.demo.sandbox_changes import apply_changes, find_grade_to_set
from interfaces.cli.demo.tables import (
    print_courses,
    print_dashboard,
    print_events,
    print_grades,
    print_step,
    print_sync,
)
from interfaces.cli.output import print_line
from interfaces.cli.runtime import run
from interfaces.cli.token import sign_token
from interfaces.composition.bootstrap import bootstrap
from interfaces.composition.run_roles import Listeners, running_roles
from interfaces.http.auth.console_options import (
    ADMIN_ID,
    AUDITOR_ID,
    STUDENT_ID,
    ConsoleDemo,
)
from interfaces.http.server.listener import Listener, PortUnavailable, listen, url_of

SANDBOX_LATENCY_MS = 120
"""Delay of each response of the sandbox: about as long as a near Canvas takes."""
TOKEN_TTL_SECONDS = 12 * 3600
KEY_PATH = "/api/v1/audit/key"
PURPOSE = "demonstration"
"""Why the auditor of the demo reads a history."""
VARIED_SCHOOL_COURSES = 6
"""From so many courses on, the student also has past terms, another role, and rare situations."""

USERS: dict[str, UUID] = {"student": STUDENT_ID, "auditor": AUDITOR_ID, "admin": ADMIN_ID}
"""The user of each role; the console signs in as the same."""

Document = dict[str, Any]


class DemoSession(NamedTuple):
    """A demo that serves, its sandbox, and a client of the API for a user of each role."""

    demo: RunningDemo
    sandbox: Sandbox
    student: ApiClient
    auditor: ApiClient
    admin: ApiClient


def run_demo(*, once: bool, port: int, courses: int, assignments: int) -> None:
    """Run the demo, and serve until SIGTERM or SIGINT unless `once` is true.

    If `port` is in use, the demo takes a free one.

    Raises:
        CommandFailed: If a request or a sync of the demo fails.
        PostgresUnavailable: If the embedded PostgreSQL cannot be started.
        RoleFailed: If a role of the service ends.
    """
    configure_logging(read_settings(log_level=os.environ.get("LOG_LEVEL") or "warning").log_level)
    is_varied = courses >= VARIED_SCHOOL_COURSES
    options = SandboxOptions(
        courses=courses,
        assignments=assignments,
        latency_ms=SANDBOX_LATENCY_MS,
        restricted=courses > 1,
        varied=is_varied,
        past_courses=3 if is_varied else 0,
        taught_courses=1 if is_varied else 0,
        classmates=24 if is_varied else 0,
    )
    with _open_listener(port) as listener:
        run(_run_demo(options, listener, once=once))


async def _run_demo(options: SandboxOptions, listener: Listener, *, once: bool) -> None:
    stop = asyncio.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_number, stop.set)
    started_at = time.perf_counter()
    print_step("Starting PostgreSQL, a Canvas sandbox and the service")
    async with (
        running_sandbox(_open_to_console(options, listener)) as sandbox,
        demo_environment(sandbox.url) as settings,
        bootstrap(settings, ROLES) as process,
        running_roles(
            process, frozenset(ROLES), Listeners(listener), demo=_console_demo(sandbox)
        ) as role_exit,
        _open_session(settings, sandbox, url_of(listener)) as session,
    ):
        print_line(f"Ready after {time.perf_counter() - started_at:.1f} s: {session.student.url}")
        stopped = asyncio.create_task(stop.wait())
        scenario = asyncio.create_task(_run_scenario(session))
        try:
            await _wait_for_first(scenario, role_exit, stopped)
            if not once and not stop.is_set():
                print_guide(scenario.result())
                await _wait_for_first(role_exit, stopped)
        finally:
            scenario.cancel()
            stopped.cancel()


async def _wait_for_first(*tasks: "asyncio.Task[Any]") -> None:
    """Wait until one of the tasks ends; if it failed, raise its exception."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()


def _open_listener(port: int) -> Listener:
    try:
        return listen("127.0.0.1", port)
    except PortUnavailable:
        listener = listen("127.0.0.1", 0)
        print_line(f"Port {port} is in use; the demo uses port {listener.port} instead.")
        return listener


def _open_to_console(options: SandboxOptions, listener: Listener) -> SandboxOptions:
    """Return the options with which the console of this demo may use the control API."""
    hosts = ("127.0.0.1", "localhost")
    return replace(
        options,
        control_origins=tuple(f"http://{host}:{listener.port}" for host in hosts),
        links_to_itself=True,
    )


def _console_demo(sandbox: Sandbox) -> ConsoleDemo:
    return ConsoleDemo(f"{sandbox.url}/sandbox", STUDENT_ID)


@asynccontextmanager
async def _open_session(
    settings: Settings, sandbox: Sandbox, url: str
) -> AsyncIterator[DemoSession]:
    demo = RunningDemo(url, sandbox.url, USERS, published_settings(settings))
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as http:
        student, auditor, admin = (
            ApiClient(http, url, sign_token(settings, user, role, TOKEN_TTL_SECONDS))
            for role, user in USERS.items()
        )
        with published_demo(demo):
            yield DemoSession(demo, sandbox, student, auditor, admin)


async def _run_scenario(session: DemoSession) -> Guide:
    """Print each step, and return what the last page refers to."""
    connection_id = await _connect(session)
    sync_id = await _change_and_sync(session, connection_id)
    print_step("Dashboard")
    print_dashboard(await session.student.get("/api/v1/dashboard/stats"))
    change_id = await _print_grades(session, sync_id)
    await _print_history(session, connection_id, sync_id)
    if change_id:
        await _print_receipt(session, change_id)
    clients = zip(USERS, (session.student, session.auditor, session.admin), strict=True)
    return Guide(
        session.demo.url,
        session.demo.sandbox_url,
        {role: client.token for role, client in clients},
        connection_id,
        change_id,
        find_grade_to_set(session.sandbox.control),
    )


async def _connect(session: DemoSession) -> str:
    student = session.sandbox.tokens[0]
    print_step(f"First sync: connecting {student['name']} and reading all courses")
    response = await session.student.post(
        "/api/v1/canvas/setup",
        {
            "canvas_url": session.sandbox.url,
            "canvas_name": "Canvas sandbox",
            "api_token": student["token"],
        },
    )
    await _follow_sync(session, response["sync"]["id"], None)
    assignments = await session.student.items("/api/v1/canvas/assignments")
    print_courses(await session.student.items("/api/v1/canvas/courses"), assignments)
    return str(response["connection"]["id"])


async def _change_and_sync(session: DemoSession, connection_id: str) -> str:
    print_step("Second sync: after changes of grades and of a due date in the sandbox")
    for line in apply_changes(session.sandbox.control):
        print_line(f"  {line}")
    courses = await session.student.items("/api/v1/canvas/courses")
    newest = max((course["updated_at"] for course in courses), default="")
    sync = await session.student.post(f"/api/v1/canvas/connections/{connection_id}/sync", {})
    await _follow_sync(session, sync["id"], newest)
    return str(sync["id"])


async def _follow_sync(session: DemoSession, sync_id: str, since: str | None) -> None:
    started_at = time.perf_counter()
    sync = await follow_sync(session.student, sync_id, since)
    seconds = time.perf_counter() - started_at
    await wait_for_projections(session.admin)
    print_sync(sync, seconds)


async def _print_grades(session: DemoSession, sync_id: str) -> str | None:
    """Print the grade changes of a sync; return the id of one, or None if there are none."""
    assignments = await session.student.items("/api/v1/canvas/assignments")
    courses = await session.student.items("/api/v1/canvas/courses")
    names = {item["id"]: item["name"] or "a restricted course" for item in (*assignments, *courses)}
    print_step("Grade changes of the second sync")
    items = await session.student.items("/api/v1/canvas/grades/history")
    changes = [change for change in items if change["sync_id"] == sync_id]
    print_grades(changes, names)
    return next((str(change["id"]) for change in changes), None)


async def _print_history(session: DemoSession, connection_id: str, sync_id: str) -> None:
    path = f"/api/v1/audit/connections/{connection_id}/events"
    print_step("Events of the second sync, as an auditor reads them")
    events = await session.auditor.items(path, purpose=PURPOSE)
    print_events([event for event in events if event["payload"].get("sync_id") == sync_id])


async def _print_receipt(session: DemoSession, change_id: str) -> None:
    """Print what the receipt of a grade proves, checked with the key of the log."""
    print_step("Receipt of a grade: a file that anybody can check, without easeboard")
    async with time_limit("The grade is not sealed"):
        receipt = await session.student.get_when_available(f"/api/v1/me/grades/{change_id}/receipt")
    keys = [parse_vkey(line) for line in (await session.auditor.text(KEY_PATH)).splitlines()]
    verified = verify_receipt(parse_receipt(orjson.dumps(receipt)), keys)
    print_line(verified.statement)
    log = verified.checkpoint
    print_line(f"It is entry {verified.entry_index:,} of {log.size:,} in the log {log.origin}.")
