"""Pages of lists, and the cursors with which clients request the next page.

A list has a unique sort order. A cursor contains the sort keys of the last row of a page; the next
page has the rows after it, whatever was inserted or deleted in the meantime.
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

import orjson

from projections.support.clock_changes import first_change

R = TypeVar("R", bound=tuple[Any, ...])


BAD_CURSOR = (
    "The cursor does not belong to this list in this order; request the first page without a"
    " cursor."
)


class BadCursor(ValueError):
    """The cursor was not made for this list in this order."""


class Page(NamedTuple):
    """One page of a list: its items as JSON, and the cursor of the next page, None on the last."""

    items: list[bytes]
    next_cursor: str | None
    changes_at: datetime | None = None
    """When the clock changes an item; None if it does not."""
    open_circuits: int | None = None
    """The digest of the circuits that the items show; None if they show none."""
    basis: bytes | None = None
    """What the `ETag` depends on; None: the items and the cursor."""


def encode_cursor(*keys: Any) -> str:
    """Return the cursor of the page that starts after a row with these sort keys.

    It is their JSON in base64url. It needs no signature: whatever a client writes into it, a query
    returns only rows of that client's person.
    """
    return base64.urlsafe_b64encode(orjson.dumps(keys)).decode().rstrip("=")


def decode_cursor(cursor: str | None, *parsers: Callable[[Any], Any]) -> list[Any]:
    """Return the sort keys of a cursor; one None for each parser if there is no cursor.

    A parser returns the value of one key. ValueError, TypeError and AttributeError, which UUID
    raises for a number, mean that the key is not valid.

    Raises: BadCursor if the cursor does not have exactly one valid key for each parser.
    """
    if cursor is None:
        return [None] * len(parsers)
    try:
        keys = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(keys, list):
            raise BadCursor(BAD_CURSOR)
        return [parse(key) for parse, key in zip(parsers, keys, strict=True)]
    except (binascii.Error, ValueError, TypeError, AttributeError) as error:
        raise BadCursor(BAD_CURSOR) from error


def parse_time_key(key: Any) -> datetime | None:
    """Parse a sort key that is a time with a time zone, or null.

    Raises: ValueError or TypeError if it is neither.
    """
    if key is None:
        return None
    at = datetime.fromisoformat(key)
    if at.tzinfo is None:
        raise ValueError("a time without a time zone")
    return at


def parse_position_key(key: Any) -> int:
    """Parse a sort key that is a position in the event log, or another `bigint` from 0.

    Raises: ValueError if it is not.
    """
    if type(key) is not int or not 0 <= key < 1 << 63:
        raise ValueError("not a position in the event log")
    return key


def parse_text_key(key: Any) -> str:
    """Parse a sort key that is text which PostgreSQL can store: without NUL characters.

    Raises: ValueError if it is not.
    """
    if not isinstance(key, str) or "\0" in key:
        raise ValueError("not text without NUL characters")
    return key


def order_parser(name: str) -> Callable[[Any], str]:
    """Return the parser of a key that must be the name of a sort order.

    A list with several sort orders has it as first key of its cursors, so that a cursor of one
    order is refused in another.
    """

    def parse_key(key: Any) -> str:
        if key != name:
            raise ValueError("a cursor of another sort order")
        return name

    return parse_key


def rows_to_fetch(limit: int | None) -> int | None:
    """Return how many rows to fetch: one more than fits, which shows that there is a next page.

    None means all rows.
    """
    return None if limit is None else limit + 1


def join_pages(pages: Sequence[Page]) -> Page:
    """Join pages of one list that has no limit, in their order."""
    items = [item for page in pages for item in page.items]
    return Page(items, None, first_change(page.changes_at for page in pages))


def build_page(
    rows: Sequence[R],
    limit: int | None,
    to_document: Callable[[R], bytes],
    to_sort_keys: Callable[[R], tuple[Any, ...]],
) -> Page:
    """Build a page of rows, of which there may be one more than `limit`: see `rows_to_fetch`.

    `to_document` returns the JSON of a row, `to_sort_keys` the values by which the list is sorted.
    """
    if limit is None or len(rows) <= limit:
        return Page([to_document(row) for row in rows], None)
    page_rows = rows[:limit]
    return Page(
        [to_document(row) for row in page_rows], encode_cursor(*to_sort_keys(page_rows[-1]))
    )
