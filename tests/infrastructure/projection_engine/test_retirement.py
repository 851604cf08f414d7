"""A version that objects of others use is kept, and nothing of others is ever dropped."""

from typing import Any

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from infrastructure.event_store.log_reader import LogReader
from infrastructure.projection_engine.ensure_versions import ensure_read_models
from infrastructure.projection_engine.rebuild import rebuild_read_model
from infrastructure.projection_engine.status import projection_status
from tests.infrastructure.projection_engine.catalog_queries import select
from tests.infrastructure.projection_engine.shaped_read_model import FIRST, WITHOUT_LABEL

Connection = psycopg.Connection[Any]


async def test_versions_that_others_use_are_kept_and_named(
    database_url: str, connection: Connection, reader: LogReader, read_pool: AsyncConnectionPool
) -> None:
    ensure_read_models(database_url, [FIRST])
    connection.execute("CREATE VIEW public.direct AS SELECT kind FROM counting_v1.counted")
    for number in (2, 3, 4):
        assert rebuild_read_model(database_url, reader, FIRST) == number
    assert select(connection, "SELECT * FROM public.direct") == []
    (row,) = await projection_status(read_pool)
    assert "view public.direct depends on table counting_v1.counted" in row["error"]
    assert row["state"] == "live"
    connection.execute("DROP VIEW public.direct")
    rebuild_read_model(database_url, reader, FIRST)
    (row,) = await projection_status(read_pool)
    assert row["error"] is None
    assert select(connection, "SELECT to_regnamespace('counting_v1') IS NULL") == [(True,)]


@pytest.mark.parametrize(
    "foreign",
    [
        "CREATE TABLE counting_v1.notes AS SELECT 42 AS answer",
        "CREATE TABLE public.notes (p bigint REFERENCES counting_v1.counted)",
        "CREATE TABLE public.notes (p counting_v1.counted)",
        "CREATE MATERIALIZED VIEW public.notes AS SELECT * FROM counting_v1.counted",
        "CREATE TABLE public.notes () INHERITS (counting_v1.counted)",
        "CREATE TABLE public.notes (r read.counted)",
    ],
)
def test_nothing_of_others_is_dropped(
    database_url: str, connection: Connection, reader: LogReader, foreign: str
) -> None:
    ensure_read_models(database_url, [FIRST])
    connection.execute(foreign.encode())
    notes = "counting_v1.notes" if "counting_v1.notes" in foreign else "public.notes"
    before = select(connection, f"SELECT * FROM {notes}")  # noqa: S608  # a test
    for model in (FIRST, FIRST, WITHOUT_LABEL, FIRST, FIRST):
        rebuild_read_model(database_url, reader, model)
    assert select(connection, f"SELECT * FROM {notes}") == before  # noqa: S608  # a test
    columns = select(
        connection,
        "SELECT attname FROM pg_attribute WHERE attrelid = 'read.counted'::regclass"
        " AND attnum > 0 ORDER BY attnum",
    )
    assert columns == [("position",), ("kind",), ("label",)]
