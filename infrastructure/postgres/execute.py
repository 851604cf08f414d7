"""Executes one statement on a connection of the pool."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg

from application.ports import SecretChange
from infrastructure.postgres.pools import WritePool
from infrastructure.postgres.retry import STATEMENT_TIMEOUT_SECONDS, with_retry
from infrastructure.postgres.timeouts import TimedConnection

Rows = list[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class SecretStatement(SecretChange):
    """A statement that writes or destroys a secret in the transaction of an append.

    A repetition must do no harm, because the transaction is retried if its connection breaks.
    """

    statement: LiteralString
    values: Sequence[Any]


def execute(
    pool: WritePool,
    statement: LiteralString,
    values: Sequence[Any] | Mapping[str, Any] = (),
    *,
    timeout_seconds: float = STATEMENT_TIMEOUT_SECONDS,
) -> Rows:
    """Execute one statement in a transaction of its own, and return its rows.

    If its connection breaks, the statement is executed again, although it may have taken effect;
    so a repetition must do no harm.

    Raises:
        DatabaseBusy: If no connection becomes free in time.
        DatabaseUnavailable: If the database cannot be reached or does not respond in time.
    """

    def run(connection: TimedConnection) -> Rows:
        with autocommit(connection):
            cursor = connection.execute(statement, values, binary=True)
        result = cursor.pgresult
        return cursor.fetchall() if result and result.nfields else []

    return with_retry(pool, run, timeout_seconds=timeout_seconds)


@contextmanager
def autocommit(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Make each statement a transaction of its own: one round trip instead of three."""
    was_autocommit = connection.autocommit
    if not was_autocommit:
        connection.autocommit = True
    try:
        yield
    finally:
        if not was_autocommit and not connection.closed:
            connection.autocommit = False
