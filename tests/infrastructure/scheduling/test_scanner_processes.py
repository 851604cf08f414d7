"""Scanners in several processes, on a real PostgreSQL: whatever is due is asked for once."""

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

from domain.circuit_breaker import TRIES
from domain.events.sync import Progress
from domain.sync import Sync
from infrastructure.postgres.lease import holders
from infrastructure.queue.database_schema import bring_up_to_date
from tests.infrastructure.scheduling.scanner_fixture import (
    NONE,
    ORIGIN,
    Clock,
    process,
    project,
    requested,
    students,
)


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while not await true():  # noqa: ASYNC110  # another process decides
            await asyncio.sleep(0.02)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def url(database_url: str) -> str:
    bring_up_to_date(database_url)
    return database_url


async def test_of_two_scanners_one_asks_and_once(url: str, clock: Clock) -> None:
    async with process(url, clock) as one, process(url, clock) as two:
        ids = students(one, 40)
        project(one, url)
        held = [await each.lease.renew() for each in (one, two)]
        assert sorted(held) == [False, True]
        await asyncio.gather(one.scanner.scan(), two.scanner.scan())
        assert requested(one) == Counter(ids)
        assert await one.queue.waiting() == set(ids)
        assert await one.queue.waiting_at() == {ORIGIN: 40}


async def test_two_that_both_believe_to_hold_the_lease_ask_once_all_the_same(
    url: str, clock: Clock
) -> None:
    async with process(url, clock) as one, process(url, clock) as two:
        ids = students(one, 40)
        project(one, url)
        for each in (one, two):
            each.lease._held_until = asyncio.get_running_loop().time() + 60
        await asyncio.gather(one.scanner.scan(), two.scanner.scan())
        assert requested(one) == Counter(ids)
        assert await one.queue.waiting() == set(ids)


async def test_what_was_synchronised_meanwhile_is_not_asked_for_though_the_tables_lag(
    url: str, clock: Clock
) -> None:
    async with process(url, clock) as there:
        [id_] = students(there, 1)
        project(there, url)
        [stale] = await there.scanner.find(clock(), limit=9)
        clock.stands = stale.due_at
        sync = await there.store.load(Sync, Sync.id_for(id_))
        sync.request(
            uuid4(), connection_id=id_, person_id=sync.person_id, trigger="manual", mode="full"
        )
        sync.complete(sync.start("worker"), Progress(total=0, done=0, failed=0), NONE)
        await there.store.save(sync)
        await there.lease.renew()
        scanned = await there.scanner.scan()
        assert (scanned.due, scanned.requested) == (1, 0)
        assert requested(there) == Counter()


async def test_a_scanner_frozen_past_its_lease_has_lost_it(url: str, clock: Clock) -> None:
    async with (
        process(url, clock, seconds=0.2) as frozen,
        process(url, clock) as other,
    ):
        students(frozen, 3)
        project(frozen, url)
        assert await frozen.lease.renew()
        await until(other.lease.renew)
        assert (await frozen.scanner.scan()).requested == 0
        assert not await frozen.lease.renew()
        assert (await other.scanner.scan()).requested == 3


async def test_a_silent_host_is_probed_and_the_others_go_on(url: str, clock: Clock) -> None:
    silent = "https://silent.example"
    async with process(url, clock) as there:
        ids, held = students(there, 3), students(there, 4, silent)
        project(there, url)
        await there.lease.renew()
        for _ in range(TRIES):
            await there.circuits.is_silent(silent)
        scanned = await there.scanner.scan()
        assert (scanned.requested, scanned.held_back, scanned.probes) == (3, 4, 0)
        clock.ahead += timedelta(minutes=1)
        scanned = await there.scanner.scan()
        assert (scanned.held_back, scanned.probes) == (4, 1)
        assert sum(requested(there)[id_] for id_ in held) == 1
        await there.circuits.answers(silent)
        await there.scanner.scan()
        assert requested(there) == Counter([*ids, *held])


async def test_a_late_scan_finds_all_that_became_due_meanwhile(url: str, clock: Clock) -> None:
    async with process(url, clock) as there:
        clock.ahead = timedelta(0)
        ids = students(there, 5)
        project(there, url)
        await there.lease.renew()
        assert (await there.scanner.scan()).due == 0
        clock.ahead = timedelta(days=3)
        assert (await there.scanner.scan()).requested == 5
        assert requested(there) == Counter(ids)


async def test_a_database_that_drops_every_connection_only_delays_a_scan(
    url: str, clock: Clock
) -> None:
    async with process(url, clock) as there:
        ids = students(there, 150)
        project(there, url)
        await there.lease.renew()
        scan = asyncio.create_task(there.scanner.scan())

        async def has_begun() -> bool:
            return requested(there).total() > 20

        async def goes_on_to_the_end() -> bool:
            with suppress(psycopg.Error):
                await there.lease.renew()
            await there.scanner.scan()
            return requested(there).total() >= len(ids)

        await until(has_begun)
        with psycopg.connect(url) as connection:
            connection.execute(
                """
                SELECT pg_terminate_backend(pid)
                  FROM pg_stat_activity
                 WHERE datname = current_database() AND pid <> pg_backend_pid()
                """
            )
        assert (await scan).requested <= len(ids)
        await until(goes_on_to_the_end)
        assert requested(there) == Counter(ids)
        assert set(await there.queue.waiting_at()) == {ORIGIN}


async def test_another_process_goes_on_where_one_was_frozen_and_each_is_asked_for_once(
    url: str,
) -> None:
    async with process(url, Clock()) as there:
        ids = students(there, 200)
        project(there, url)

        async def has_begun() -> bool:
            return requested(there).total() > 20

        async def is_done() -> bool:
            return requested(there).total() >= len(ids)

        async def another_holds_it() -> bool:
            return (await holders(there.queue.pool)).get("scan") not in {None, holder}

        async with scanning(url) as one, scanning(url) as two:
            await until(has_begun)
            holder = (await holders(there.queue.pool))["scan"]
            first = one if holder.startswith(f"{one.pid}/") else two
            first.send_signal(signal.SIGSTOP)
            await until(another_holds_it)
            await until(is_done)
            first.send_signal(signal.SIGCONT)
            first.terminate()
            await first.wait()
        assert requested(there) == Counter(ids)


@asynccontextmanager
async def scanning(url: str) -> AsyncIterator[Process]:
    """A process that scans whenever it holds the lease."""
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
