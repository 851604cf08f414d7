"""Calls easeboard.append with the functions of libpq, in one round trip.

A cursor of psycopg would need more processor time than the rest of an append.
"""

from collections.abc import Sequence
from weakref import WeakSet

import psycopg
from psycopg.errors import error_from_result
from psycopg.generators import execute
from psycopg.pq import ExecStatus, Format
from psycopg.pq.abc import PGresult

from infrastructure.postgres.timeouts import TimedConnection

_STATEMENT_NAME = b"easeboard_append"
_STATEMENT = b"SELECT easeboard.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
_PARAMETER_FORMATS = [Format.BINARY] * 10

_prepared_connections: WeakSet[TimedConnection] = WeakSet()


def call_append(connection: TimedConnection, values: Sequence[bytes | None]) -> int:
    """Append in one round trip and one transaction; returns the position of the last event.

    `values` are the arguments of easeboard.append in PostgreSQL's binary format.

    Raises: errors of psycopg, such as UniqueViolation if a version exists.
    """
    pgconn = connection.pgconn
    if connection not in _prepared_connections:
        pgconn.send_prepare(_STATEMENT_NAME, _STATEMENT)
        _fetch_result(connection, ExecStatus.COMMAND_OK)
        _prepared_connections.add(connection)
    pgconn.send_query_prepared(_STATEMENT_NAME, values, _PARAMETER_FORMATS, Format.BINARY)
    result = _fetch_result(connection, ExecStatus.TUPLES_OK)
    return int.from_bytes(result.get_value(0, 0) or b"")


def _fetch_result(connection: TimedConnection, expected: ExecStatus) -> PGresult:
    result: PGresult
    (result,) = connection.wait(execute(connection.pgconn))
    if result.status == expected:
        return result
    if connection.closed:
        raise psycopg.OperationalError("the connection was lost during an append")
    raise error_from_result(result, connection.info.encoding)
