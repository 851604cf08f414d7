"""Which errors of the database mean that it cannot be used, and which are transient."""

import psycopg
import pytest
from psycopg import errors
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from infrastructure.postgres.errors import (
    BUSY_ERRORS,
    DATABASE_ERRORS,
    ConnectionLost,
    DatabaseBusy,
    DatabaseFailure,
    DatabaseUnavailable,
    PostgresUnavailable,
    is_transient,
    is_unavailable,
)

# Whether the database could not be used, and whether the same work may succeed later.
CASES: list[tuple[Exception, bool, bool]] = [
    (DatabaseBusy("busy"), True, True),
    (DatabaseUnavailable("away"), True, True),
    (ConnectionLost("broken"), True, True),
    (PostgresUnavailable("DATABASE_URL is wrong"), True, False),
    (PoolTimeout(), True, True),
    (TooManyRequests(), True, True),
    (PoolClosed(), True, True),
    (psycopg.OperationalError("connection refused"), True, True),
    (psycopg.InterfaceError("the connection is closed"), True, True),
    (errors.ConnectionFailure(), True, True),
    (errors.AdminShutdown(), True, True),
    (errors.TooManyConnections(), True, True),
    (errors.DiskFull(), True, True),
    (errors.DeadlockDetected(), True, True),
    (errors.LockNotAvailable(), True, True),
    (errors.QueryCanceled(), True, True),
    (errors.ReadOnlySqlTransaction(), True, True),
    (errors.IdleInTransactionSessionTimeout(), True, True),
    (errors.InsufficientPrivilege(), True, False),
    (errors.InvalidCatalogName(), True, False),
    (errors.InvalidSchemaName(), True, False),
    (errors.OutOfMemory(), True, True),
    (errors.CannotConnectNow(), True, True),
    (errors.IoError(), True, True),
    (errors.InvalidPassword(), True, False),
    (errors.ProgramLimitExceeded(), True, False),
    (errors.UndefinedTable(), False, False),
    (errors.UniqueViolation(), False, False),
    (psycopg.DataError("invalid input syntax"), False, False),
    (errors.InternalError_(), False, False),
    (ValueError("an error of a projector"), False, False),
]


@pytest.mark.parametrize(
    ("error", "unavailable", "transient"),
    CASES,
    ids=lambda case: type(case).__name__ if isinstance(case, Exception) else None,
)
def test_errors_are_classified(error: Exception, *, unavailable: bool, transient: bool) -> None:
    assert (is_unavailable(error), is_transient(error)) == (unavailable, transient)
    is_from_database = not isinstance(error, ValueError)
    assert isinstance(error, DATABASE_ERRORS) == is_from_database


def test_no_error_is_not_an_unavailable_database() -> None:
    assert not is_unavailable(None)


def test_busy_errors_are_errors_of_an_unavailable_database() -> None:
    assert all(is_unavailable(kind()) and is_transient(kind()) for kind in BUSY_ERRORS)


def test_every_failure_of_ours_belongs_to_one_family() -> None:
    assert {PostgresUnavailable, DatabaseBusy, DatabaseUnavailable} == set(
        DatabaseFailure.__subclasses__()
    )
    assert issubclass(ConnectionLost, DatabaseUnavailable)
