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
from infrastructure.queue.recovery import RECOVERY_LEASE_SECONDS, run_recovery
from infrastructure.queue.worker import REQUEUE_TIMEOUT_SECONDS, SyncWorker
from infrastructure.scheduling.scanner import new_scheduler
from infrastructure.settings import Settings
from interfaces.composition.bootstrap import bootstrap
from interfaces.composition.process import Process
from interfaces.http.server.listener import url_of
from interfaces.http.server.serve_http import serve_api, serve_metrics
from projections.sync_log.query import connections_with_active_sync

REQUEST_GRACE_SECONDS = 5
"""Seconds that open requests have to end when the process stops."""
RUN_GRACE_SECONDS = 12
"""Seconds that runs under way have to end before they are given back."""
THREAD_SWITCH_SECONDS = 0.001
"""Seconds a thread may keep the interpreter from the event loop, where others wait to be answered;
with Python's own 5 ms, `/health/live` takes half as long again when all threads are busy."""
PROJECTOR_POLL_SECONDS = 0.5
"""Seconds between two looks at a thread."""

logger = structlog.get_logger()


class RoleFailed(Exception):
    """A role ended that should not have; the message says which and why."""


class Listeners(NamedTuple):
    """What a process listens on: for the API, and for its metrics where they have a port."""

    api: socket.socket | None = None
    metrics: socket.socket | None = None


async def serve(settings: Settings, roles: frozenset[str], listeners: Listeners) -> None:
    """Run these roles until SIGTERM or SIGINT; raises RoleFailed when one ends before."""
    sys.setswitchinterval(THREAD_SWITCH_SECONDS)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_number, stop.set)
    async with (
        bootstrap(settings, roles) as process,
        running_roles(process, roles, listeners) as first_exit,
    ):
        logger.info("serving", roles=sorted(roles), url=listeners.api and url_of(listeners.api))
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({stopped, first_exit}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if first_exit.done():
            first_exit.result()
        logger.info("stopping")


@asynccontextmanager
async def running_roles(
    process: Process, roles: frozenset[str], listeners: Listeners
) -> AsyncIterator[asyncio.Task[None]]:
    """Run these roles inside the context; the task given ends, with RoleFailed, when one does.

    Stopped in order: no new runs are asked for, then requests and runs end, then the projector;
    the process beats to the last.
    """
    await process.queue.heartbeats.record_heartbeat()
    tasks = {
        role: asyncio.create_task(coroutine, name=role)
        for role, coroutine in _role_coroutines(process, roles, listeners)
    }
    first_exit = asyncio.create_task(_first_exit(list(tasks.values())))
    try:
        yield first_exit
    finally:
        first_exit.cancel()
        for group in (("scheduler",), ("api", "worker"), ("projector", "metrics"), ("heartbeat",)):
            await _stop_tasks([tasks[role] for role in group if role in tasks])


def _role_coroutines(
    process: Process, roles: frozenset[str], listeners: Listeners
) -> Iterator[tuple[str, Coroutine[Any, Any, None]]]:
    if "api" in roles and listeners.api:
        yield "api", serve_api(process, listeners.api, REQUEST_GRACE_SECONDS)
    if "worker" in roles:
        yield "worker", _run_worker(process)
    if "projector" in roles:
        yield "projector", _run_projector(process)
    if "scheduler" in roles:
        yield "scheduler", _run_scheduler(process)
    yield "heartbeat", process.queue.heartbeats.run_heartbeat()
    if listeners.metrics:
        yield "metrics", serve_metrics(listeners.metrics, process.render_metrics)


async def _first_exit(tasks: list[asyncio.Task[None]]) -> None:
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    exited = done.pop()
    reason = repr(exited.exception()) if exited.exception() else "it ended"
    logger.error("role_failed", role=exited.get_name(), exc_info=exited.exception())
    raise RoleFailed(f"The role {exited.get_name()} died: {reason}") from exited.exception()


async def _stop_tasks(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=RUN_GRACE_SECONDS + REQUEUE_TIMEOUT_SECONDS + 2)


async def _run_worker(process: Process) -> None:
    queue, service, pool = process.queue, process.service, process.pools.read_pool
    worker = SyncWorker(
        queue,
        service.run_sync,
        service.requeue_sync,
        concurrency=process.settings.sync_concurrency,
    )
    lease = Lease(
        "recovery", queue.heartbeats.process_name, queue.pool, seconds=RECOVERY_LEASE_SECONDS
    )

    async def find_active_runs() -> list[UUID]:
        return await connections_with_active_sync(pool)

    async with asyncio.TaskGroup() as group:
        group.create_task(worker.run(grace_seconds=RUN_GRACE_SECONDS))
        group.create_task(run_recovery(queue, lease, find_active_runs, service.recover_sync))


async def _run_projector(process: Process) -> None:
    process.projection_daemon.start()
    try:
        while True:
            await asyncio.sleep(PROJECTOR_POLL_SECONDS)
            if not process.projection_daemon.is_running:
                return
    finally:
        await asyncio.to_thread(process.projection_daemon.stop)


async def _run_scheduler(process: Process) -> None:
    async with process.scan_lease.maintain():
        scheduler = new_scheduler(process.scanner)
        scheduler.start()
        try:
            await asyncio.Event().wait()
        finally:
            scheduler.shutdown(wait=False)
