"""Runs the roles of one process, and stops them in order.

The roles are the API, the worker, the projection daemon and the scheduler.
"""

import asyncio
import gc
import signal
import sys
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, closing
from functools import partial
from typing import Any, NamedTuple

import structlog

from application.request_sync import request_sync
from infrastructure.canvas.circuit_breakers import load_circuit_breakers
from infrastructure.crypto.orphaned_secrets import (
    SWEEP_LEASE_SECONDS,
    OrphanedSecrets,
    run_sweeps,
)
from infrastructure.postgres.lease import Lease
from infrastructure.queue.process_warnings import ProcessWarnings
from infrastructure.queue.recovery import RECOVERY_LEASE_SECONDS, run_recovery
from infrastructure.queue.retention import RETENTION_LEASE_SECONDS, run_retention
from infrastructure.queue.sync_queue import BufferedQueue, SyncQueue
from infrastructure.queue.worker import REQUEUE_TIMEOUT_SECONDS, SyncWorker
from infrastructure.scheduling.expired_keys import delete_expired_keys
from infrastructure.scheduling.scanner import SCAN_LEASE_SECONDS, Scanner, new_scheduler
from infrastructure.settings.settings import Settings
from interfaces.composition.bootstrap import bootstrap
from interfaces.composition.erasure import ERASURE_LEASE_SECONDS, run_erasure_follow_up
from interfaces.composition.nightly_check import SAMPLE_LEASE_SECONDS, run_nightly_checks
from interfaces.composition.optional_adapters import new_request_counters
from interfaces.composition.process import Process
from interfaces.composition.witnesses import run_witness_rounds, witness_policy
from interfaces.http.auth.console_options import ConsoleDemo, console_options
from interfaces.http.server.file_budget import file_budget, raise_file_limit
from interfaces.http.server.listener import Listener, url_of
from interfaces.http.server.proxy_detector import describe_proxy
from interfaces.http.server.serve_http import serve_api, serve_metrics
from projections.connections.due_connections import due_at_hosts, due_connections
from projections.sync_log.query import connections_with_active_sync

REQUEST_GRACE_SECONDS = 5
"""How long open requests may take to end when the process stops."""
RUN_GRACE_SECONDS = 12
"""How long active runs may take to end when the process stops; then they are requeued."""
THREAD_SWITCH_SECONDS = 0.001
"""How long a thread may hold the interpreter while the event loop waits for it.

With Python's default of 5 ms, `/health/live` takes 50 % longer when all threads are busy.
"""
COLLECTION_THRESHOLDS = (50_000, 20, 100)
"""How many new objects start a collection (Python's default is 700); of them, a full one.

Next to none of them is in a cycle, and to look at them is a tenth of the CPU time of a sync.
"""
STOP_ORDER = (
    ("scheduler",),
    ("api", "worker"),
    ("projector", "sealer", "witnesses", "metrics"),
    ("heartbeat",),
)
"""The tasks of a process that stop together, in order."""
PROJECTOR_POLL_SECONDS = 0.5
"""Interval between two checks that the projection daemon still runs."""

logger = structlog.get_logger()


class RoleFailed(Exception):
    """A role ended although the process was not stopped; the message names the role and why."""


class Listeners(NamedTuple):
    """The listening sockets of a process: for the API, and for metrics if they have a port."""

    api: Listener | None = None
    metrics: Listener | None = None


