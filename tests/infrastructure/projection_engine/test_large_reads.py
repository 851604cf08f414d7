"""A read of many rows leaves the event loop to other tasks, and has the result of one build."""

import asyncio

import pytest
from psycopg import sql
from psycopg_pool import AsyncConnectionPool

from infrastructure.projection_engine.ensure_versions import ensure_read_models
from infrastructure.projection_engine.snapshot_reads import MANY_ROWS, read_models
from projections.registry import READ_MODELS
from projections.support.page import Page, build_page, join_pages
from projections.support.query import Query, Rows

NUMBERS = sql.SQL(
    "SELECT convert_to(number::text, 'UTF8') FROM generate_series(1, %(rows)s) number"
)


def numbers(rows: int, built: list[int]) -> Query[Page]:
    def build(part: Rows) -> Page:
        built.append(len(part))
        return build_page(list(part), None, lambda row: row[0], lambda row: row)

    return Query("courses", NUMBERS, {"rows": rows}, build, join_pages)


@pytest.mark.parametrize("rows", [0, 1, MANY_ROWS - 1, MANY_ROWS, MANY_ROWS + 1, 5 * MANY_ROWS])
@pytest.mark.parametrize("queries", [1, 2])
async def test_many_rows_are_read_in_parts(
    database_url: str, read_pool: AsyncConnectionPool, rows: int, queries: int
) -> None:
    ensure_read_models(database_url, READ_MODELS)
    built: list[int] = []
    turns = 0

    async def other_task() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other_task())
    reading = await read_models(read_pool, *[numbers(rows, built) for _ in range(queries)])
    task.cancel()
    expected = [b"%d" % number for number in range(1, rows + 1)]
    assert reading.place
    assert [page.items for page in reading.results] == [expected] * queries
    assert all(page.next_cursor is None for page in reading.results)
    assert max(built) <= MANY_ROWS
    assert sum(built) == rows * queries
    assert turns > queries * rows // MANY_ROWS
