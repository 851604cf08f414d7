"""Converts pages of queries to Python objects."""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from projections.support.page import Page


def decode_page(page: Page) -> list[dict[str, Any]]:
    """Return the items of a page."""
    return [orjson.loads(item) for item in page.items]


async def fetch_all_pages(
    query: Callable[..., Awaitable[Page]], limit: int
) -> list[dict[str, Any]]:
    """Request all pages of a list, one after the other, and return the items of all."""
    cursor, documents = None, []
    while True:
        page = await query(cursor=cursor, limit=limit)
        assert len(page.items) <= limit
        documents += decode_page(page)
        if page.next_cursor is None:
            return documents
        cursor = page.next_cursor
