"""How many rows two versions of a read model have, table by table."""

from typing import Any, NamedTuple

from psycopg import Cursor, sql

from infrastructure.projection_engine.table_comparison import SELECT_SHADOW_TABLES


class TableCount(NamedTuple):
    """The rows of a table in the live version and in the new one; None where it has no such one."""

    table: str
    old: int | None
    new: int | None


def count_rows(cursor: Cursor[Any], live: str, shadow: str) -> list[TableCount]:
    """Count the rows of the temporary tables of this session, and of the live ones."""
    cursor.execute(SELECT_SHADOW_TABLES)
    return [
        TableCount(table, _count(cursor, live, table), _count(cursor, shadow, table))
        for (table,) in cursor.fetchall()
    ]


def _count(cursor: Cursor[Any], schema: str, table: str) -> int:
    cursor.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(schema, table)))
    [(count,)] = cursor.fetchall()
    return int(count)
