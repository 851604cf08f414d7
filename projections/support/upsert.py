"""Writes any number of rows to a table with one statement, or to rows in memory."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg import Cursor, sql

from projections.support.packed_columns import pack_columns, pack_uuids

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
CHANGE_SQL = sql.SQL(
    """
    UPDATE {table}
       SET {assignments}
      FROM unnest({arrays}) AS incoming ({names})
     WHERE {table}.{key} = incoming.{key}
    """
)
OWNER_COLUMNS = frozenset({"connection_id", "person_id"})
"""Columns that never change: a row belongs to one connection of one person."""


class RowTarget(ABC):
    """Takes rows in place of the cursor of a projector: `rows_in_memory.py` implements it."""

    @abstractmethod
    def upsert(self, into: "Upsert", rows: Sequence[tuple[Any, ...]]) -> None:
        """Do with rows what the statement of an upsert does."""

    @abstractmethod
    def update(self, of: "Update", rows: Sequence[tuple[Any, ...]]) -> None:
        """Do with rows what the statement of an update does."""

    @abstractmethod
    def delete(self, table: str, ids: Iterable[UUID]) -> None:
        """Delete the rows of a table with these keys."""

    @abstractmethod
    def select(
        self, table: str, columns: Sequence[str], ids: Collection[UUID]
    ) -> list[tuple[Any, ...]]:
        """Return these columns of the rows of a table with these keys."""


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
        self.columns = tuple(columns)
        self.key, self.kept, self.summed = key, frozenset(kept), frozenset(summed)
        self._types = tuple(columns.values())
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
        if isinstance(cursor, RowTarget):
            cursor.upsert(self, rows)
        elif rows:
            cursor.execute(self.statement, pack_columns(self._types, rows))


class Update:
    """Replaces columns of the rows whose key exists; `columns` has the key and what is replaced.

    The values of a row are in the order of `columns`.
    """

    def __init__(self, table: str, columns: Mapping[str, str], *, key: str) -> None:
        self.table, self.columns, self.key = table, tuple(columns), key
        self._types = tuple(columns.values())
        statement = CHANGE_SQL.format(
            table=sql.Identifier(table),
            key=sql.Identifier(key),
            names=_join(sql.Identifier(name) for name in columns),
            arrays=_join(sql.SQL(f"%b::{type_}[]") for type_ in columns.values()),
            assignments=_join(
                sql.SQL("{0} = incoming.{0}").format(sql.Identifier(name))
                for name in columns
                if name != key
            ),
        )
        self.statement = statement.as_bytes(None)

    def execute(self, rows: Sequence[tuple[Any, ...]], cursor: Cursor[Any]) -> None:
        """Change rows, whose keys must differ; without rows, execute nothing."""
        if isinstance(cursor, RowTarget):
            cursor.update(self, rows)
        elif rows:
            cursor.execute(self.statement, pack_columns(self._types, rows))


class Delete:
    """Deletes the rows of a table with given keys."""

    def __init__(self, table: str, *, key: str) -> None:
        self.table = table
        statement = sql.SQL("DELETE FROM {} WHERE {} = ANY(%b::uuid[])")
        self.statement = statement.format(sql.Identifier(table), sql.Identifier(key)).as_bytes(None)

    def execute(self, ids: Collection[UUID], cursor: Cursor[Any]) -> None:
        """Delete rows; without ids, execute nothing."""
        if isinstance(cursor, RowTarget):
            cursor.delete(self.table, ids)
        elif ids:
            cursor.execute(self.statement, [pack_uuids(ids)])


def _join(parts: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL(", ").join(parts)
