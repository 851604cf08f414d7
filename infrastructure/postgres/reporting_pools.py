"""Pools whose errors have the reason for which the server refuses new connections.

Each pool has a class of connections of its own, which keeps the reason. An option of `connect`
would not do: the queue opens connections with the options of its pool, but without its class.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool, ConnectionPool, PoolTimeout

from infrastructure.postgres.errors import NoConnection, is_at_limit
from infrastructure.postgres.timeouts import AsyncTimedConnection, NewestAttempt, TimedConnection


class ReportingPool(ConnectionPool[TimedConnection]):
    """A pool of blocking connections."""

    def __init__(self, conninfo: str, **options: Any) -> None:
        self._newest_attempt = attempt = NewestAttempt()

        class PoolConnection(TimedConnection):
            newest_attempt = attempt

        super().__init__(conninfo, connection_class=PoolConnection, **options)

    def getconn(self, timeout: float | None = None) -> TimedConnection:
        """Return a free connection.

        Raises:
            NoConnection: If none becomes free, and the server refuses new ones.
            PoolTimeout: If none becomes free for another reason, such as a limit of connections.
        """
        with _reported(self._newest_attempt):
            return super().getconn(timeout)


class AsyncReportingPool(AsyncConnectionPool[psycopg.AsyncConnection[Any]]):
    """A ReportingPool for asyncio."""

    def __init__(self, conninfo: str, **options: Any) -> None:
        self._newest_attempt = attempt = NewestAttempt()

        class AsyncPoolConnection(AsyncTimedConnection):
            newest_attempt = attempt

        super().__init__(conninfo, connection_class=AsyncPoolConnection, **options)

    async def getconn(
        self,
        timeout: float | None = None,  # noqa: ASYNC109  # the signature of psycopg
    ) -> psycopg.AsyncConnection[Any]:
        """Return a free connection; raises as ReportingPool does."""
        with _reported(self._newest_attempt):
            return await super().getconn(timeout)


@contextmanager
def _reported(newest: NewestAttempt) -> Iterator[None]:
    try:
        yield
    except PoolTimeout as error:
        if newest.error is None:
            raise
        if is_at_limit(newest.error):
            raise PoolTimeout(f"{error}: {newest.error}") from error
        raise NoConnection(f"no connection can be opened: {newest.error}") from error
