"""Runs the roles of one process: it answers, takes runs on, projects and keeps the clock."""

import asyncio
import signal
import socket
import sys
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from uuid import UUID

import structlog

from infrastructure.postgres.lease import Lease
from infrastructure.queue.recovery import SECONDS, keep_recovering
from infrastructure.queue.worker import PARTING, Working
from infrastructure.scheduling.scanner import scheduler
from infrastructure.settings import Settings
from interfaces.composition.bootstrap import bootstrap
from interfaces.composition.process import Running
from interfaces.http.server.listener import url_of
from interfaces.http.server.serve_http import answer, answer_metrics
from projections.sync_log.query import unfinished

GRACE = 5
"""Seconds that open requests have to end when the process stops."""
RUNS_GRACE = 12
"""Seconds that runs under way have to end before they are given back."""
SWITCH = 0.001
"""Seconds a thread may keep the interpreter from the event loop, where others wait to be answered;
with Python's own 5 ms, `/health/live` takes half as long again when all threads are busy."""
GLANCE = 0.5
"""Seconds between two looks at a thread."""

log = structlog.get_logger()


class RoleDied(Exception):
    """A role ended that should not have; the message says which and why."""


class Doors(NamedTuple):
    """What a process listens on: for the API, and for its metrics where they have a port."""

    api: socket.socket | None = None
    metrics: socket.socket | None = None


async def serve(settings: Settings, roles: frozenset[str], doors: Doors) -> None:
    """Run these roles until SIGTERM or SIGINT; raises RoleDied when one ends before."""
    sys.setswitchinterval(SWITCH)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stop.set)
    async with bootstrap(settings, roles) as running, playing(running, roles, doors) as died:
        log.info("serving", roles=sorted(roles), url=doors.api and url_of(doors.api))
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({stopped, died}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if died.done():
            died.result()
        log.info("stopping")


@asynccontextmanager
async def playing(
    running: Running, roles: frozenset[str], doors: Doors
) -> AsyncIterator[asyncio.Task[None]]:
    """Run these roles inside the context; the task given ends, with RoleDied, when one does.

    Stopped in order: no new runs are asked for, then requests and runs end, then the projector;
    the process beats to the last.
    """
    await running.queue.workers.beat()
    tasks = {
        role: asyncio.create_task(part, name=role) for role, part in _parts(running, roles, doors)
    }
    died = asyncio.create_task(_first_death(list(tasks.values())))
    try:
        yield died
    finally:
        died.cancel()
        for group in (("scheduler",), ("api", "worker"), ("projector", "metrics"), ("beating",)):
            await _stop([tasks[role] for role in group if role in tasks])


def _parts(
    running: Running, roles: frozenset[str], doors: Doors
) -> Iterator[tuple[str, Coroutine[Any, Any, None]]]:
    if "api" in roles and doors.api:
        yield "api", answer(running, doors.api, GRACE)
    if "worker" in roles:
        yield "worker", _take_runs_on(running)
    if "projector" in roles:
        yield "projector", _project(running)
    if "scheduler" in roles:
        yield "scheduler", _keep_the_clock(running)
    yield "beating", running.queue.workers.keep_beating()
    if doors.metrics:
        yield "metrics", answer_metrics(doors.metrics, running.scrape)


async def _first_death(tasks: list[asyncio.Task[None]]) -> None:
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    dead = done.pop()
    reason = repr(dead.exception()) if dead.exception() else "it ended"
    log.error("role_died", role=dead.get_name(), exc_info=dead.exception())
    raise RoleDied(f"The role {dead.get_name()} died: {reason}") from dead.exception()


async def _stop(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=RUNS_GRACE + PARTING + 2)


async def _take_runs_on(running: Running) -> None:
    queue, service, pool = running.queue, running.service, running.pools.reads
    working = Working(
        queue,
        service.run_sync,
        service.give_run_back,
        concurrency=running.settings.sync_concurrency,
    )
    lease = Lease("recovery", queue.workers.process, queue.pool, seconds=SECONDS)

    async def open_runs() -> list[UUID]:
        return await unfinished(pool)

    async with asyncio.TaskGroup() as group:
        group.create_task(working.work(grace=RUNS_GRACE))
        group.create_task(keep_recovering(queue, lease, open_runs, service.interrupt_sync))


async def _project(running: Running) -> None:
    running.follower.start()
    try:
        while True:
            await asyncio.sleep(GLANCE)
            if not running.follower.is_running:
                return
    finally:
        await asyncio.to_thread(running.follower.stop)


async def _keep_the_clock(running: Running) -> None:
    async with running.scan_lease.sought():
        clock = scheduler(running.scanner)
        clock.start()
        try:
            await asyncio.Event().wait()
        finally:
            clock.shutdown(wait=False)
