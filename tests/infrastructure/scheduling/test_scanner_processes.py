"""Scanners in several processes on a real PostgreSQL request each due run once."""

import asyncio
import signal
import sys
from asyncio.subprocess import DEVNULL, Process
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from domain.circuit_breaker import FAILURE_THRESHOLD
from domain.events.sync import Progress
from domain.sync import Sync
from infrastructure.all_migrations import apply_migrations
from infrastructure.postgres.lease import lease_holders
from tests.deadlines import scaled
from tests.infrastructure.scheduling.scanner_fixture import (
    NO_REQUESTS,
    ORIGIN,
    Clock,
    apply_all_events,
    count_scheduled_runs,
    fail_queued_runs,
    open_connections,
    open_scanner_process,
)

pytestmark = pytest.mark.process


async def wait_until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(scaled(30)):
        while not await condition():  # noqa: ASYNC110  # another process decides
            await asyncio.sleep(0.02)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def url(database_url: str) -> str:
    apply_migrations(database_url)
    return database_url


async def test_of_two_scanners_one_requests_each_run_once(url: str, clock: Clock) -> None:
    async with (
        open_scanner_process(url, clock) as first,
        open_scanner_process(url, clock) as second,
    ):
        ids = open_connections(first, 40)
        apply_all_events(first, url)
        held = [await each.lease.renew() for each in (first, second)]
        assert sorted(held) == [False, True]
        await asyncio.gather(first.scanner.scan(), second.scanner.scan())
        assert count_scheduled_runs(first) == Counter(ids)
        assert await first.queue.waiting_connections() == set(ids)
        assert await first.queue.waiting_by_origin() == {ORIGIN: 40}


async def test_two_scanners_that_believe_they_hold_the_lease_request_each_run_once(
    url: str, clock: Clock
) -> None:
    async with (
        open_scanner_process(url, clock) as first,
        open_scanner_process(url, clock) as second,
    ):
        ids = open_connections(first, 40)
        apply_all_events(first, url)
        for each in (first, second):
            each.lease._held_until = asyncio.get_running_loop().time() + 60
        await asyncio.gather(first.scanner.scan(), second.scanner.scan())
        assert count_scheduled_runs(first) == Counter(ids)
        assert await first.queue.waiting_connections() == set(ids)


async def test_a_connection_synchronised_since_is_not_requested_although_the_read_model_lags(
    url: str, clock: Clock
) -> None:
    async with open_scanner_process(url, clock) as process:
        [id_] = open_connections(process, 1)
        apply_all_events(process, url)
        [stale] = await process.scanner.find_due(clock(), limit=9)
        clock.frozen_at = stale.due_at
        sync = await process.store.load(Sync, Sync.id_for(id_))
        sync.request(
            uuid4(), connection_id=id_, person_id=sync.person_id, trigger="manual", mode="full"
        )
        sync.complete(sync.start("worker"), Progress(total=0, done=0, failed=0), NO_REQUESTS)
        await process.store.save(sync)
        await process.lease.renew()
        result = await process.scanner.scan()
        assert (result.due, result.requested) == (1, 0)
        assert count_scheduled_runs(process) == Counter()


async def test_a_scanner_paused_longer_than_its_lease_loses_it(url: str, clock: Clock) -> None:
    async with (
        open_scanner_process(url, clock, lease_seconds=1) as paused,
        open_scanner_process(url, clock) as other,
    ):
        open_connections(paused, 3)
        apply_all_events(paused, url)
        assert await paused.lease.renew()
        await wait_until(other.lease.renew)
        assert (await paused.scanner.scan()).requested == 0
        assert not await paused.lease.renew()
        assert (await other.scanner.scan()).requested == 3


