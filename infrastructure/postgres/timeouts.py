"""Connections that do not wait for ever on a server that neither answers nor closes.

The kernel cannot tell: whatever stands in between may well take in what we send.
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus

R = TypeVar("R")

_WAIT_INTERVAL_SECONDS = 0.1


class TimedConnection(psycopg.Connection[Any]):
    """A connection that breaks when a question is not answered within so many seconds."""

    response_timeout_seconds = 30.0
    on_timeout: Callable[[], None] | None = None

    def wait(
        self, gen: PQGen[R], interval: float = _WAIT_INTERVAL_SECONDS, timeout: float | None = None
    ) -> R:
        """Wait for an answer; raises OperationalError when there is none."""
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
    """The same on the event loop."""

    response_timeout_seconds = 30.0
    on_timeout: Callable[[], Awaitable[None]] | None = None

    async def wait(
        self,
        gen: PQGen[R],
        interval: float = _WAIT_INTERVAL_SECONDS,
        timeout: float | None = None,  # noqa: ASYNC109  # psycopg's own
    ) -> R:
        """Wait for an answer; raises OperationalError when there is none."""
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
    """Whether a question is open: no error of the server's own leaves one."""
    return pgconn.transaction_status == TransactionStatus.ACTIVE


def _timeout_error(seconds: float) -> psycopg.OperationalError:
    return psycopg.OperationalError(f"the server did not answer within {seconds:g} s")
