"""Asks PostgreSQL how it would execute a statement, so that a test can assert that.

A plan is compared by its nodes, never by time.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from psycopg import Connection, sql
from psycopg.adapt import PyFormat, Transformer

PLACEHOLDER = re.compile(r"%(?:%|\((?P<name>\w+)\)[sbt]|[sbt])")

SELECT_TYPES = """
SELECT CASE WHEN oid = 0 THEN 'unknown' ELSE oid::regtype::text END
  FROM unnest(%s::oid[]) WITH ORDINALITY AS sent (oid, number)
 ORDER BY number
"""


class PlanNode(NamedTuple):
    """One node of a plan: its type, such as `Index Scan`, and what it reads, if anything.

    `condition` is the condition of an index, `filter` what is compared in each row that was read.
    """

    type: str
    table: str | None
    index_name: str | None
    condition: str
    filter: str

    def __str__(self) -> str:
        """Return the node in one line, for messages of assertions."""
        parts = [self.type, self.table, self.index_name, self.condition, self.filter]
        return " | ".join(part for part in parts if part)


def plan_of(
    connection: Connection[Any],
    statement: str | sql.Composable,
    parameters: Mapping[str, Any] | Sequence[Any] = (),
) -> list[PlanNode]:
    """Return all nodes of the plan of a prepared statement, which is not executed.

    `plan_cache_mode` of the session decides whether the plan is one for these parameters, or the
    generic one, which PostgreSQL may use after a few executions.
    """
    return list(_nodes(explain(connection, "FORMAT JSON", statement, parameters)["Plan"]))


def explain(
    connection: Connection[Any],
    options: str,
    statement: str | sql.Composable,
    parameters: Mapping[str, Any] | Sequence[Any] = (),
) -> dict[str, Any]:
    """Return what EXPLAIN states about a prepared statement; `options` has FORMAT JSON."""
    text = statement if isinstance(statement, str) else statement.as_string(connection)
    text, values = _numbered(text, parameters)
    types = ", ".join(_types(connection, values))
    literals = sql.SQL(", ").join(map(sql.Literal, values)).as_string(connection)
    connection.execute(f"PREPARE explained {f'({types})' if types else ''} AS {text}".encode())
    try:
        execution = f"EXECUTE explained {f'({literals})' if literals else ''}"
        ((((root,)),),) = connection.execute(f"EXPLAIN ({options}) {execution}".encode()).fetchall()
    finally:
        connection.execute("DEALLOCATE explained")
    return dict(root)


def _types(connection: Connection[Any], values: Sequence[Any]) -> list[str]:
    """Return the types as which psycopg sends the values; `unknown` is inferred by the server."""
    adapter = Transformer(connection)
    oids = [
        0 if value is None else adapter.get_dumper(value, PyFormat.AUTO).oid for value in values
    ]
    rows = connection.execute(SELECT_TYPES, [oids]).fetchall()
    return [name for (name,) in rows]


def _numbered(text: str, parameters: Mapping[str, Any] | Sequence[Any]) -> tuple[str, list[Any]]:
    """Return a statement with the placeholders of PREPARE, and their values."""
    values: list[Any] = []
    numbers: dict[str, int] = {}

    def number(match: re.Match[str]) -> str:
        name = match["name"]
        if match[0] == "%%":
            return "%"
        if isinstance(parameters, Mapping):
            if name not in numbers:
                values.append(parameters[name])
                numbers[name] = len(values)
            return f"${numbers[name]}"
        values.append(parameters[len(values)])
        return f"${len(values)}"

    return PLACEHOLDER.sub(number, text), values


def _nodes(plan: dict[str, Any]) -> Iterator[PlanNode]:
    yield PlanNode(
        plan["Node Type"],
        plan.get("Relation Name"),
        plan.get("Index Name"),
        plan.get("Index Cond", ""),
        plan.get("Filter", ""),
    )
    for part in plan.get("Plans", ()):
        yield from _nodes(part)
