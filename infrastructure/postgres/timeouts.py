"""Connections that do not wait for ever on a server that neither answers nor closes.

The kernel cannot tell: whatever stands in between may well take in what we send.
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus

R = TypeVar("R")

_INTERVAL = 0.1


class Connection(psycopg.Connection[Any]):
    """A connection that breaks when a question is not answered within so many seconds."""

    answers_within = 30.0
    on_silence: Callable[[], None] | None = None

    def wait(self, gen: PQGen[R], interval: float = _INTERVAL, timeout: float | None = None) -> R:
        """Wait for an answer; raises OperationalError when there is none."""
        try:
            return super().wait(gen, interval, timeout or self.answers_within)
        except psycopg.OperationalError as error:
            if not _still_asks(self.pgconn):
                raise
            self.pgconn.finish()
            if self.on_silence:
                self.on_silence()
            raise _silence(self.answers_within) from error


class AsyncConnection(psycopg.AsyncConnection[Any]):
    """The same on the event loop."""

    answers_within = 30.0
    on_silence: Callable[[], Awaitable[None]] | None = None

    async def wait(
        self,
        gen: PQGen[R],
        interval: float = _INTERVAL,
        timeout: float | None = None,  # noqa: ASYNC109  # psycopg's own
    ) -> R:
        """Wait for an answer; raises OperationalError when there is none."""
        try:
            return await super().wait(gen, interval, timeout or self.answers_within)
        except psycopg.OperationalError as error:
            if not _still_asks(self.pgconn):
                raise
            self.pgconn.finish()
            if self.on_silence:
                await self.on_silence()
            raise _silence(self.answers_within) from error


def _still_asks(server: psycopg.pq.abc.PGconn) -> bool:
    """Whether a question is open: no error of the server's own leaves one."""
    return server.transaction_status == TransactionStatus.ACTIVE


def _silence(seconds: float) -> psycopg.OperationalError:
    return psycopg.OperationalError(f"the server did not answer within {seconds:g} s")
