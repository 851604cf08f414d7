"""The read models of a past view, and the queries of its documents on rows in memory.

A query is that of the read model. Only its tables are replaced: each is the result of `unnest`
over arrays that the statement gets as parameters, so nothing is written to the database.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple, cast
from uuid import UUID

from domain.recorded_event import RecordedEvent
from infrastructure.projection_engine.read_model import events_for
from projections.assignments.query import assignments_of
from projections.courses.query import courses_of
from projections.dashboard_stats.query import stats_of
from projections.grades.query import grades_of
from projections.registry import READ_MODELS
from projections.support.packed_columns import PACKERS, pack_uuids
from projections.support.query import Query
from projections.support.rows_in_memory import RowsInMemory

VIEW_MODELS = tuple(
    model
    for model in READ_MODELS
    if model.name in {"courses", "assignments", "grades", "dashboard_stats"}
)
"""The read models of the four documents of a view."""

TABLE = re.compile(r"CREATE TABLE (\w+) \((.*?)\n\);", re.DOTALL)
COLUMN = re.compile(
    r"^ +(?P<name>\w+) +(?P<type>double precision|\w+)(?P<collation> +COLLATE \"C\")?", re.MULTILINE
)
VIEW_OF_TABLE = re.compile(r"\bread\.(\w+)")
PARAMETER = re.compile(r"%(?:%|\((\w+)\)[sbt])")
"""A named parameter, or an escaped percent sign."""


class Column(NamedTuple):
    """A column of a table of a read model."""

    name: str
    type: str
    has_collation: bool
    """Whether its text is sorted by the bytes."""


def _columns_by_table() -> dict[str, list[Column]]:
    found = {}
    for model in VIEW_MODELS:
        for table, body in TABLE.findall(model.schema_sql):
            if table in model.tables:
                found[table] = [
                    Column(match["name"], match["type"], match["collation"] is not None)
                    for match in COLUMN.finditer(body)
                ]
    return found


COLUMNS = _columns_by_table()
"""The columns of each table, in the order of its definition."""


PACKED_TABLES = {
    "assignments": "assignment_id",
    "grade_entries": "assignment_id",
    "dashboard_assignments": "assignment_id",
    "dashboard_grade_changes": None,
}
"""The tables with many rows, which can be packed, and their keys; None if rows are only added.

Their projectors write a row without looking at the one before.
"""


class Statement(NamedTuple):
    """A statement on rows in memory, and the columns that it needs of each table."""

    text: bytes
    """With numbered parameters: to find the names of 200 in each call takes milliseconds."""
    parameters: list[str]
    """The names of the parameters in the order of their numbers."""
    columns: Mapping[str, list[Column]]


def view_queries(person_id: UUID, as_of: datetime) -> list[Query[Any]]:
    """Return the queries of the documents: courses, assignments, grades and dashboard."""
    return [
        courses_of(person_id, limit=None),
        assignments_of(person_id, now=as_of, limit=None),
        grades_of(person_id, limit=None),
        stats_of(person_id, now=as_of),
    ]


def on_rows(query: Query[Any], rows: RowsInMemory) -> tuple[bytes, list[Any]]:
    """Return the statement of a query with these rows in place of its tables, and parameters.

    It is for a raw cursor: the parameters have numbers.
    """
    statement = _statement_on_rows(query.statement.as_string(None))
    parameters = dict(query.parameters)
    for table, columns in statement.columns.items():
        values = rows.columns_of(table, [column.name for column in columns])
        for column, each in zip(columns, values, strict=True):
            parameters[f"{table}_{column.name}"] = PACKERS[column.type](each)
        if table in PACKED_TABLES:
            packed = rows.packed.get(table, {})
            for name, type_, _ in columns:
                parameters[f"{table}_packed_{name}"] = packed.get(name) or NOTHING[type_]
            if PACKED_TABLES[table]:
                parameters[f"{table}_hidden"] = pack_uuids(rows.hidden(table))
    return statement.text, [parameters[name] for name in statement.parameters]


NOTHING = {type_: pack([]) for type_, pack in PACKERS.items()}
"""An empty array of each type."""


@lru_cache(16)
def _statement_on_rows(text: str) -> Statement:
    columns = {table: _used_columns(table, text) for table in VIEW_OF_TABLE.findall(text)}
    tables = ", ".join(_table_of_arrays(table, each) for table, each in columns.items())
    body = VIEW_OF_TABLE.sub(r"then_\1", text)
    whole = f"WITH {tables} SELECT * FROM ({body}) AS found"  # noqa: S608  # names of our tables
    names: dict[str, int] = {}

    def numbered(match: re.Match[str]) -> str:
        name = match[1]
        return f"${names.setdefault(name, len(names) + 1)}" if name else "%"

    return Statement(PARAMETER.sub(numbered, whole).encode(), list(names), columns)


def _used_columns(table: str, statement: str) -> list[Column]:
    """Return the columns of a table whose names are in a statement; others are large and unused."""
    names = set(re.findall(r"\w+", statement))
    return [column for column in COLUMNS[table] if column.name in names]


def _table_of_arrays(table: str, columns: list[Column]) -> str:
    rows = _rows_of_arrays(table, columns)
    if table in PACKED_TABLES:
        key = PACKED_TABLES[table]
        shown = f"WHERE NOT {key} = ANY(%({table}_hidden)b::uuid[])" if key else ""
        rows = f"{_rows_of_arrays(f'{table}_packed', columns)} {shown} UNION ALL {rows}"
    return f"then_{table} AS ({rows})"


def _rows_of_arrays(prefix: str, columns: list[Column]) -> str:
    shown = ", ".join(
        f'{name} COLLATE "C" AS {name}' if has_collation else name
        for name, _, has_collation in columns
    )
    names = ", ".join(column.name for column in columns)
    arrays = ", ".join(f"%({prefix}_{name})b::{type_}[]" for name, type_, _ in columns)
    return f"SELECT {shown} FROM unnest({arrays}) AS incoming ({names})"  # noqa: S608  # our tables


def project_onto(name: str, rows: RowsInMemory, events: Sequence[RecordedEvent]) -> None:
    """Apply events to the rows of a read model.

    Raises: what its projector raises for an event that it cannot apply.
    """
    [model] = [each for each in VIEW_MODELS if each.name == name]
    model.project(events_for(model, events), cast("Any", rows))
