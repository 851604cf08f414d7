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
from infrastructure.postgres.timeouts import Connection

R = TypeVar("R")

Pool = ConnectionPool[Connection]
Rows = list[tuple[Any, ...]]

CONNECTION_WAIT = 1.2
"""Seconds to wait for a free connection."""

PATIENCE = 1.8
"""Seconds within which a statement whose connection broke is asked again."""

ANSWER_WITHIN = 5.0
"""Seconds a server has to answer, unless more is granted, before it counts as lost."""


def ask(
    pool: Pool,
    statement: LiteralString,
    values: Sequence[Any] = (),
    *,
    seconds: float = ANSWER_WITHIN,
) -> Rows:
    """Run one statement in a transaction of its own and return its rows.

    It runs again when its connection breaks, perhaps after it took effect: it must bear that.
    Raises DatabaseBusy when no connection can be had, DatabaseUnavailable when none holds.
    """

    def once(connection: Connection) -> Rows:
        with _autocommit(connection):
            cursor = connection.execute(statement, values, binary=True)
        answer = cursor.pgresult
        return cursor.fetchall() if answer and answer.nfields else []

    return patiently(pool, once, seconds=seconds)


def patiently(pool: Pool, work: Callable[[Connection], R], *, seconds: float = ANSWER_WITHIN) -> R:
    """Do some work on a borrowed connection, again if that breaks; raises as `ask` does."""
    deadline = monotonic() + PATIENCE
    lost: ConnectionLost | None = None
    while lost is None or monotonic() < deadline:
        try:
            return _once(pool, work, seconds)
        except ConnectionLost as error:
            lost = error
        except DatabaseBusy:
            if lost is None:
                raise
        sleep(random.uniform(0.01, 0.1))  # noqa: S311  # spreads callers, guards no secret
    raise lost


def _once(pool: Pool, work: Callable[[Connection], R], seconds: float) -> R:
    try:
        with pool.connection(timeout=CONNECTION_WAIT) as connection, _own_words(connection):
            connection.answers_within = seconds
            return work(connection)
    except (PoolTimeout, TooManyRequests, errors.TooManyConnections) as error:
        raise DatabaseBusy(str(error)) from error
    except PoolClosed as error:
        raise DatabaseUnavailable(str(error)) from error


@contextmanager
def _own_words(connection: Connection) -> Iterator[None]:
    try:
        yield
    except errors.DeadlockDetected:
        raise
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        lost = connection.closed
        raise (ConnectionLost if lost else DatabaseUnavailable)(str(error)) from error


@contextmanager
def _autocommit(connection: Connection) -> Iterator[None]:
    """Let each statement be a transaction of its own: one round trip, not three."""
    was = connection.autocommit
    if not was:
        connection.autocommit = True
    try:
        yield
    finally:
        if not was and not connection.closed:
            connection.autocommit = False
