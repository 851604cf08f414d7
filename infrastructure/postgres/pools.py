"""Pools of database connections: one for threads, which write; one for asyncio, which reads."""

import select
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, cast

import psycopg
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from infrastructure.postgres.connection_budget import MAX_IDLE_SECONDS
from infrastructure.postgres.conninfo import build_conninfo
from infrastructure.postgres.reporting_pools import AsyncReportingPool, ReportingPool
from infrastructure.postgres.session_settings import SessionSettings
from infrastructure.postgres.timeouts import AsyncTimedConnection, TimedConnection

WritePool = ConnectionPool[TimedConnection]
"""Blocking connections for threads."""

ReadPool = AsyncConnectionPool[psycopg.AsyncConnection[Any]]
"""Read-only connections for asyncio."""

# A client whose request waits longer receives 503 (database busy) within 3 s.
POOL_WAIT_SECONDS = 2.5
# The server ends a statement after its timeout; if it does not report that, it is lost.
RESPONSE_GRACE_SECONDS = 2.0
_RECONNECT_TIMEOUT_SECONDS = 30


class Pools(NamedTuple):
    """The two pools of one process."""

    write_pool: WritePool
    read_pool: ReadPool


@asynccontextmanager
async def open_pools(url: str, *, write_size: int, read_size: int) -> AsyncIterator[Pools]:
    """Open both pools, with at most so many connections each, and close them at the end."""
    with open_write_pool(url, size=write_size) as write_pool:
        async with open_read_pool(url, size=read_size) as read_pool:
            yield Pools(write_pool, read_pool)


def open_write_pool(
    url: str, *, size: int = 8, max_waiting: int = 64, statement_seconds: float = 30
) -> WritePool:
    """Return a pool for threads, which the caller opens and closes.

    An exhausted pool raises PoolTimeout or TooManyRequests, one without a server NoConnection.

    Raises: PostgresUnavailable if libpq cannot parse the URL.
    """
    settings = SessionSettings(url, **_session_limits(statement_seconds))

    def configure(connection: TimedConnection) -> None:
        connection.response_timeout_seconds = statement_seconds + RESPONSE_GRACE_SECONDS
        connection.on_timeout = pool.drain
        settings.apply(connection)

    def check(connection: TimedConnection) -> None:
        if has_input(connection.fileno()):
            # If one connection is lost, all may be, and the pool waits a second for each it tries.
            pool.check()
            pool.check_connection(connection)

    pool = ReportingPool(
        build_conninfo(url, name="writes"),
        configure=configure,
        min_size=1,
        max_size=size,
        open=False,
        name="writes",
        timeout=POOL_WAIT_SECONDS,
        max_waiting=max_waiting,
        max_idle=MAX_IDLE_SECONDS,
        check=check,
        reconnect_timeout=_RECONNECT_TIMEOUT_SECONDS,
    )
    return pool


def open_read_pool(
    url: str, *, size: int = 8, max_waiting: int = 256, statement_seconds: float = 5
) -> ReadPool:
    """Return a pool for asyncio, which the caller opens and closes.

    Its sessions are read-only, and each statement is a transaction of its own: one round trip.
    An exhausted pool raises PoolTimeout or TooManyRequests, one without a server NoConnection.

    Raises: PostgresUnavailable if libpq cannot parse the URL.
    """
    read_only = {"default_transaction_read_only": "on"}
    settings = SessionSettings(url, read_only, **_session_limits(statement_seconds))

    async def configure(connection: psycopg.AsyncConnection[Any]) -> None:
        timed = cast("AsyncTimedConnection", connection)
        timed.response_timeout_seconds = statement_seconds + RESPONSE_GRACE_SECONDS
        timed.on_timeout = pool.drain
        await settings.apply_async(connection)

    async def check(connection: psycopg.AsyncConnection[Any]) -> None:
        if has_input(connection.fileno()):
            await pool.check()
            await pool.check_connection(connection)

    pool = AsyncReportingPool(
        build_conninfo(url, name="reads"),
        kwargs={"autocommit": True},
        configure=configure,
        min_size=1,
        max_size=size,
        open=False,
        name="reads",
        timeout=POOL_WAIT_SECONDS,
        max_waiting=max_waiting,
        max_idle=MAX_IDLE_SECONDS,
        check=check,
        reconnect_timeout=_RECONNECT_TIMEOUT_SECONDS,
    )
    return pool


reads = open_read_pool
"""The name of an earlier release, which scripts of operators use."""


def _session_limits(statement_seconds: float) -> dict[str, str]:
    return {
        "statement_timeout": f"{round(statement_seconds * 1000)}ms",
        "idle_in_transaction_session_timeout": "10s",
    }


def has_input(socket: int) -> bool:
    """Return whether data can be read from an idle connection.

    The server sends data without a request only when it closes the connection. So a lost
    connection is detected without the round trip of a query.
    """
    poll = select.poll()
    poll.register(socket, select.POLLIN)
    return bool(poll.poll(0))
