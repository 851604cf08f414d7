"""A server that neither responds nor closes: no call waits without end, and all recover."""

from collections.abc import Iterator
from contextlib import ExitStack

import psycopg
import pytest

from infrastructure.event_store.append_statement import call_append
from infrastructure.postgres import retry
from infrastructure.postgres.errors import DatabaseUnavailable
from infrastructure.postgres.execute import execute
from infrastructure.postgres.pools import open_read_pool, open_write_pool
from infrastructure.postgres.timeouts import TimedConnection
from tests.deadlines import scaled
from tests.faults.flaky_proxy import FlakyProxy


@pytest.fixture
def proxy(database_url: str) -> Iterator[FlakyProxy]:
    with FlakyProxy(database_url) as proxy:
        yield proxy


@pytest.mark.ordinary_waits
def test_a_statement_without_a_response_times_out_and_the_pool_recovers(
    proxy: FlakyProxy,
) -> None:
    with open_write_pool(proxy.url, size=3) as pool:
        with ExitStack() as connections:
            for _ in range(3):
                connections.enter_context(pool.connection(timeout=scaled(10)))
        proxy.stall()
        with pytest.raises(DatabaseUnavailable):
            execute(pool, "SELECT 1", timeout_seconds=0.2)
        proxy.restore()
        # A connection that was being opened fails after its timeout of 3 s only.
        with pool.connection(timeout=20) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        assert execute(pool, "SELECT 1") == [(1,)]


def test_an_append_without_a_response_times_out(proxy: FlakyProxy) -> None:
    with open_write_pool(proxy.url, size=1) as pool, pool.connection() as connection:
        connection.response_timeout_seconds = 0.2
        proxy.stall()
        with pytest.raises(psycopg.OperationalError, match="did not respond"):
            call_append(connection, [None] * 10)
        assert connection.closed


def test_a_longer_timeout_allows_a_slow_response(
    proxy: FlakyProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "STATEMENT_RETRY_SECONDS", 0.1)
    with open_write_pool(proxy.url, size=1) as pool:
        with pytest.raises(DatabaseUnavailable):
            execute(pool, "SELECT 1 FROM pg_sleep(3)", timeout_seconds=0.2)
        assert execute(pool, "SELECT 1 FROM pg_sleep(0.3)", timeout_seconds=20) == [(1,)]


async def test_an_async_statement_without_a_response_times_out_and_the_pool_recovers(
    proxy: FlakyProxy,
) -> None:
    async with open_read_pool(proxy.url, size=3, statement_seconds=0.2) as pool:
        await pool.wait()
        proxy.stall()
        with pytest.raises(psycopg.OperationalError, match="did not respond"):
            async with pool.connection() as connection:
                await connection.execute("SELECT 1")
        proxy.restore()
        async with pool.connection(timeout=20) as connection:
            cursor = await connection.execute("SELECT 1")
            assert await cursor.fetchone() == (1,)


def test_waiting_for_notifications_does_not_break_the_connection(proxy: FlakyProxy) -> None:
    with TimedConnection.connect(proxy.url, autocommit=True) as connection:
        connection.response_timeout_seconds = 0.1
        connection.execute("LISTEN nothing")
        assert list(connection.notifies()) == []
        assert connection.execute("SELECT 1").fetchone() == (1,)
