"""The call of easeboard.append, spoken to the server in its own binary format.

A round trip through a cursor costs the interpreter more than all the rest of an append.
"""

from collections.abc import Sequence
from weakref import WeakSet

import psycopg
from psycopg.errors import error_from_result
from psycopg.generators import execute
from psycopg.pq import ExecStatus, Format
from psycopg.pq.abc import PGresult

from infrastructure.postgres.timeouts import Connection

_NAME = b"easeboard_append"
_STATEMENT = b"SELECT easeboard.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
_BINARY = [Format.BINARY] * 10

_prepared: WeakSet[Connection] = WeakSet()


def call_append(connection: Connection, values: Sequence[bytes | None]) -> int:
    """Append in one round trip, a transaction of its own; returns the last position.

    Raises what psycopg raises.
    """
    server = connection.pgconn
    if connection not in _prepared:
        server.send_prepare(_NAME, _STATEMENT)
        _answer(connection, ExecStatus.COMMAND_OK)
        _prepared.add(connection)
    server.send_query_prepared(_NAME, values, _BINARY, Format.BINARY)
    answer = _answer(connection, ExecStatus.TUPLES_OK)
    return int.from_bytes(answer.get_value(0, 0) or b"")


def _answer(connection: Connection, expected: ExecStatus) -> PGresult:
    answer: PGresult
    (answer,) = connection.wait(execute(connection.pgconn))
    if answer.status == expected:
        return answer
    if connection.closed:
        raise psycopg.OperationalError("the connection was lost in the middle of an append")
    raise error_from_result(answer, connection.info.encoding)
