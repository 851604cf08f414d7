"""Pools that answer or refuse in time, and notice when a connection is no more."""

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack

import psycopg
import pytest
from psycopg_pool import ConnectionPool, PoolTimeout, TooManyRequests

from infrastructure.postgres.conninfo import conninfo
from infrastructure.postgres.errors import PostgresUnavailable
from infrastructure.postgres.pools import WAIT_SECONDS, reads, writes
from infrastructure.postgres.timeouts import Connection

CANARY = "s3cr3t-canary"
GET = "SELECT current_setting(%s)"


@pytest.fixture
def pool(database_url: str) -> Iterator[ConnectionPool[Connection]]:
    with writes(database_url, size=2, max_waiting=1) as pool:
        yield pool


def cut(database_url: str, name: str) -> int:
    with psycopg.connect(database_url) as connection:
        return connection.execute(
            """
            SELECT pg_terminate_backend(pid, 5000)
              FROM pg_stat_activity
             WHERE application_name = %s AND datname = current_database()
            """,
            [f"easeboard {name}"],
        ).rowcount


def test_an_exhausted_pool_refuses_within_the_time_promised(
    pool: ConnectionPool[Connection],
) -> None:
    with pool.connection(), pool.connection():
        began = time.monotonic()
        with pytest.raises(PoolTimeout), pool.connection():
            pass
        assert WAIT_SECONDS - 0.1 < time.monotonic() - began < 3


def test_a_full_queue_refuses_at_once(pool: ConnectionPool[Connection]) -> None:
    with pool.connection(), pool.connection():
        pool._waiting.append(None)  # type: ignore[arg-type] # one who waits, whoever it is
        began = time.monotonic()
        with pytest.raises(TooManyRequests), pool.connection():
            pass
        assert time.monotonic() - began < 0.5
        pool._waiting.clear()


def test_writes_are_cut_off_on_the_server(pool: ConnectionPool[Connection]) -> None:
    with pool.connection() as connection:
        assert connection.execute(GET, ["statement_timeout"]).fetchone() == ("30s",)
        limit = connection.execute(GET, ["idle_in_transaction_session_timeout"]).fetchone()
        assert limit == ("10s",)
        assert connection.execute(GET, ["application_name"]).fetchone() == ("easeboard writes",)


def test_connections_the_server_closed_are_never_handed_out(database_url: str) -> None:
    with writes(database_url) as pool:
        for _ in range(3):
            with ExitStack() as all_of_them:
                for _ in range(8):
                    all_of_them.enter_context(pool.connection())
            assert cut(database_url, "writes") == 8
            with pool.connection() as connection:
                assert connection.execute("SELECT 1").fetchone() == (1,)


async def test_read_connections_the_server_closed_are_never_handed_out(database_url: str) -> None:
    async with reads(database_url) as pool:
        for _ in range(3):
            async with AsyncExitStack() as all_of_them:
                for _ in range(8):
                    await all_of_them.enter_async_context(pool.connection())
            assert await asyncio.to_thread(cut, database_url, "reads") == 8
            async with pool.connection() as connection:
                cursor = await connection.execute("SELECT 1")
                assert await cursor.fetchone() == (1,)


async def test_reads_write_nothing_and_take_no_longer_than_said(database_url: str) -> None:
    async with reads(database_url, statement_seconds=0.05) as pool, pool.connection() as connection:
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            await connection.execute("CREATE TABLE t (n integer)")
        with pytest.raises(psycopg.errors.QueryCanceled):
            await connection.execute("SELECT pg_sleep(10)")
        assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE


def test_what_the_url_says_comes_first_and_its_options_stay() -> None:
    said = psycopg.conninfo.conninfo_to_dict(
        conninfo(
            "postgresql://u:p%40@h/d?connect_timeout=9&options=-c%20search_path%3Dx&sslmode=require",
            name="writes",
            statement_timeout="1s",
        )
    )
    assert said["password"] == "p@"
    assert said["connect_timeout"] == "9"
    assert said["options"] == "-c statement_timeout=1s -c search_path=x"
    assert (said["sslmode"], said["tcp_user_timeout"]) == ("require", "15000")


def test_neither_logs_nor_errors_hold_the_password(caplog: pytest.LogCaptureFixture) -> None:
    for logger in (None, "psycopg.pool"):
        caplog.set_level(logging.DEBUG, logger)
    with writes(f"postgresql://u:{CANARY}@127.0.0.1:1/x") as pool:
        with pytest.raises(PoolTimeout) as told, pool.connection(timeout=0.3):
            pass
        assert CANARY not in f"{told.value!r} {told.value} {pool!r} {pool}"
    assert "error connecting in 'writes'" in caplog.text
    assert CANARY not in caplog.text
    with pytest.raises(PostgresUnavailable) as refused:
        writes(f"postgresql://u:%zz{CANARY}@h/x")
    assert CANARY not in f"{refused.value!r}"
    assert refused.value.__suppress_context__
