"""Pools respond or refuse in time, and replace connections that were closed."""

import asyncio
import logging
import re
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack
from typing import Any

import psycopg
import pytest
from psycopg_pool import ConnectionPool, PoolTimeout, TooManyRequests

from infrastructure.postgres.conninfo import build_conninfo
from infrastructure.postgres.errors import (
    DatabaseBusy,
    NoConnection,
    PostgresUnavailable,
)
from infrastructure.postgres.execute import execute
from infrastructure.postgres.pools import (
    POOL_WAIT_SECONDS,
    WritePool,
    open_read_pool,
    open_write_pool,
)
from infrastructure.postgres.timeouts import TimedConnection
from tests.deadlines import scaled
from tests.infrastructure.postgres.refusals import MAX_ATTEMPTS, refusal_of, until_unreachable

PASSWORD = "s3cr3t-canary"
SHOW_SETTING = "SELECT current_setting(%s)"


@pytest.fixture
def pool(database_url: str) -> Iterator[ConnectionPool[TimedConnection]]:
    with open_write_pool(database_url, size=2, max_waiting=1) as pool:
        yield pool


def terminate_sessions(database_url: str, name: str) -> int:
    with psycopg.connect(database_url) as connection:
        return connection.execute(
            """
            SELECT pg_terminate_backend(pid, 5000)
              FROM pg_stat_activity
             WHERE application_name = %s AND datname = current_database()
            """,
            [f"easeboard {name}"],
        ).rowcount


@pytest.mark.ordinary_waits
def test_an_exhausted_pool_refuses_within_the_wait_limit(
    pool: ConnectionPool[TimedConnection],
) -> None:
    opening = scaled(10)
    with pool.connection(timeout=opening), pool.connection(timeout=opening):
        started_at = time.monotonic()
        with pytest.raises(PoolTimeout), pool.connection():
            pass
        assert POOL_WAIT_SECONDS - 0.1 < time.monotonic() - started_at < scaled(3)


def test_a_full_queue_refuses_at_once(pool: ConnectionPool[TimedConnection]) -> None:
    with pool.connection(), pool.connection():
        pool._waiting.append(None)  # type: ignore[arg-type] # any waiting client
        started_at = time.monotonic()
        with pytest.raises(TooManyRequests), pool.connection():
            pass
        assert time.monotonic() - started_at < scaled(0.5)
        pool._waiting.clear()


def test_write_connections_have_server_side_timeouts(pool: ConnectionPool[TimedConnection]) -> None:
    with pool.connection() as connection:
        assert connection.execute(SHOW_SETTING, ["statement_timeout"]).fetchone() == ("30s",)
        limit = connection.execute(SHOW_SETTING, ["idle_in_transaction_session_timeout"]).fetchone()
        assert limit == ("10s",)
        assert connection.execute(SHOW_SETTING, ["application_name"]).fetchone() == (
            "easeboard writes",
        )


def test_write_connections_closed_by_the_server_are_replaced(database_url: str) -> None:
    with open_write_pool(database_url) as pool:
        for _ in range(3):
            with ExitStack() as connections:
                for _ in range(8):
                    connections.enter_context(pool.connection())
            assert terminate_sessions(database_url, "writes") == 8
            with pool.connection() as connection:
                assert connection.execute("SELECT 1").fetchone() == (1,)


async def test_read_connections_closed_by_the_server_are_replaced(database_url: str) -> None:
    async with open_read_pool(database_url) as pool:
        for _ in range(3):
            async with AsyncExitStack() as connections:
                for _ in range(8):
                    await connections.enter_async_context(pool.connection())
            assert await asyncio.to_thread(terminate_sessions, database_url, "reads") == 8
            async with pool.connection() as connection:
                cursor = await connection.execute("SELECT 1")
                assert await cursor.fetchone() == (1,)


async def test_read_connections_are_read_only_and_limit_statements(database_url: str) -> None:
    async with (
        open_read_pool(database_url, statement_seconds=0.05) as pool,
        pool.connection() as connection,
    ):
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            await connection.execute("CREATE TABLE t (n integer)")
        with pytest.raises(psycopg.errors.QueryCanceled):
            await connection.execute("SELECT pg_sleep(10)")
        assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE


