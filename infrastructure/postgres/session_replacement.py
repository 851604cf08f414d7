"""Replaces the sessions of a pool while the database takes no writes.

A setting of the role or the database, and a failover behind an address, take effect in new
sessions only. So old ones would stay read-only after the database takes writes again.
"""

from time import monotonic
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from psycopg_pool import AsyncConnectionPool, ConnectionPool

REPLACEMENT_INTERVAL_SECONDS = 2.0
"""Seconds for which sessions are kept while the database takes no writes."""

_replaced_at: WeakKeyDictionary[object, float] = WeakKeyDictionary()


def replace_sessions(pool: ConnectionPool[Any]) -> None:
    """Open new sessions instead of those of the pool, unless that was done just now."""
    if _is_due(pool):
        pool.drain()


async def check_session(
    pool: AsyncConnectionPool[Any], connection: psycopg.AsyncConnection[Any]
) -> None:
    """Check a connection with a round trip; if it takes no writes, replace it after its use.

    Raises: psycopg.OperationalError if the connection is lost.
    """
    was_autocommit = connection.autocommit
    await connection.set_autocommit(True)
    cursor = await connection.execute("SHOW transaction_read_only")
    (is_read_only,) = await cursor.fetchone() or ("off",)
    await connection.set_autocommit(was_autocommit)
    if is_read_only == "on" and _is_due(pool):
        await pool.drain()


def _is_due(pool: object) -> bool:
    now = monotonic()
    if now < _replaced_at.get(pool, 0.0) + REPLACEMENT_INTERVAL_SECONDS:
        return False
    _replaced_at[pool] = now
    return True
