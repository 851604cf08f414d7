"""Writes any number of rows to a table with one statement."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from psycopg import Cursor, sql

INSERT_SQL = sql.SQL(
    """
    INSERT INTO {table} ({names})
    SELECT {names}
      FROM unnest({arrays}) AS incoming ({names})
    """
)
UPDATE_SQL = sql.SQL("ON CONFLICT ({key}) DO UPDATE SET {assignments}")
REPLACE_SQL = sql.SQL("{0} = excluded.{0}")
SUM_SQL = sql.SQL("{0} = {1}.{0} + excluded.{0}")
OWNER_COLUMNS = frozenset({"connection_id", "person_id"})
"""Columns that never change: a row belongs to one connection of one person."""


class Upsert:
    """Inserts rows into a table, or updates those whose key exists.

    `columns` maps each column to its PostgreSQL type, in the order of the values in a row.
    In an existing row, every column is updated except the key, the owner and the columns in
    `kept`; a value of a column in `summed` is added to the stored one. Without `key`, rows are only
    inserted. The statement is composed once, so an instance is meant to be a constant of its
    module.
    """

    def __init__(
        self,
        table: str,
        columns: Mapping[str, str],
        *,
        key: str | None = None,
        kept: Collection[str] = (),
        summed: Collection[str] = (),
    ) -> None:
        self.table = table
        statement = INSERT_SQL.format(
            table=sql.Identifier(table),
            names=_join(sql.Identifier(name) for name in columns),
            arrays=_join(sql.SQL(f"%b::{type_}[]") for type_ in columns.values()),
        )
        if key:
            updated = [name for name in columns if name not in {key, *OWNER_COLUMNS, *kept}]
            statement += UPDATE_SQL.format(
                key=sql.Identifier(key),
                assignments=_join(
                    (SUM_SQL if name in summed else REPLACE_SQL).format(
                        sql.Identifier(name), sql.Identifier(table)
                    )
                    for name in updated
                ),
            )
        self.statement = statement.as_bytes(None)

    def execute(self, rows: Sequence[tuple[Any, ...]], cursor: Cursor[Any]) -> None:
        """Write rows, whose keys must differ; without rows, execute nothing.

        Raises: psycopg.errors.UniqueViolation if there is no `key`, and a row exists already.
        """
        if rows:
            cursor.execute(self.statement, to_columns(rows))


def to_columns(rows: Iterable[tuple[Any, ...]]) -> list[list[Any]]:
    """Convert at least one row to the arrays that `unnest` takes, one for each column."""
    return [list(column) for column in zip(*rows, strict=True)]


def _join(parts: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL(", ").join(parts)
