"""Asking the database, with patience where a connection breaks and none where all are taken."""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from time import monotonic, sleep
from typing import Any, LiteralString, TypeVar

import psycopg
from psycopg import errors
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout, TooManyRequests

from infrastructure.event_store.errors import ConnectionLost, DatabaseBusy, DatabaseUnavailable
from infrastructure.postgres.timeouts import TimedConnection

R = TypeVar("R")

Pool = ConnectionPool[TimedConnection]
Rows = list[tuple[Any, ...]]

CONNECTION_WAIT_SECONDS = 1.2
"""Seconds to wait for a free connection."""

STATEMENT_RETRY_SECONDS = 1.8
"""Seconds within which a statement whose connection broke is asked again."""

STATEMENT_TIMEOUT_SECONDS = 5.0
"""Seconds a server has to answer, unless more is granted, before it counts as lost."""


def execute(
    pool: Pool,
    statement: LiteralString,
    values: Sequence[Any] = (),
    *,
    timeout_seconds: float = STATEMENT_TIMEOUT_SECONDS,
) -> Rows:
    """Run one statement in a transaction of its own and return its rows.

    It runs again when its connection breaks, perhaps after it took effect: it must bear that.
    Raises DatabaseBusy when no connection can be had, DatabaseUnavailable when none holds.
    """

    def run(connection: TimedConnection) -> Rows:
        with _autocommit(connection):
            cursor = connection.execute(statement, values, binary=True)
        result = cursor.pgresult
        return cursor.fetchall() if result and result.nfields else []

    return with_retry(pool, run, timeout_seconds=timeout_seconds)


def with_retry(
    pool: Pool,
    work: Callable[[TimedConnection], R],
    *,
    timeout_seconds: float = STATEMENT_TIMEOUT_SECONDS,
) -> R:
    """Do some work on a borrowed connection, again if that breaks; raises as `execute` does."""
    deadline = monotonic() + STATEMENT_RETRY_SECONDS
    last_error: ConnectionLost | None = None
    while last_error is None or monotonic() < deadline:
        try:
            return _run_once(pool, work, timeout_seconds)
        except ConnectionLost as error:
            last_error = error
        except DatabaseBusy:
            if last_error is None:
                raise
        sleep(random.uniform(0.01, 0.1))  # noqa: S311  # spreads callers, guards no secret
    raise last_error


def _run_once(pool: Pool, work: Callable[[TimedConnection], R], timeout_seconds: float) -> R:
    try:
        with (
            pool.connection(timeout=CONNECTION_WAIT_SECONDS) as connection,
            _translate_errors(connection),
        ):
            connection.response_timeout_seconds = timeout_seconds
            return work(connection)
    except (PoolTimeout, TooManyRequests, errors.TooManyConnections) as error:
        raise DatabaseBusy(str(error)) from error
    except PoolClosed as error:
        raise DatabaseUnavailable(str(error)) from error


@contextmanager
def _translate_errors(connection: TimedConnection) -> Iterator[None]:
    try:
        yield
    except errors.DeadlockDetected:
        raise
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        is_lost = connection.closed
        raise (ConnectionLost if is_lost else DatabaseUnavailable)(str(error)) from error


@contextmanager
def _autocommit(connection: TimedConnection) -> Iterator[None]:
    """Let each statement be a transaction of its own: one round trip, not three."""
    was_autocommit = connection.autocommit
    if not was_autocommit:
        connection.autocommit = True
    try:
        yield
    finally:
        if not was_autocommit and not connection.closed:
            connection.autocommit = False
