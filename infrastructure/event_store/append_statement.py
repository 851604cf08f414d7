"""Calls easeboard.append with the functions of libpq, in one round trip.

A cursor of psycopg would need more processor time than the rest of an append.
"""

from collections.abc import Sequence
from weakref import WeakSet

import psycopg
from psycopg.errors import InvalidSqlStatementName, error_from_result
from psycopg.generators import execute
from psycopg.pq import ExecStatus, Format, TransactionStatus
from psycopg.pq.abc import PGresult

from domain.log_position import LogPosition
from infrastructure.postgres.timeouts import TimedConnection

_STATEMENT_NAME = b"easeboard_append"
_STATEMENT = b"SELECT easeboard.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
_PARAMETER_FORMATS = [Format.BINARY] * 11

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
    returned = result.get_value(0, 0) or b""
    return LogPosition(int.from_bytes(returned[8:]), int.from_bytes(returned[:8]))


def _execute_once(connection: TimedConnection, values: Sequence[bytes | None]) -> PGresult:
    """Execute without a prepared statement: if that is missing, the transaction would be lost.

    psycopg deallocates all statements of a connection after a rollback.
    """
    connection.pgconn.send_query_params(_STATEMENT, values, None, _PARAMETER_FORMATS, Format.BINARY)
    return _fetch_result(connection, ExecStatus.TUPLES_OK)


def _execute_prepared(connection: TimedConnection, values: Sequence[bytes | None]) -> PGresult:
    pgconn = connection.pgconn
    if connection not in _prepared_connections:
        pgconn.send_prepare(_STATEMENT_NAME, _STATEMENT)
        _fetch_result(connection, ExecStatus.COMMAND_OK)
        _prepared_connections.add(connection)
    pgconn.send_query_prepared(_STATEMENT_NAME, values, _PARAMETER_FORMATS, Format.BINARY)
    return _fetch_result(connection, ExecStatus.TUPLES_OK)


def _fetch_result(connection: TimedConnection, expected: ExecStatus) -> PGresult:
    result: PGresult
    (result,) = connection.wait(execute(connection.pgconn))
    if result.status == expected:
        return result
    if connection.closed:
        raise psycopg.OperationalError("the connection was lost during an append")
    raise error_from_result(result, connection.info.encoding)
