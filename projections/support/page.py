"""One page of a list: the documents, and where the next page starts."""

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

import orjson

R = TypeVar("R", bound=tuple[Any, ...])


class BadCursor(ValueError):
    """The cursor is none of ours."""


class Page(NamedTuple):
    """JSON documents in order, and the cursor of the next page, None at the end."""

    items: list[bytes]
    next_cursor: str | None


def encode_cursor(*keys: Any) -> str:
    """The opaque cursor that continues after a row with these sort keys."""
    return base64.urlsafe_b64encode(orjson.dumps(keys)).decode().rstrip("=")


def decode_cursor(cursor: str | None, *parsers: Callable[[Any], Any]) -> list[Any]:
    """The sort keys in a cursor, each read by its kind, or Nones where there is no cursor yet.

    Raises BadCursor unless there is one key of each kind.
    """
    if cursor is None:
        return [None] * len(parsers)
    try:
        keys = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(keys, list):
            raise BadCursor(cursor)
        return [parse(key) for parse, key in zip(parsers, keys, strict=True)]
    except (binascii.Error, ValueError, TypeError, AttributeError) as error:
        raise BadCursor(cursor) from error


def time_key(key: Any) -> datetime | None:
    """A time with its zone as a sort key, or None where a row has none."""
    if key is None:
        return None
    at = datetime.fromisoformat(key)
    if at.tzinfo is None:
        raise ValueError(key)
    return at


def position_key(key: Any) -> int:
    """A place in the log as a sort key."""
    if type(key) is not int or not 0 <= key < 1 << 63:
        raise ValueError(key)
    return key


def text_key(key: Any) -> str:
    """A text as a sort key."""
    if not isinstance(key, str) or "\0" in key:
        raise ValueError(key)
    return key


def order_name(name: str) -> Callable[[Any], str]:
    """The kind of a key that is always this name: it tells the cursors of several orders apart."""

    def parse_key(key: Any) -> str:
        if key != name:
            raise ValueError(key)
        return name

    return parse_key


def rows_to_fetch(limit: int | None) -> int | None:
    """How many rows to ask for, so that one too many tells of a next page; None is all."""
    return None if limit is None else limit + 1


def build_page(
    rows: Sequence[R],
    limit: int | None,
    to_document: Callable[[R], bytes],
    to_sort_keys: Callable[[R], tuple[Any, ...]],
) -> Page:
    """The page these rows make, of which there may be one more than `limit`."""
    if limit is None or len(rows) <= limit:
        return Page([to_document(row) for row in rows], None)
    page_rows = rows[:limit]
    return Page(
        [to_document(row) for row in page_rows], encode_cursor(*to_sort_keys(page_rows[-1]))
    )
