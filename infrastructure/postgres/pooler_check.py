"""Recognises a connection pooler that gives the statements of one session to several servers.

Settings, prepared statements and read-only sessions need a server of their own for each session.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, LiteralString

import psycopg

from infrastructure.postgres.conninfo import build_conninfo
from infrastructure.postgres.errors import PostgresUnavailable, unreachable
from infrastructure.postgres.timeouts import TimedConnection

PROBE_ROUNDS = 3
"""In one round another client of the pooler may take the server that shows the difference."""

PROBE_WAIT_SECONDS = 4.0
"""Seconds after which a session that gets no response waits for the server of another one."""

NO_TRANSACTIONS_SQLSTATE_CLASS = "08"
"""The class of the error with which a pooler in statement mode refuses a transaction."""

POOL_MODE_ADVICE = (
    "The connection pooler of DATABASE_URL does not keep a session on one server: it is in "
    "transaction or statement mode, and easeboard needs session mode. Set pool_mode = session for "
    "this database in PgBouncer; with Supavisor (Supabase) use port 5432 instead of 6543; or "
    "connect to PostgreSQL directly."
)
POOL_SIZE_ADVICE = (
    "The connection pooler of DATABASE_URL gave no second session within "
    f"{PROBE_WAIT_SECONDS:g} s: increase default_pool_size in PgBouncer, or the pool size in "
    "Supavisor, to the number of database connections that easeboard doctor reports."
)

OPTIONS_ADVICE = (
    "The connection pooler of DATABASE_URL refuses the parameter options: remove options from "
    "DATABASE_URL. easeboard makes its settings after it is connected."
)

BEGIN = "BEGIN; SET LOCAL idle_in_transaction_session_timeout = 0"
"""A timeout of the role would close the session, as a pool without a free server does."""

SET_MARK: LiteralString = """
SET LOCAL statement_timeout = 0;
SELECT set_config('easeboard.probe', gen_random_uuid()::text, FALSE)
"""
"""Both are one message and one transaction, so that a pooler keeps no other setting."""

PROBE: LiteralString = """
SET LOCAL statement_timeout = 0;
SELECT current_setting('easeboard.probe', TRUE), pg_backend_pid()
"""

Reading = tuple[str | None, int]


class PoolerRefused(PostgresUnavailable):
    """The pooler before the database cannot be used; the message names its setting."""


def check_pooler(url: str) -> None:
    """Check that each session has a server of its own, and that its settings last.

    Raises:
        PoolerRefused: If a pooler is in transaction or statement mode, or its pool is too small.
        PostgresUnavailable: If the database cannot be reached.
    """
    try:
        with _session(url) as first:
            for _ in range(PROBE_ROUNDS):
                _probe(url, first)
    except PoolerRefused:
        raise
    except psycopg.OperationalError as error:
        if "unsupported startup parameter" in str(error):
            raise PoolerRefused(OPTIONS_ADVICE) from error
        raise unreachable(error) from error


def _probe(url: str, first: TimedConnection) -> None:
    """Mark the server of one session, and look whether a transaction of another one takes it.

    Poolers give the server that was released last; if they give another one, the next round shows
    it. The transaction keeps the server from the first session, which then gets another one, or
    has to wait.
    """
    (mark,) = _fetch(first, SET_MARK)
    expected = _read(first)
    with _session(url) as second:
        theirs = _begin(second)
        try:
            mine = _read(first)
        except psycopg.OperationalError as error:
            raise PoolerRefused(POOL_MODE_ADVICE) from error
        again = _read(second)
    if expected[0] != mark or mine != expected or again != theirs or theirs[1] == mine[1]:
        raise PoolerRefused(POOL_MODE_ADVICE)


def _begin(connection: TimedConnection) -> Reading:
    """Begin a transaction and read the mark of its server."""
    try:
        connection.execute(BEGIN)
        return _read(connection)
    except psycopg.Error as error:
        if (error.sqlstate or "").startswith(NO_TRANSACTIONS_SQLSTATE_CLASS):
            raise PoolerRefused(POOL_MODE_ADVICE) from error
        if connection.closed and error.sqlstate is None:
            raise PoolerRefused(POOL_SIZE_ADVICE) from error
        raise


def _read(connection: TimedConnection) -> Reading:
    mark, server_process = _fetch(connection, PROBE)
    return mark, server_process


def _fetch(connection: TimedConnection, statements: LiteralString) -> tuple[Any, ...]:
    """Return the row of the second statement."""
    cursor = connection.execute(statements)
    cursor.nextset()
    row: tuple[Any, ...] = cursor.fetchone() or ()
    return row


@contextmanager
def _session(url: str) -> Iterator[TimedConnection]:
    with TimedConnection.connect(build_conninfo(url, name="check"), autocommit=True) as connection:
        connection.response_timeout_seconds = PROBE_WAIT_SECONDS
        yield connection