async def serve(settings: Settings, roles: frozenset[str], listeners: Listeners) -> None:
    """Run these roles until SIGTERM or SIGINT.

    Raises:
        RoleFailed: If a role ends before that.
        InvalidMasterKey, WrongMasterKey, MigrationRefused, PostgresUnavailable: See `bootstrap`.
    """
    sys.setswitchinterval(THREAD_SWITCH_SECONDS)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_number, stop.set)
    async with (
        bootstrap(settings, roles) as process,
        running_roles(process, roles, listeners) as first_exit,
    ):
        freeze_garbage_collection()
        logger.info("serving", roles=sorted(roles), url=listeners.api and url_of(listeners.api))
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({stopped, first_exit}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if first_exit.done():
            first_exit.result()
        logger.info("stopping")


def freeze_garbage_collection() -> None:
    """Leave what exists now out of later garbage collections.

    A full collection of all modules stops every request for 100 to 200 ms, and each document with
    all data of a person would cause one.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTION_THRESHOLDS)


@asynccontextmanager
async def running_roles(
    process: Process, roles: frozenset[str], listeners: Listeners, demo: ConsoleDemo | None = None
) -> AsyncIterator[asyncio.Task[None]]:
    """Run these roles during the block; the task that it yields raises RoleFailed if one ends.

    The roles stop in this order: first the scheduler, so that no new runs are requested; then API
    and worker, so that requests and runs end; then the projection daemon. The heartbeat is last,
    so that other processes do not presume this one dead while it still works.

    `demo` is what a running demo adds to the console.
    """
    await process.queue.heartbeats.record_heartbeat()
    tasks = {
        role: asyncio.create_task(coroutine, name=role)
        for role, coroutine in _role_coroutines(process, roles, listeners, demo)
    }
    first_exit = asyncio.create_task(_first_exit(list(tasks.values())))
    try:
        yield first_exit
    finally:
        first_exit.cancel()
        for group in STOP_ORDER:
            await _stop_tasks([tasks[role] for role in group if role in tasks])


def _role_coroutines(
    process: Process, roles: frozenset[str], listeners: Listeners, demo: ConsoleDemo | None
) -> Iterator[tuple[str, Coroutine[Any, Any, None]]]:
    if "api" in roles and listeners.api:
        yield "api", _run_api(process, roles, listeners.api, demo)
    if "worker" in roles:
        yield "worker", _run_worker(process)
    if "projector" in roles:
        yield "projector", _run_projector(process)
        yield "sealer", process.sealing.run()
        if policy := witness_policy(process.settings):
            yield "witnesses", run_witness_rounds(policy, process)
    if "scheduler" in roles:
        yield "scheduler", _run_scheduler(process)
    yield "heartbeat", process.queue.heartbeats.run_heartbeat()
    if listeners.metrics:
        yield "metrics", serve_metrics(listeners.metrics, process.render_metrics, process.service)


async def _first_exit(tasks: list[asyncio.Task[None]]) -> None:
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    exited = done.pop()
    error, role = exited.exception(), exited.get_name()
    logger.error("role_failed", role=role, exc_info=error)
    raise RoleFailed(
        f"The role {role} failed: {_reason(error)}. The log message role_failed has the details; "
        "easeboard doctor checks the installation."
    ) from error


def _reason(error: BaseException | None) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return (str(error).rstrip(".") if error else "") or "it ended without an error message"


async def _stop_tasks(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=RUN_GRACE_SECONDS + REQUEUE_TIMEOUT_SECONDS + 2)


async def _run_api(
    process: Process, roles: frozenset[str], listener: Listener, demo: ConsoleDemo | None
) -> None:
    heartbeats = process.queue.heartbeats
    warnings = ProcessWarnings(process.queue.pool, heartbeats.process_name)
    redis_url = process.settings.redis_url
    async with (
        process.live_updates as live_updates,
        new_request_counters(
            redis_url.get_secret_value() if redis_url else None
        ) as request_counters,
    ):
        await serve_api(
            listener,
            files=file_budget(roles, raise_file_limit()),
            report_proxy=lambda host: warnings.report("untrusted_proxy", describe_proxy(host)),
            service=process.service,
            settings=process.settings,
            live_updates=live_updates,
            kept_documents=process.kept_documents,
            request_counters=request_counters,
            render_metrics=process.render_metrics,
            grace_seconds=REQUEST_GRACE_SECONDS,
            console_options=console_options(process.settings, demo),
        )


async def _run_worker(process: Process) -> None:
    """Execute and recover runs while syncing is on."""
    await process.syncing_switch.run_while_on(partial(_run_syncs, process))


async def _run_syncs(process: Process) -> None:
    queue, service = process.queue, process.service
    worker = SyncWorker(
        queue,
        service.run_sync,
        service.requeue_sync,
        concurrency=process.settings.sync_concurrency,
    )
    lease = _new_lease(queue, "recovery", RECOVERY_LEASE_SECONDS)
    find_active_runs = partial(connections_with_active_sync, pool=process.pools.read_pool)
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
    """Scan for due connections, sweep secrets, delete old jobs, and check read models every night.

    It also does what follows erasures. One process at a time does each. Only the scans depend on
    whether syncing is on.
    """
    async with asyncio.TaskGroup() as group:
        group.create_task(process.syncing_switch.run_while_on(partial(_run_scans, process)))
        group.create_task(_run_sweeps(process))
        group.create_task(delete_expired_keys(process.idempotency_keys))
        lease = _new_lease(process.queue, "retention", RETENTION_LEASE_SECONDS)
        group.create_task(run_retention(process.queue, lease))
        erasure_lease = _new_lease(process.queue, "erasures", ERASURE_LEASE_SECONDS)
        group.create_task(run_erasure_follow_up(process.erasure, erasure_lease))
        sample_lease = _new_lease(process.queue, "sample", SAMPLE_LEASE_SECONDS)
        group.create_task(run_nightly_checks(process, sample_lease))


async def _run_sweeps(process: Process) -> None:
    lease = _new_lease(process.queue, "sweep", SWEEP_LEASE_SECONDS)
    with closing(OrphanedSecrets(process.store, process.pools.write_pool)) as orphans:
        await run_sweeps(orphans, lease)


async def _run_scans(process: Process) -> None:
    lease = _new_lease(process.queue, "scan", SCAN_LEASE_SECONDS)
    async with lease.maintain():
        scheduler = new_scheduler(_build_scanner(process, lease))
        scheduler.start()
        try:
            await asyncio.Event().wait()
        finally:
            scheduler.shutdown(wait=False)


def _build_scanner(process: Process, lease: Lease) -> Scanner:
    interval, pool = process.settings.sync_interval, process.pools.read_pool
    batch = BufferedQueue(process.queue)
    return Scanner(
        lease=lease,
        find_due=partial(due_connections, interval=interval, pool=pool),
        find_due_at_hosts=partial(due_at_hosts, interval=interval, pool=pool),
        request_sync=partial(request_sync, store=process.store, queue=batch, interval=interval),
        flush=batch.flush,
        count_waiting=process.queue.waiting_by_origin,
        load_circuits=partial(load_circuit_breakers, pool=pool),
    )


def _new_lease(queue: SyncQueue, name: str, seconds: float) -> Lease:
    return Lease(name, queue.heartbeats.process_name, queue.pool, seconds=seconds)
