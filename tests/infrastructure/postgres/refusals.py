"""Waits for the error of a server that refuses connections, however late it refuses."""

from collections.abc import Callable
from typing import Any

from psycopg_pool import AsyncConnectionPool, PoolTimeout

from infrastructure.postgres.errors import DatabaseBusy, DatabaseUnreachable, NoConnection

MAX_ATTEMPTS = 20
"""A pool waits one or two seconds in each; an idle machine needs one attempt."""


def until_unreachable(work: Callable[[], object]) -> DatabaseUnreachable:
    """Repeat `work` until the refusal of the server is known, and return its error."""
    for _ in range(MAX_ATTEMPTS):
        try:
            work()
        except DatabaseUnreachable as error:
            return error
        except DatabaseBusy:
            continue
        raise AssertionError("the server has accepted a connection")
    raise AssertionError("the server has not refused a connection")


async def refusal_of(pool: AsyncConnectionPool[Any]) -> NoConnection:
    """Ask for a connection until the refusal of the server is known, and return its error."""
    for _ in range(MAX_ATTEMPTS):
        try:
            await pool.getconn(timeout=1)
        except NoConnection as error:
            return error
        except PoolTimeout:
            continue
        raise AssertionError("the server has accepted a connection")
    raise AssertionError("the server has not refused a connection")
