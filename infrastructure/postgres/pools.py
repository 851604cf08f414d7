"""Pools of connections: one for writing in threads, one for reading on the event loop."""

import select
from typing import Any, cast

import psycopg
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from infrastructure.postgres.connection_budget import MAX_IDLE
from infrastructure.postgres.conninfo import conninfo
from infrastructure.postgres.timeouts import AsyncConnection, Connection

# Whoever waits longer is told that the database is busy: 503 within 3 s.
WAIT_SECONDS = 2.5
# A server that does not even say that a statement took too long says nothing any more.
SILENCE_SECONDS = 2.0
_RECONNECT_SECONDS = 30


def writes(
    url: str, *, size: int = 8, max_waiting: int = 64, statement_seconds: float = 30
) -> ConnectionPool[Connection]:
    """A closed pool for threads; raises PoolTimeout or TooManyRequests when it is exhausted."""

    def configure(connection: Connection) -> None:
        connection.answers_within = statement_seconds + SILENCE_SECONDS
        connection.on_silence = pool.drain

    def check(connection: Connection) -> None:
        if _spoke(connection.fileno()):
            # Where one is lost all may be, and the pool would wait a second for each it tries.
            pool.check()
            pool.check_connection(connection)

    pool = ConnectionPool[Connection](
        conninfo(url, name="writes", **_limits(statement_seconds)),
        connection_class=Connection,
        configure=configure,
        min_size=1,
        max_size=size,
        open=False,
        name="writes",
        timeout=WAIT_SECONDS,
        max_waiting=max_waiting,
        max_idle=MAX_IDLE,
        check=check,
        reconnect_timeout=_RECONNECT_SECONDS,
    )
    return pool


def reads(
    url: str, *, size: int = 8, max_waiting: int = 256, statement_seconds: float = 5
) -> AsyncConnectionPool[psycopg.AsyncConnection[Any]]:
    """A closed pool for the event loop; raises PoolTimeout or TooManyRequests when exhausted.

    Its sessions are read-only, and each statement is a transaction of its own: one round trip.
    """
    read_only = {"default_transaction_read_only": "on"}

    async def configure(connection: psycopg.AsyncConnection[Any]) -> None:
        ours = cast("AsyncConnection", connection)
        ours.answers_within = statement_seconds + SILENCE_SECONDS
        ours.on_silence = pool.drain

    async def check(connection: psycopg.AsyncConnection[Any]) -> None:
        if _spoke(connection.fileno()):
            await pool.check()
            await pool.check_connection(connection)

    pool = AsyncConnectionPool[psycopg.AsyncConnection[Any]](
        conninfo(url, name="reads", **_limits(statement_seconds), **read_only),
        connection_class=AsyncConnection,
        configure=configure,
        kwargs={"autocommit": True},
        min_size=1,
        max_size=size,
        open=False,
        name="reads",
        timeout=WAIT_SECONDS,
        max_waiting=max_waiting,
        max_idle=MAX_IDLE,
        check=check,
        reconnect_timeout=_RECONNECT_SECONDS,
    )
    return pool


def _limits(statement_seconds: float) -> dict[str, str]:
    return {
        "statement_timeout": f"{round(statement_seconds * 1000)}ms",
        "idle_in_transaction_session_timeout": "10s",
    }


def _spoke(socket: int) -> bool:
    """Whether something waits to be read: the server says nothing unasked but that it goes.

    This tells a lost connection without the round trip that a query would cost each time.
    """
    waiting = select.poll()
    waiting.register(socket, select.POLLIN)
    return bool(waiting.poll(0))
