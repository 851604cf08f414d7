"""Packed columns have the values that psycopg sends, for every type."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

from projections.support.packed_columns import PACKERS, pack_columns

VALUES: dict[str, list[Any]] = {
    "uuid": [UUID(int=1), None, UUID(int=2**128 - 1)],
    "text": ["", None, "Ünïcode \U0001f393", "a" * 10_000],
    "bytea": [b"", None, b"\0\xff" * 5_000],
    "boolean": [True, None, False],
    "integer": [-(2**31), None, 2**31 - 1],
    "bigint": [-(2**63), None, 2**63 - 1],
    "double precision": [0.1, None, -1e300, 7.0],
    "timestamptz": [
        datetime(1999, 12, 31, 23, 59, 59, 999_999, UTC),
        None,
        datetime(2026, 9, 1, 12, tzinfo=timezone(timedelta(hours=-7))),
        datetime.max.replace(tzinfo=UTC),
    ],
}


@pytest.mark.parametrize("type_", PACKERS)
def test_a_packed_column_has_the_values_that_were_given(database_url: str, type_: str) -> None:
    query = sql.SQL("SELECT %b::{type}[] = %s::{type}[]").format(type=sql.SQL(type_))
    (packed,) = pack_columns([type_], [(value,) for value in VALUES[type_]])
    with psycopg.connect(database_url) as connection:
        assert connection.execute(query, [packed, VALUES[type_]]).fetchall() == [(True,)]


def test_every_type_is_tested() -> None:
    assert VALUES.keys() == PACKERS.keys()


def test_a_packed_value_of_another_type_is_refused() -> None:
    with pytest.raises(AttributeError):
        pack_columns(["uuid"], [("not a UUID",)])
