"""Executes queries, and converts their pages to Python objects."""

from collections.abc import Callable
from typing import Any, TypeVar

import orjson
from psycopg_pool import AsyncConnectionPool

from infrastructure.projection_engine.snapshot_reads import read_models
from projections.support.page import Page
from projections.support.query import Query

R = TypeVar("R")


async def fetch(query: Query[R], pool: AsyncConnectionPool) -> R:
    """Execute one query, and return its result."""
    (result,), _ = await read_models(pool, query)
    return result  # type: ignore[no-any-return]  # a reading has results of any type


def decode_page(page: Page) -> list[dict[str, Any]]:
    """Return the items of a page."""
    return [orjson.loads(item) for item in page.items]


async def fetch_all_pages(
    query: Callable[..., Query[Page]], pool: AsyncConnectionPool, limit: int
) -> list[dict[str, Any]]:
    """Request all pages of a list, one after the other, and return the items of all."""
    cursor, documents = None, []
    while True:
        page = await fetch(query(cursor=cursor, limit=limit), pool)
        assert len(page.items) <= limit
        documents += decode_page(page)
        if page.next_cursor is None:
            return documents
        cursor = page.next_cursor
