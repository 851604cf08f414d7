"""Asks PostgreSQL how it would execute a statement, so that a test can assert that.

A plan is compared by its nodes, never by time.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from psycopg import Connection, sql


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
    """Return all nodes of the plan of a statement, which is not executed."""
    text = statement if isinstance(statement, str) else statement.as_string(connection)
    explain = f"EXPLAIN (FORMAT JSON) {text}"
    ((((root,),)),) = connection.execute(explain.encode(), parameters).fetchall()
    return list(_nodes(root["Plan"]))


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
