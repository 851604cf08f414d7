"""Errors of the database, and the one place that decides whether an error is an outage."""

import re

import psycopg
from psycopg import errors
from psycopg.errors import TooManyConnections
from psycopg_pool import PoolTimeout, TooManyRequests


class DatabaseFailure(Exception):
    """The database cannot be used now; the subclasses distinguish the reasons."""


class PostgresUnavailable(DatabaseFailure):
    """PostgreSQL cannot be started or reached; the message names the cause and what to do."""


class DatabaseBusy(DatabaseFailure):
    """No connection or thread became free in time; a later attempt may succeed."""


class DatabaseUnavailable(DatabaseFailure):
    """The database could not be reached, or did not respond in time."""


class ConnectionLost(DatabaseUnavailable):
    """The connection broke during a statement, which may have taken effect."""


class DatabaseUnreachable(DatabaseUnavailable):
    """No new connection can be opened; nothing was sent to the database."""


class NoConnection(PoolTimeout):
    """A pool has no free connection, and the server refuses new ones; the message has why."""


class DatabaseReadOnly(DatabaseUnavailable):
    """The database takes no writes: it is a standby, or a setting makes transactions read-only."""


class ConnectionsExhausted(PostgresUnavailable, DatabaseBusy):
    """The server, the database or the role allows no more connections; the message has advice."""


_LIMIT_PATTERN = re.compile(
    r"too many connections for|too many clients already|remaining connection slots|"
    r"no more connections allowed"
)
"""Errors of libpq while it connects have no SQLSTATE."""

LIMIT_ADVICE = (
    "run fewer processes, or increase max_connections, the CONNECTION LIMIT of the database or the "
    "role, or max_client_conn of the pooler (docs/operations.md, Connections)"
)

_SILENCE_PATTERN = re.compile(r"did not respond|query_wait_timeout")

FULL_POOL_ADVICE = (
    ". If DATABASE_URL names a connection pooler, all sessions of its pool may be in use: increase "
    "default_pool_size in PgBouncer, or the pool size in Supavisor"
)


def unreachable(error: psycopg.Error) -> PostgresUnavailable:
    """Return the error of a database that cannot be reached, with what to do at a limit."""
    text = str(error)
    if is_at_limit(error):
        return ConnectionsExhausted(f"No database connection is free ({text}): {LIMIT_ADVICE}.")
    advice = FULL_POOL_ADVICE if _SILENCE_PATTERN.search(text) else ""
    return PostgresUnavailable(f"The database cannot be reached: {text}{advice}")


def is_at_limit(error: psycopg.Error) -> bool:
    """Return whether the server refused a connection at its limit of connections."""
    return isinstance(error, TooManyConnections) or bool(_LIMIT_PATTERN.search(str(error)))


BUSY_ERRORS = (PoolTimeout, TooManyRequests, TooManyConnections)
"""Errors of the driver and its pools that mean: no connection became free in time."""

STATE_ERRORS = (
    errors.ReadOnlySqlTransaction,
    errors.IdleInTransactionSessionTimeout,
    errors.InsufficientPrivilege,
    errors.InvalidCatalogName,
    errors.InvalidSchemaName,
)
"""Errors about the state of the database that psycopg does not count as operational.

It takes no writes, ended an idle transaction, has revoked a privilege, or was dropped or renamed
with its schemas. As soon as an operator has corrected that, the same statement succeeds.
"""

DRIVER_ERRORS = (psycopg.OperationalError, psycopg.InterfaceError, *STATE_ERRORS)
"""Errors of psycopg that mean that the database could not be used.

OperationalError has the SQLSTATE classes 08, 28, 40, 53, 54, 55, 57 and 58: connection,
authorization, rollback, resources, limits, object state, operator intervention and system error.
The pools raise subclasses of it. All other errors of psycopg are about the statement.
"""

UNAVAILABLE_ERRORS = (DatabaseFailure, *DRIVER_ERRORS)
"""Errors that mean that the database could not be used."""

DATABASE_ERRORS = (DatabaseFailure, psycopg.Error)
"""Every error that a use of the database can raise.

Tasks in the background catch these, log them, and try again later.
"""

TRANSIENT_SQLSTATE_CLASSES = ("08", "40", "53", "55", "57", "58")
"""SQLSTATE classes of errors that are not about the statement.

They are connection, rollback, resources, object state, operator intervention and system error:
https://www.postgresql.org/docs/current/errcodes-appendix.html
"""


def is_unavailable(error: BaseException | None) -> bool:
    """Whether an error means that the database could not be used."""
    return isinstance(error, UNAVAILABLE_ERRORS)


def is_transient(error: BaseException) -> bool:
    """Whether the same work may succeed later although nothing is repaired or configured."""
    if isinstance(error, DatabaseBusy | DatabaseUnavailable | psycopg.InterfaceError):
        return True
    if isinstance(error, errors.ReadOnlySqlTransaction | errors.IdleInTransactionSessionTimeout):
        return True
    if not isinstance(error, psycopg.OperationalError):
        return False
    return error.sqlstate is None or error.sqlstate.startswith(TRANSIENT_SQLSTATE_CLASSES)
