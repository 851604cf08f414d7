"""Pools of connections: one for writing in threads, one for reading on the event loop."""

import select
from typing import Any, cast

import psycopg
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from infrastructure.postgres.connection_budget import MAX_IDLE_SECONDS
from infrastructure.postgres.conninfo import build_conninfo
from infrastructure.postgres.timeouts import AsyncTimedConnection, TimedConnection

# Whoever waits longer is told that the database is busy: 503 within 3 s.
POOL_WAIT_SECONDS = 2.5
# A server that does not even say that a statement took too long says nothing any more.
RESPONSE_GRACE_SECONDS = 2.0
_RECONNECT_TIMEOUT_SECONDS = 30


def open_write_pool(
    url: str, *, size: int = 8, max_waiting: int = 64, statement_seconds: float = 30
) -> ConnectionPool[TimedConnection]:
    """A closed pool for threads; raises PoolTimeout or TooManyRequests when it is exhausted."""

    def configure(connection: TimedConnection) -> None:
        connection.response_timeout_seconds = statement_seconds + RESPONSE_GRACE_SECONDS
        connection.on_timeout = pool.drain

    def check(connection: TimedConnection) -> None:
        if _has_input(connection.fileno()):
            # Where one is lost all may be, and the pool would wait a second for each it tries.
            pool.check()
            pool.check_connection(connection)

    pool = ConnectionPool[TimedConnection](
        build_conninfo(url, name="writes", **_session_settings(statement_seconds)),
        connection_class=TimedConnection,
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
) -> AsyncConnectionPool[psycopg.AsyncConnection[Any]]:
    """A closed pool for the event loop; raises PoolTimeout or TooManyRequests when exhausted.

    Its sessions are read-only, and each statement is a transaction of its own: one round trip.
    """
    read_only = {"default_transaction_read_only": "on"}

    async def configure(connection: psycopg.AsyncConnection[Any]) -> None:
        timed = cast("AsyncTimedConnection", connection)
        timed.response_timeout_seconds = statement_seconds + RESPONSE_GRACE_SECONDS
        timed.on_timeout = pool.drain

    async def check(connection: psycopg.AsyncConnection[Any]) -> None:
        if _has_input(connection.fileno()):
            await pool.check()
            await pool.check_connection(connection)

    pool = AsyncConnectionPool[psycopg.AsyncConnection[Any]](
        build_conninfo(url, name="reads", **_session_settings(statement_seconds), **read_only),
        connection_class=AsyncTimedConnection,
        configure=configure,
        kwargs={"autocommit": True},
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


def _session_settings(statement_seconds: float) -> dict[str, str]:
    return {
        "statement_timeout": f"{round(statement_seconds * 1000)}ms",
        "idle_in_transaction_session_timeout": "10s",
    }


def _has_input(socket: int) -> bool:
    """Whether something waits to be read: the server says nothing unasked but that it goes.

    This tells a lost connection without the round trip that a query would cost each time.
    """
    poll = select.poll()
    poll.register(socket, select.POLLIN)
    return bool(poll.poll(0))
