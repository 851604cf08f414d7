"""What read models answered, as Python has it."""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from projections.support.page import Page


def loaded(page: Page) -> list[dict[str, Any]]:
    """The documents of a page."""
    return [orjson.loads(item) for item in page.items]


async def leafed(ask: Callable[..., Awaitable[Page]], limit: int) -> list[dict[str, Any]]:
    """The documents of all pages, asked for one after the other."""
    cursor, found = None, []
    while True:
        page = await ask(cursor=cursor, limit=limit)
        assert len(page.items) <= limit
        found += loaded(page)
        if page.next_cursor is None:
            return found
        cursor = page.next_cursor
