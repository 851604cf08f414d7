"""Database connections that are closed if the server does not respond in time.

The timeouts of the kernel are not enough: a proxy may still accept data for a server that is down.
"""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus

R = TypeVar("R")

_WAIT_INTERVAL_SECONDS = 0.1


class NewestAttempt:
    """The newest attempt to open a connection: why it failed, None if it succeeded."""

    error: psycopg.Error | None = None

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Keep the error of an attempt, and raise it."""
        try:
            yield
        except psycopg.Error as error:
            self.error = error
            raise
        self.error = None


class TimedConnection(psycopg.Connection[Any]):
    """A connection that is closed if a response takes longer than `response_timeout_seconds`.

    `on_timeout` is called after that.
    """

    response_timeout_seconds = 30.0
    on_timeout: Callable[[], None] | None = None
    newest_attempt = NewestAttempt()
    """Each pool has a subclass with its own."""

    @classmethod
    def connect(cls, conninfo: str = "", **options: Any) -> Self:
        """Open a connection, and keep in `newest_attempt` why it failed."""
        with cls.newest_attempt.noted():
            return super().connect(conninfo, **options)

    def wait(
        self, gen: PQGen[R], interval: float = _WAIT_INTERVAL_SECONDS, timeout: float | None = None
    ) -> R:
        """Wait for a response; raises OperationalError if there is none in time."""
        try:
            return super().wait(gen, interval, timeout or self.response_timeout_seconds)
        except psycopg.OperationalError as error:
            if not _is_awaiting_response(self.pgconn):
                raise
            self.pgconn.finish()
            if self.on_timeout:
                self.on_timeout()
            raise _timeout_error(self.response_timeout_seconds) from error


class AsyncTimedConnection(psycopg.AsyncConnection[Any]):
    """A TimedConnection for asyncio."""

    response_timeout_seconds = 30.0
    on_timeout: Callable[[], Awaitable[None]] | None = None
    newest_attempt = NewestAttempt()

    @classmethod
    async def connect(cls, conninfo: str = "", **options: Any) -> Self:
        """Open a connection, and keep in `newest_attempt` why it failed."""
        with cls.newest_attempt.noted():
            return await super().connect(conninfo, **options)

    async def wait(
        self,
        gen: PQGen[R],
        interval: float = _WAIT_INTERVAL_SECONDS,
        timeout: float | None = None,  # noqa: ASYNC109  # the signature of psycopg
    ) -> R:
        """Wait for a response; raises OperationalError if there is none in time."""
        try:
            return await super().wait(gen, interval, timeout or self.response_timeout_seconds)
        except psycopg.OperationalError as error:
            if not _is_awaiting_response(self.pgconn):
                raise
            self.pgconn.finish()
            if self.on_timeout:
                await self.on_timeout()
            raise _timeout_error(self.response_timeout_seconds) from error


def _is_awaiting_response(pgconn: psycopg.pq.abc.PGconn) -> bool:
    """Return whether a request is open; after an error that the server reported, none is."""
    return pgconn.transaction_status == TransactionStatus.ACTIVE


def _timeout_error(seconds: float) -> psycopg.OperationalError:
    return psycopg.OperationalError(f"the server did not respond within {seconds:g} s")
