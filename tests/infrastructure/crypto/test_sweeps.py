"""One process at a time sweeps orphaned secrets, at its start and at intervals."""

import asyncio
from collections.abc import AsyncIterator, Callable
from uuid import UUID

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool
from structlog.testing import capture_logs

from domain.connection import Connection
from infrastructure.crypto import orphaned_secrets
from infrastructure.crypto.orphaned_secrets import OrphanedSecrets, run_sweeps
from infrastructure.postgres.lease import Lease
from tests.deadlines import scaled
from tests.fakes import ORIGIN
from tests.infrastructure.crypto.left_secrets import OLD_TOKEN, store_token
from tests.infrastructure.event_store.command_processes import CommandProcess
from tests.metric_deltas import metric_delta


@pytest.fixture
async def new_lease(database_url: str) -> AsyncIterator[Callable[[str], Lease]]:
    async with AsyncConnectionPool(database_url, open=False) as pool:
        yield lambda holder: Lease("sweep", holder, pool, seconds=0.5)


@pytest.fixture
def short_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orphaned_secrets, "SWEEP_INTERVAL_SECONDS", 0.2)
    monkeypatch.setattr(orphaned_secrets, "SWEEP_LEASE_POLL_SECONDS", 0.02)


@pytest.mark.usefixtures("short_intervals")
async def test_the_metric_has_the_result_of_the_last_sweep(
    process: CommandProcess,
    sweeper: OrphanedSecrets,
    person: UUID,
    new_lease: Callable[[str], Lease],
) -> None:
    found = metric_delta("easeboard_orphaned_secrets")
    store_token(process, person, Connection.id_for(person, ORIGIN, 1), OLD_TOKEN)
    task = asyncio.create_task(run_sweeps(sweeper, new_lease("a")))
    async with asyncio.timeout(scaled(20)):
        for count in (1, 0):
            while found() != count:  # noqa: ASYNC110  # the metric sends no signal
                await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait({task})


@pytest.mark.usefixtures("short_intervals")
async def test_one_process_sweeps_and_another_one_follows(
    new_lease: Callable[[str], Lease],
) -> None:
    sweeps: list[str] = []
    tasks: dict[str, asyncio.Task[None]] = {}
    has_swept = {name: asyncio.Event() for name in ("a", "b")}

    class CountedSweeps(OrphanedSecrets):
        def __init__(self, name: str) -> None:
            self._name = name

        async def sweep(self) -> int:
            sweeps.append(self._name)
            if sweeps.count(self._name) == 3:
                has_swept[self._name].set()
            return 0

    for name in has_swept:
        tasks[name] = asyncio.create_task(run_sweeps(CountedSweeps(name), new_lease(name)))
        await asyncio.wait_for(has_swept["a"].wait(), scaled(20))
    await asyncio.sleep(0.1)
    assert set(sweeps) == {"a"}
    tasks["a"].cancel()
    await asyncio.wait({tasks["a"]})
    await asyncio.wait_for(has_swept["b"].wait(), scaled(20))
    tasks["b"].cancel()
    await asyncio.wait({tasks["b"]})


async def test_sweeps_continue_when_the_database_is_back(
    sweeper: OrphanedSecrets, new_lease: Callable[[str], Lease], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orphaned_secrets, "SWEEP_INTERVAL_SECONDS", 0.01)
    monkeypatch.setattr(orphaned_secrets, "SWEEP_LEASE_POLL_SECONDS", 0.01)
    swept = asyncio.Event()
    results: list[Exception] = [psycopg.OperationalError("the connection is lost")]

    async def sweep() -> int:
        if results:
            raise results.pop()
        swept.set()
        return 0

    monkeypatch.setattr(sweeper, "sweep", sweep)
    with capture_logs() as lines:
        task = asyncio.create_task(run_sweeps(sweeper, new_lease("a")))
        await asyncio.wait_for(swept.wait(), scaled(10))
        task.cancel()
        await asyncio.wait({task})
    assert "sweep_postponed" in [line["event"] for line in lines]