@pytest.mark.ordinary_waits
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"host": "127.0.0.1", "port": 1}, r"127\.0\.0\.1.* port 1 "),
        ({"dbname": "renamed"}, 'database "renamed" does not exist'),
        ({"user": "renamed"}, 'role "renamed" does not exist'),
    ],
    ids=["no-server", "no-database", "no-role"],
)
async def test_the_error_of_a_pool_has_the_reason_of_the_server(
    postgres_url: str, change: dict[str, Any], reason: str
) -> None:
    url = psycopg.conninfo.make_conninfo(postgres_url, **change)
    with open_write_pool(url) as writes:
        assert re.search(reason, str(until_unreachable(lambda: execute(writes, "SELECT 1"))))
    async with open_read_pool(url) as reads:
        assert re.search(reason, str(await refusal_of(reads)))


@pytest.mark.ordinary_waits
async def test_a_pool_that_found_its_server_again_is_busy_and_not_lost(
    postgres_url: str, empty_database_url: str
) -> None:
    name = str(psycopg.conninfo.conninfo_to_dict(empty_database_url)["dbname"])
    with (
        psycopg.connect(postgres_url, autocommit=True) as admin,
        open_write_pool(empty_database_url, size=1) as pool,
    ):
        execute(pool, "SELECT 1")
        admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        terminate_all(admin, name)
        until_unreachable(lambda: execute(pool, "SELECT 1"))
        admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        with pool.connection(timeout=scaled(10)):
            with pytest.raises(DatabaseBusy) as busy:
                execute(pool, "SELECT 1")
            assert not isinstance(busy.value.__cause__, NoConnection)


@pytest.mark.ordinary_waits
async def test_a_limit_of_connections_is_no_outage(
    postgres_url: str, empty_database_url: str
) -> None:
    name = str(psycopg.conninfo.conninfo_to_dict(empty_database_url)["dbname"])
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(f"ALTER DATABASE {name} CONNECTION LIMIT 0")
        with open_write_pool(empty_database_url) as pool:
            errors = (busy_error_of(pool) for _ in range(MAX_ATTEMPTS))
            assert any(f'too many connections for database "{name}"' in error for error in errors)


def busy_error_of(pool: WritePool) -> str:
    with pytest.raises(DatabaseBusy) as busy:
        execute(pool, "SELECT 1")
    return str(busy.value)


def terminate_all(admin: psycopg.Connection[Any], name: str) -> None:
    admin.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s", [name]
    )


def test_parameters_of_the_url_take_precedence() -> None:
    parameters = psycopg.conninfo.conninfo_to_dict(
        build_conninfo(
            "postgresql://u:p%40@h/d?connect_timeout=9&options=-c%20search_path%3Dx&sslmode=require",
            name="writes",
        )
    )
    assert parameters["password"] == "p@"
    assert parameters["connect_timeout"] == "9"
    assert parameters["options"] == "-c search_path=x"
    assert (parameters["sslmode"], parameters["tcp_user_timeout"]) == ("require", "15000")


def test_logs_and_errors_do_not_contain_the_password(caplog: pytest.LogCaptureFixture) -> None:
    for logger in (None, "psycopg.pool"):
        caplog.set_level(logging.DEBUG, logger)
    with open_write_pool(f"postgresql://u:{PASSWORD}@127.0.0.1:1/x") as pool:
        with pytest.raises(PoolTimeout) as timeout, pool.connection(timeout=0.3):
            pass
        assert PASSWORD not in f"{timeout.value!r} {timeout.value} {pool!r} {pool}"
    assert "error connecting in 'writes'" in caplog.text
    assert PASSWORD not in caplog.text
    with pytest.raises(PostgresUnavailable) as error:
        open_write_pool(f"postgresql://u:{PASSWORD}@host name/x")
    assert PASSWORD not in f"{error.value!r}"
    assert error.value.__suppress_context__
