"""The call of easeboard.append, spoken to the server in its own binary format.

A round trip through a cursor costs the interpreter more than all the rest of an append.
"""

from collections.abc import Sequence
from weakref import WeakSet

import psycopg
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus, Format
from psycopg.pq.abc import PGresult

from infrastructure.event_store.asking import Connection

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
        _check(connection, server.prepare(_NAME, _STATEMENT), ExecStatus.COMMAND_OK)
        _prepared.add(connection)
    answer = server.exec_prepared(_NAME, values, _BINARY, Format.BINARY)  # type: ignore[arg-type]  # None is NULL
    _check(connection, answer, ExecStatus.TUPLES_OK)
    return int.from_bytes(answer.get_value(0, 0) or b"")


def _check(connection: Connection, answer: PGresult, expected: ExecStatus) -> None:
    if answer.status == expected:
        return
    if connection.closed:
        raise psycopg.OperationalError("the connection was lost in the middle of an append")
    raise error_from_result(answer, connection.info.encoding)
