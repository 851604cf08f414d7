"""Checks a sample of every read model each night, in one process at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from datetime import UTC
from functools import partial

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from application.event_metadata import with_event_metadata
from application.ports import Store
from application.report_sample import ReportSample, report_sample
from infrastructure.event_store.errors import describe_error
from infrastructure.postgres.lease import Lease
from infrastructure.projection_engine.sample_check import SampleResult, check_samples
from interfaces.composition.process import Process
from projections.registry import READ_MODELS

CHECK_HOUR_UTC = 3
CHECK_JITTER_SECONDS = 1800
"""The check begins up to half an hour earlier or later, so that not all installations coincide."""
SAMPLE_LEASE_SECONDS = 30.0
"""Seconds until the lease of a process that died expires."""

logger = structlog.get_logger()


async def run_nightly_checks(process: Process, lease: Lease) -> None:
    """Check every night while this process holds the lease, until cancelled."""
    check = partial(
        asyncio.to_thread, check_samples, process.database_url, process.log_reader, READ_MODELS
    )
    async with lease.maintain():
        scheduler = new_nightly_scheduler(partial(_check_if_held, process.store, lease, check))
        scheduler.start()
        try:
            await asyncio.Event().wait()
        finally:
            scheduler.shutdown(wait=False)


def new_nightly_scheduler(check: Callable[[], Awaitable[None]]) -> AsyncIOScheduler:
    """Return a scheduler that calls `check` every night; a check that is missed is not made up."""
    scheduler = AsyncIOScheduler(timezone=UTC)

    async def run() -> None:
        # APScheduler would log the cancellation at shutdown as an error.
        with suppress(asyncio.CancelledError):
            await check()

    scheduler.add_job(
        run,
        "cron",
        hour=CHECK_HOUR_UTC,
        jitter=CHECK_JITTER_SECONDS,
        misfire_grace_time=None,
        coalesce=True,
        max_instances=1,
    )
    return scheduler


async def report_samples(store: Store, results: Iterable[SampleResult], actor: str) -> None:
    """Record every difference in the event log; raises what the store raises."""
    with with_event_metadata(actor):
        for found in results:
            if found.result == "ok":
                continue
            command = ReportSample(
                projection=found.name,
                version=found.version,
                position=found.position,
                people=found.people,
                different=len(found.different),
                tables=found.tables,
                failed=found.failed,
            )
            await report_sample(command, store=store)


async def _check_if_held(
    store: Store, lease: Lease, check: Callable[[], Awaitable[list[SampleResult]]]
) -> None:
    if not lease.is_held:
        return
    try:
        results = await check()
        await report_samples(store, results, "scheduler")
    except Exception as error:  # noqa: BLE001  # the next night checks again
        logger.warning("samples_not_checked", error=describe_error(error))
        return
    logger.info("samples_checked", read_models=len(results))
