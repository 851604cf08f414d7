"""PgBouncer in session mode works with its defaults; its other modes are recognised."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from infrastructure.all_migrations import apply_migrations
from infrastructure.postgres.errors import ConnectionsExhausted, PostgresUnavailable
from infrastructure.postgres.pooler_check import (
    OPTIONS_ADVICE,
    POOL_MODE_ADVICE,
    POOL_SIZE_ADVICE,
    PoolerRefused,
    check_pooler,
)
from infrastructure.postgres.pools import open_read_pool, open_write_pool
from infrastructure.projection_engine.versions import connect
from infrastructure.queue.sync_queue import open_sync_queue
from tests.infrastructure.postgres.pgbouncer import running_pgbouncer

pytestmark = pytest.mark.postgres


def test_a_direct_connection_keeps_its_sessions(debian_postgres_url: str) -> None:
    check_pooler(debian_postgres_url)


@pytest.mark.parametrize("pool_size", [2, 20])
def test_session_mode_keeps_sessions(debian_postgres_url: str, pool_size: int) -> None:
    with running_pgbouncer(debian_postgres_url, pool_mode="session", pool_size=pool_size) as url:
        check_pooler(url)


@pytest.mark.parametrize("pool_size", [1, 2, 20])
@pytest.mark.parametrize("pool_mode", ["transaction", "statement"])
def test_other_modes_are_refused_with_the_setting(
    debian_postgres_url: str, pool_mode: str, pool_size: int
) -> None:
    with (
        running_pgbouncer(debian_postgres_url, pool_mode=pool_mode, pool_size=pool_size) as url,
        pytest.raises(PoolerRefused) as refusal,
    ):
        check_pooler(url)
    assert str(refusal.value) == POOL_MODE_ADVICE
    assert "pool_mode = session" in POOL_MODE_ADVICE


def test_a_pool_of_one_session_is_refused_with_another_setting(debian_postgres_url: str) -> None:
    with (
        running_pgbouncer(debian_postgres_url, pool_mode="session", pool_size=1) as url,
        pytest.raises(PoolerRefused) as refusal,
    ):
        check_pooler(url)
    assert str(refusal.value) == POOL_SIZE_ADVICE
    assert "default_pool_size" in POOL_SIZE_ADVICE


def test_options_in_the_url_are_refused_with_what_to_remove(debian_postgres_url: str) -> None:
    with (
        running_pgbouncer(debian_postgres_url, pool_mode="session") as url,
        pytest.raises(PoolerRefused) as refusal,
    ):
        check_pooler(f"{url}?options=-c%20work_mem%3D8MB")
    assert str(refusal.value) == OPTIONS_ADVICE


@pytest.mark.parametrize("limited", ["ROLE crowded", "DATABASE crowded"])
def test_a_connection_limit_is_named_with_what_to_change(
    debian_postgres_url: str, limited: str
) -> None:
    with psycopg.connect(debian_postgres_url, autocommit=True) as admin:
        admin.execute("CREATE ROLE crowded LOGIN")
        admin.execute("CREATE DATABASE crowded OWNER crowded ENCODING 'UTF8' TEMPLATE template0")
        admin.execute(f"ALTER {limited} CONNECTION LIMIT 0".encode())
        try:
            with pytest.raises(ConnectionsExhausted, match="CONNECTION LIMIT"):
                check_pooler(make_conninfo(debian_postgres_url, user="crowded", dbname="crowded"))
        finally:
            admin.execute("DROP DATABASE crowded")
            admin.execute("DROP ROLE crowded")


def test_a_pool_whose_sessions_are_in_use_is_suspected(debian_postgres_url: str) -> None:
    with (
        running_pgbouncer(debian_postgres_url, pool_mode="session", pool_size=1) as url,
        psycopg.connect(url) as other,
    ):
        other.execute("SELECT 1")
        with pytest.raises(PostgresUnavailable, match="default_pool_size"):
            check_pooler(url)


def test_a_pooler_that_accepts_no_more_clients_is_named(debian_postgres_url: str) -> None:
    with (
        running_pgbouncer(debian_postgres_url, pool_mode="session", max_client_conn="1") as url,
        pytest.raises(ConnectionsExhausted, match="max_client_conn"),
    ):
        check_pooler(url)


@pytest.mark.parametrize("reset_always", ["0", "1"])
@pytest.mark.parametrize("round_robin", ["0", "1"])
def test_transaction_mode_is_recognised_while_others_use_the_pool(
    debian_postgres_url: str, reset_always: str, round_robin: str
) -> None:
    with (
        running_pgbouncer(
            debian_postgres_url,
            pool_mode="transaction",
            pool_size=6,
            server_reset_query_always=reset_always,
            server_round_robin=round_robin,
        ) as url,
        _busy_clients(url, 4),
    ):
        for _ in range(5):
            with pytest.raises(PoolerRefused, match="session mode"):
                check_pooler(url)


@contextmanager
def _busy_clients(url: str, count: int) -> Iterator[None]:
    """Run short transactions on so many connections during the block."""
    stopping = threading.Event()

    def work() -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            while not stopping.is_set():
                connection.execute("SELECT count(*) FROM generate_series(1, 2000)", prepare=False)

    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    yield
    stopping.set()
    for thread in threads:
        thread.join()


async def test_every_session_has_its_settings_behind_a_pooler(debian_postgres_url: str) -> None:
    with running_pgbouncer(debian_postgres_url, pool_mode="session") as url:
        with (
            open_write_pool(url, statement_seconds=7) as write_pool,
            write_pool.connection() as connection,
        ):
            # A rollback does not take the settings back.
            connection.execute("SELECT 1")
            connection.rollback()
            assert _shown(connection, "statement_timeout") == "7s"
            assert _shown(connection, "default_transaction_read_only") == "off"
        async with (
            open_read_pool(url, statement_seconds=3) as read_pool,
            read_pool.connection() as session,
        ):
            cursor = await session.execute("SHOW statement_timeout")
            assert await cursor.fetchone() == ("3s",)
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                await session.execute("CREATE TABLE t (n integer)")
        with connect(url) as connection:
            assert _shown(connection, "synchronous_commit") == "off"
        async with open_sync_queue(url) as queue, queue.pool.connection() as session:
            cursor = await session.execute("SHOW search_path")
            assert await cursor.fetchone() == ("procrastinate",)


async def test_a_pooler_that_resets_nothing_passes_nothing_on(debian_postgres_url: str) -> None:
    with running_pgbouncer(
        debian_postgres_url, pool_mode="session", pool_size=2, server_reset_query=""
    ) as url:
        async with open_read_pool(url, size=1) as read_pool, read_pool.connection() as session:
            await session.execute("SET role = pg_monitor")
            await session.execute("PREPARE _pg3_0 AS SELECT 1")
        with open_write_pool(url, size=1) as pool, pool.connection() as connection:
            assert _shown(connection, "default_transaction_read_only") == "off"
            assert _shown(connection, "role") == "none"
            assert _shown(connection, "application_name") == "easeboard writes"
            for _ in range(2):
                connection.execute("SELECT 2", prepare=True)


def test_a_pooled_server_is_migrated(debian_postgres_url: str) -> None:
    with psycopg.connect(debian_postgres_url, autocommit=True) as admin:
        admin.execute("CREATE DATABASE pooled ENCODING 'UTF8' TEMPLATE template0")
    target = debian_postgres_url.replace("/postgres?", "/pooled?")
    with running_pgbouncer(target, pool_mode="session") as url:
        assert "0001_event_log" in apply_migrations(url)
        assert apply_migrations(url) == []


def _shown(connection: psycopg.Connection[tuple[str]], name: str) -> str:
    (value,) = connection.execute(f"SHOW {name}".encode()).fetchone() or ("",)
    return value
