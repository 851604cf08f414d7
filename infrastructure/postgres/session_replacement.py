"""Replaces the sessions of a pool while the database takes no writes.

A setting of the role or the database, and a failover behind an address, take effect in new
sessions only. So old ones would stay read-only after the database takes writes again.
"""

from time import monotonic
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from infrastructure.postgres.pools import has_input

REPLACEMENT_INTERVAL_SECONDS = 2.0
"""Seconds for which sessions are kept while the database takes no writes."""

SESSION_CHECK_SECONDS = 6.0
"""Seconds for which a session that took writes is used without another check."""

_replaced_at: WeakKeyDictionary[object, float] = WeakKeyDictionary()
_checked_at: WeakKeyDictionary[object, float] = WeakKeyDictionary()


def replace_sessions(pool: ConnectionPool[Any]) -> None:
    """Open new sessions instead of those of the pool, unless that was done just now."""
    if _is_due(pool):
        pool.drain()


def note_write(connection: psycopg.AsyncConnection[Any]) -> None:
    """Note that a connection has taken a write now, which is as good as a check."""
    _checked_at[connection] = monotonic()


async def check_session(
    pool: AsyncConnectionPool[Any], connection: psycopg.AsyncConnection[Any]
) -> None:
    """Check a connection with a round trip, unless it took writes a short time ago.

    If it takes no writes, it is replaced after its use.

    Raises: psycopg.OperationalError if the connection is lost.
    """
    is_recent = monotonic() < _checked_at.get(connection, 0.0) + SESSION_CHECK_SECONDS
    if is_recent and not has_input(connection.fileno()):
        return
    was_autocommit = connection.autocommit
    await connection.set_autocommit(True)
    cursor = await connection.execute("SHOW transaction_read_only")
    (is_read_only,) = await cursor.fetchone() or ("off",)
    await connection.set_autocommit(was_autocommit)
    if is_read_only == "on" and _is_due(pool):
        await pool.drain()
    _checked_at[connection] = monotonic()


def _is_due(pool: object) -> bool:
    now = monotonic()
    if now < _replaced_at.get(pool, 0.0) + REPLACEMENT_INTERVAL_SECONDS:
        return False
    _replaced_at[pool] = now
    return True
