"""Rows in memory that a projector reads and writes in place of the tables of its read model.

Rows that were folded before can be kept packed, column by column: then nothing is done with each of
them. Those that were changed or deleted since are hidden.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from projections.support.packed_columns import PackedArray
from projections.support.upsert import RowTarget, Update, Upsert

Row = tuple[Any, ...]
PackedTable = Mapping[str, PackedArray]
"""The columns of a table by their names."""


class RowsInMemory(RowTarget):
    """The rows of one read model; nobody is erased and no connection closed, so `gone` is empty.

    A table that is `packed` has rows of which a projector needs no old value. A value of a column
    that is summed counts from then on.
    """

    def __init__(self, packed: Mapping[str, PackedTable] | None = None) -> None:
        self.packed = packed or {}
        self._tables: dict[str, dict[Any, Row]] = {}
        self._columns: dict[str, tuple[str, ...]] = {}
        self._deleted: dict[str, set[UUID]] = {}

    def execute(self, *_: object, **__: object) -> "RowsInMemory":
        """Execute a statement on the table `gone`: there is nothing to find."""
        return self

    def __iter__(self) -> Iterator[Row]:
        """Iterate over the rows that a statement found: none."""
        return iter(())

    def fill(self, table: str, columns: Sequence[str], rows: Iterable[Row], key: str) -> None:
        """Add rows that were stored before."""
        self._columns[table] = tuple(columns)
        place = list(columns).index(key)
        self._tables[table] = {row[place]: row for row in rows}

    def upsert(self, into: Upsert, rows: Sequence[Row]) -> None:
        """Insert rows, or replace those whose key exists, as the statement of an Upsert does."""
        self._columns[into.table] = into.columns
        table = self._tables.setdefault(into.table, {})
        place = into.columns.index(into.key) if into.key else None
        for row in rows:
            # Rows without a key are only added, and have their position first.
            key = row[0 if place is None else place]
            before = table.get(key)
            table[key] = row if before is None else _merge(into, before, row)

    def update(self, of: Update, rows: Sequence[Row]) -> None:
        """Change the rows whose key exists, as the statement of an Update does."""
        table, columns = self._tables.get(of.table, {}), self._columns.get(of.table, ())
        for row in rows:
            values = dict(zip(of.columns, row, strict=True))
            if before := table.get(values[of.key]):
                pairs = zip(columns, before, strict=True)
                table[values[of.key]] = tuple(values.get(name, old) for name, old in pairs)

    def delete(self, table: str, ids: Iterable[UUID]) -> None:
        """Delete the rows of a table with these keys."""
        rows, deleted = self._tables.get(table, {}), self._deleted.setdefault(table, set())
        for id_ in ids:
            rows.pop(id_, None)
            deleted.add(id_)

    def select(self, table: str, columns: Sequence[str], ids: Collection[UUID]) -> list[Row]:
        """Return these columns of the rows of a table with these keys, which is not packed."""
        rows = self._tables.get(table, {})
        found = [row for id_ in ids if (row := rows.get(id_))]
        places = [self._columns[table].index(name) for name in columns] if found else []
        return [tuple(row[place] for place in places) for row in found]

    def columns_of(self, table: str, names: Sequence[str]) -> list[list[Any]]:
        """Return the values of these columns of the rows that are not packed."""
        rows = list(self._tables.get(table, {}).values())
        if not rows:
            return [[] for _ in names]
        places = [self._columns[table].index(name) for name in names]
        return [[row[place] for row in rows] for place in places]

    def hidden(self, table: str) -> list[UUID]:
        """Return the keys of the packed rows that were changed or deleted since."""
        if table not in self.packed:
            return []
        return [*self._deleted.get(table, ()), *self._tables.get(table, ())]


def _merge(into: Upsert, before: Row, row: Row) -> Row:
    if not (into.kept or into.summed):
        return row
    values = zip(into.columns, before, row, strict=True)
    return tuple(
        old + new if name in into.summed else old if name in into.kept else new
        for name, old, new in values
    )
