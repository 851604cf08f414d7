"""Work is retried when its connection breaks, when errors are transient, and after conflicts."""

import asyncio
from collections.abc import Iterator
from threading import Event, Thread
from time import monotonic, sleep
from uuid import uuid4

import psycopg
import pytest
from stamina.instrumentation import get_on_retry_hooks

from domain.backoff import Backoff
from domain.errors import NoSyncRunning, VersionConflict
from infrastructure.postgres import retry
from infrastructure.postgres.errors import ConnectionLost, DatabaseBusy, DatabaseUnavailable
from infrastructure.postgres.pools import WritePool, open_write_pool
from infrastructure.postgres.retry import (
    RetryDelays,
    conflict_retries,
    retry_conflicts,
    retry_transient_errors,
    with_retry,
)
from infrastructure.postgres.timeouts import TimedConnection
from tests.deadlines import scaled

SHORT_BACKOFF = Backoff(first_seconds=0.001, max_seconds=0.002)


@pytest.fixture
def pool(database_url: str) -> Iterator[WritePool]:
    with open_write_pool(database_url, size=1) as pool:
        yield pool


class Work:
    """Work that breaks its connection the first few times; `began` has the time of each attempt."""

    def __init__(self, failures: int) -> None:
        self._failures = failures
        self.began: list[float] = []

    def __call__(self, connection: TimedConnection) -> str:
        self.began.append(monotonic())
        if len(self.began) <= self._failures:
            connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        return "done"


def test_work_is_done_again_when_its_connection_breaks(pool: WritePool) -> None:
    work = Work(failures=2)
    assert with_retry(pool, work) == "done"
    first, second, third = work.began
    assert min(second - first, third - second) >= retry.MIN_RETRY_PAUSE_SECONDS


def test_retries_end_at_the_deadline(pool: WritePool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "STATEMENT_RETRY_SECONDS", 0.6)
    work = Work(failures=1000)
    started_at = monotonic()
    with pytest.raises(ConnectionLost) as lost:
        with_retry(pool, work)
    assert isinstance(lost.value.__cause__, psycopg.OperationalError)
    assert len(work.began) > 1
    last_began_after = work.began[-1] - started_at
    assert last_began_after < 0.6 + retry.CONNECTION_WAIT_SECONDS + scaled(0.2)


def test_work_that_broke_after_the_deadline_is_not_done_again(
    pool: WritePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "STATEMENT_RETRY_SECONDS", 0.1)
    work = Work(failures=1)

    def work_slowly(connection: TimedConnection) -> str:
        sleep(0.15)
        return work(connection)

    with pytest.raises(ConnectionLost):
        with_retry(pool, work_slowly)
    assert len(work.began) == 1


def test_a_busy_pool_is_reported_without_a_retry(
    pool: WritePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "CONNECTION_WAIT_SECONDS", 0.05)
    work = Work(failures=0)
    with pool.connection(), pytest.raises(DatabaseBusy):
        with_retry(pool, work)
    assert not work.began


def test_a_pool_that_is_empty_after_a_lost_connection_is_reported_as_the_loss(
    pool: WritePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool.wait(scaled(10))
    monkeypatch.setattr(retry, "CONNECTION_WAIT_SECONDS", 0.3)
    monkeypatch.setattr(retry, "STATEMENT_RETRY_SECONDS", 0.6)
    blockers: list[Thread] = []
    reported = Event()

    def occupy() -> None:
        with pool.connection(timeout=scaled(5)):
            assert reported.wait(scaled(10))

    def work(connection: TimedConnection) -> None:
        # This thread waits first, so it gets the next connection.
        blockers.append(Thread(target=occupy))
        blockers[-1].start()
        while not pool.get_stats().get("requests_waiting"):
            sleep(0.01)
        connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(ConnectionLost) as lost:
        with_retry(pool, work)
    reported.set()
    assert isinstance(lost.value.__cause__, psycopg.OperationalError)
    assert len(blockers) == 1
    blockers[0].join()


def test_an_error_of_the_statement_is_not_retried(pool: WritePool) -> None:
    work = Work(failures=0)
    with pytest.raises(psycopg.errors.UndefinedTable):
        with_retry(pool, lambda connection: work(connection) and connection.execute("TABLE x"))
    assert len(work.began) == 1


class Failing:
    """A function that fails so many times with an error, and then returns how often it ran."""

    def __init__(self, failures: int, error: Exception) -> None:
        self._failures = failures
        self._error = error
        self.calls = 0

    def __call__(self) -> int:
        self.calls += 1
        if self.calls <= self._failures:
            raise self._error
        return self.calls

    async def run(self) -> int:
        return self()


@pytest.mark.parametrize("error", [DatabaseUnavailable("away"), psycopg.OperationalError("away")])
def test_transient_errors_are_retried_so_many_times(error: Exception) -> None:
    passing, lasting = Failing(2, error), Failing(9, error)
    assert retry_transient_errors(passing, attempts=3, backoff=SHORT_BACKOFF) == 3
    with pytest.raises(type(error)) as raised:
        retry_transient_errors(lasting, attempts=3, backoff=SHORT_BACKOFF)
    assert (raised.value, lasting.calls) == (error, 3)


def test_other_errors_are_raised_at_once() -> None:
    broken = Failing(1, psycopg.errors.UndefinedTable())
    with pytest.raises(psycopg.errors.UndefinedTable):
        retry_transient_errors(broken, attempts=3, backoff=SHORT_BACKOFF)
    assert broken.calls == 1


async def test_conflicts_are_retried_until_the_deadline() -> None:
    conflict = VersionConflict(uuid4())
    passing, lasting = Failing(20, conflict), Failing(1_000_000, conflict)
    assert await retry_conflicts(passing.run) == 21
    started_at = monotonic()
    with pytest.raises(VersionConflict) as raised:
        await conflict_retries(0.3)(lasting.run)
    assert raised.value == conflict
    assert lasting.calls > 3
    assert monotonic() - started_at < scaled(0.3)


async def test_a_command_is_executed_again_with_the_same_arguments() -> None:
    executed: list[tuple[str, str]] = []

    async def execute(command: str, *, store: str) -> str:
        executed.append((command, store))
        if len(executed) < 3:
            raise VersionConflict(uuid4())
        return "result"

    assert await retry_conflicts(execute, "command", store="log") == "result"
    assert executed == [("command", "log")] * 3


async def test_a_cancelled_command_is_not_executed_again() -> None:
    executions = 0

    async def execute() -> None:
        nonlocal executions
        executions += 1
        await asyncio.sleep(60)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await retry_conflicts(execute)
    assert executions == 1


async def test_a_refusal_is_not_retried() -> None:
    refused = Failing(1, NoSyncRunning())
    with pytest.raises(NoSyncRunning):
        await retry_conflicts(refused.run)
    assert refused.calls == 1


def test_delays_grow_with_failures_in_a_row_and_start_again_after_a_success() -> None:
    delays = RetryDelays(Backoff(first_seconds=1, max_seconds=60))
    assert [delays.next_delay() for _ in range(7)] == [1, 2, 4, 8, 16, 32, 60]
    delays.reset()
    assert delays.next_delay() == 1


def test_retries_are_neither_logged_nor_counted_by_the_library() -> None:
    assert get_on_retry_hooks() == ()