async def test_an_unavailable_host_is_probed_and_other_hosts_continue(
    url: str, clock: Clock
) -> None:
    host = "https://unavailable.example"
    async with open_scanner_process(url, clock) as process:
        ids = open_connections(process, 3)
        ids_to_probe = open_connections(process, 4, host)
        apply_all_events(process, url)
        await process.lease.renew()
        for _ in range(FAILURE_THRESHOLD):
            await process.circuit_breakers.record_failure(host)
        result = await process.scanner.scan()
        assert (result.requested, result.held_back, result.probes) == (3, 4, 0)
        assert not await process.circuit_breakers.admits_scheduled_run(host)
        assert count_scheduled_runs(process) == Counter([*ids, *ids_to_probe])
        await fail_queued_runs(process, ids_to_probe)
        apply_all_events(process, url)
        clock.offset += timedelta(hours=1)
        result = await process.scanner.scan()
        assert (result.held_back, result.probes) == (0, 1)
        assert await process.circuit_breakers.admits_scheduled_run(host)
        assert sum(count_scheduled_runs(process)[id_] for id_ in ids_to_probe) == 5
        await process.circuit_breakers.record_success(host)
        await process.scanner.scan()
        assert count_scheduled_runs(process) == Counter([*ids, *ids_to_probe * 2])


async def test_a_late_scan_finds_everything_that_became_due(url: str, clock: Clock) -> None:
    async with open_scanner_process(url, clock) as process:
        clock.offset = timedelta(0)
        ids = open_connections(process, 5)
        apply_all_events(process, url)
        await process.lease.renew()
        assert (await process.scanner.scan()).due == 0
        clock.offset = timedelta(days=3)
        assert (await process.scanner.scan()).requested == 5
        assert count_scheduled_runs(process) == Counter(ids)


async def test_lost_database_connections_only_delay_a_scan(url: str, clock: Clock) -> None:
    async with open_scanner_process(url, clock) as process:
        ids = open_connections(process, 150)
        apply_all_events(process, url)
        await process.lease.renew()
        scan = asyncio.create_task(process.scanner.scan())

        async def has_started() -> bool:
            return count_scheduled_runs(process).total() > 20

        async def has_requested_all() -> bool:
            with suppress(psycopg.Error):
                await process.lease.renew()
            await process.scanner.scan()
            return count_scheduled_runs(process).total() >= len(ids)

        await wait_until(has_started)
        with psycopg.connect(url) as connection:
            connection.execute(
                """
                SELECT pg_terminate_backend(pid)
                  FROM pg_stat_activity
                 WHERE datname = current_database() AND pid <> pg_backend_pid()
                """
            )
        assert (await scan).requested <= len(ids)
        await wait_until(has_requested_all)
        assert count_scheduled_runs(process) == Counter(ids)
        assert set(await process.queue.waiting_by_origin()) == {ORIGIN}


async def test_another_process_continues_for_a_paused_one_and_each_run_is_requested_once(
    url: str,
) -> None:
    async with open_scanner_process(url, Clock()) as process:
        ids = open_connections(process, 200)
        apply_all_events(process, url)

        async def has_started() -> bool:
            return count_scheduled_runs(process).total() > 20

        async def is_done() -> bool:
            return count_scheduled_runs(process).total() >= len(ids)

        async def another_has_the_lease() -> bool:
            return (await lease_holders(process.queue.pool)).get("scan") not in {None, holder}

        async with running_scanner(url) as first, running_scanner(url) as second:
            await wait_until(has_started)
            holder = (await lease_holders(process.queue.pool))["scan"]
            active = first if holder.startswith(f"{first.pid}/") else second
            active.send_signal(signal.SIGSTOP)
            await wait_until(another_has_the_lease)
            await wait_until(is_done)
            active.send_signal(signal.SIGCONT)
            active.terminate()
            await active.wait()
        assert count_scheduled_runs(process) == Counter(ids)


@asynccontextmanager
async def running_scanner(url: str) -> AsyncIterator[Process]:
    """Start a process that scans while it holds the lease, and kill it at the end."""
    script = Path(__file__).with_name("scanner_process.py")
    child = await asyncio.create_subprocess_exec(
        sys.executable, script, url, stdout=DEVNULL, env={"PYTHONPATH": str(Path.cwd())}
    )
    try:
        yield child
    finally:
        with suppress(ProcessLookupError):
            child.kill()
        await child.wait()
