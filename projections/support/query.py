"""A query of a read model, as a value: what to select, and how to build the result from the rows.

A caller can therefore execute several queries in one snapshot of the database.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from psycopg import sql

R_co = TypeVar("R_co", covariant=True)

Rows = Sequence[tuple[Any, ...]]


class Query(NamedTuple, Generic[R_co]):
    """A query of one read model."""

    model: str
    """The name of the read model, whose checkpoint tells how recent the result is."""
    statement: sql.SQL | sql.Composed
    """One SELECT with named parameters, on the views of this read model."""
    parameters: Mapping[str, Any]
    build: Callable[[Rows], R_co]
    """Returns the result; the rows are in the order of the statement."""
    join: Callable[[Sequence[Any]], R_co] | None = None
    """Joins results of parts of the rows; None if the rows cannot be built in parts."""


def first_value(rows: Rows) -> Any:
    """Return the first value of the first row; None if there is no row."""
    return rows[0][0] if rows else None
