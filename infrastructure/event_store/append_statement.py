"""Calls easeboard.append with the functions of libpq, once or several times in one round trip.

A cursor of psycopg would need more processor time than the rest of an append.
"""

from collections.abc import Sequence
from weakref import WeakSet

import psycopg
from psycopg.errors import InvalidSqlStatementName, error_from_result
from psycopg.generators import execute, fetch_many, send
from psycopg.pq import DiagnosticField, ExecStatus, Format, TransactionStatus
from psycopg.pq.abc import PGresult

from domain.log_position import LogPosition
from infrastructure.postgres.timeouts import TimedConnection

_STATEMENT_NAME = b"easeboard_append"
_PARAMETER_COUNT = 13
_STATEMENT = "SELECT easeboard.append({})".format(
    ", ".join(f"${nth}" for nth in range(1, _PARAMETER_COUNT + 1))
).encode()
_PARAMETER_FORMATS = [Format.BINARY] * _PARAMETER_COUNT

_LIMIT_LOCK_WAITS = b"SELECT set_config('lock_timeout', '50ms', true)"
"""In a group, one append that waits for a lock would hold up the others."""

_prepared_connections: WeakSet[TimedConnection] = WeakSet()


def call_append(connection: TimedConnection, values: Sequence[bytes | None]) -> LogPosition:
    """Append in one round trip; returns the place of the last event.

    It is a transaction of its own unless one is open. `values` are the arguments of
    easeboard.append in PostgreSQL's binary format.

    Raises: errors of psycopg, such as UniqueViolation if a version exists.
    """
    if connection.pgconn.transaction_status == TransactionStatus.INTRANS:
        result = _execute_once(connection, values)
    else:
        try:
            result = _execute_prepared(connection, values)
        except InvalidSqlStatementName:
            _prepared_connections.discard(connection)
            result = _execute_prepared(connection, values)
    return _place(result)


def call_appends(
    connection: TimedConnection, values: Sequence[Sequence[bytes | None]]
) -> list[LogPosition]:
    """Append several times in one round trip and one transaction; returns the place of each.

    libpq sends them in pipeline mode: what comes before a Sync message is one transaction.

    Raises: the error of the first append that is refused; then none has taken effect. It is
    LockNotAvailable if one would wait for a lock.
    """
    _prepare(connection)
    pgconn = connection.pgconn
    try:
        pgconn.enter_pipeline_mode()
        pgconn.send_query_params(_LIMIT_LOCK_WAITS, None)
        for each in values:
            pgconn.send_query_prepared(_STATEMENT_NAME, each, _PARAMETER_FORMATS, Format.BINARY)
        pgconn.pipeline_sync()
        connection.wait(send(pgconn))
        results = [_fetch_next(connection) for _ in range(len(values) + 2)]
        pgconn.exit_pipeline_mode()
    except BaseException:
        # It must not return to the pool in pipeline mode.
        connection.close()
        raise
    for result in results[:-1]:
        if result.status != ExecStatus.TUPLES_OK:
            if result.error_field(DiagnosticField.SQLSTATE) == b"26000":
                _prepared_connections.discard(connection)
            raise error_from_result(result, connection.info.encoding)
    return [_place(result) for result in results[1:-1]]


def _execute_once(connection: TimedConnection, values: Sequence[bytes | None]) -> PGresult:
    """Execute without a prepared statement: if that is missing, the transaction would be lost.

    psycopg deallocates all statements of a connection after a rollback.
    """
    connection.pgconn.send_query_params(_STATEMENT, values, None, _PARAMETER_FORMATS, Format.BINARY)
    return _fetch_result(connection, ExecStatus.TUPLES_OK)


def _fetch_next(connection: TimedConnection) -> PGresult:
    results: list[PGresult] = connection.wait(fetch_many(connection.pgconn))
    if results:
        return results[0]
    raise psycopg.OperationalError("the connection was lost during an append")


def _place(result: PGresult) -> LogPosition:
    returned = result.get_value(0, 0) or b""
    return LogPosition(int.from_bytes(returned[8:]), int.from_bytes(returned[:8]))


def _execute_prepared(connection: TimedConnection, values: Sequence[bytes | None]) -> PGresult:
    _prepare(connection)
    pgconn = connection.pgconn
    pgconn.send_query_prepared(_STATEMENT_NAME, values, _PARAMETER_FORMATS, Format.BINARY)
    return _fetch_result(connection, ExecStatus.TUPLES_OK)


def _prepare(connection: TimedConnection) -> None:
    if connection not in _prepared_connections:
        connection.pgconn.send_prepare(_STATEMENT_NAME, _STATEMENT)
        _fetch_result(connection, ExecStatus.COMMAND_OK)
        _prepared_connections.add(connection)


def _fetch_result(connection: TimedConnection, expected: ExecStatus) -> PGresult:
    result: PGresult
    (result,) = connection.wait(execute(connection.pgconn))
    if result.status == expected:
        return result
    if connection.closed:
        raise psycopg.OperationalError("the connection was lost during an append")
    raise error_from_result(result, connection.info.encoding)
