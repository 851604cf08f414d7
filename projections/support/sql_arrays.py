"""Rows as the arrays that `unnest` takes, one a column."""

from collections.abc import Iterable
from typing import Any


def to_columns(rows: Iterable[tuple[Any, ...]]) -> list[list[Any]]:
    """The columns of some rows, of which there is at least one."""
    return [list(column) for column in zip(*rows, strict=True)]
