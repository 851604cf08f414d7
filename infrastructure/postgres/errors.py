"""Errors of the database, and the one place that decides whether an error is an outage."""

import psycopg
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


BUSY_ERRORS = (PoolTimeout, TooManyRequests, TooManyConnections)
"""Errors of the driver and its pools that mean: no connection became free in time."""

UNAVAILABLE_ERRORS = (DatabaseFailure, psycopg.OperationalError, psycopg.InterfaceError)
"""Errors that mean that the database could not be used.

psycopg raises OperationalError and InterfaceError, and its pools subclasses of OperationalError.
All other errors of psycopg are about the statement.
"""

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
    if not isinstance(error, psycopg.OperationalError):
        return False
    return error.sqlstate is None or error.sqlstate.startswith(TRANSIENT_SQLSTATE_CLASSES)
