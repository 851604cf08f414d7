"""One page of a list: the documents, and where the next page starts."""

import base64
import binascii
from typing import Any, NamedTuple

import orjson


class BadCursor(ValueError):
    """The cursor is none of ours."""


class Page(NamedTuple):
    """JSON documents in order, and the cursor of the next page, None at the end."""

    items: list[bytes]
    next_cursor: str | None


def cursor_after(*keys: Any) -> str:
    """The opaque cursor that continues after a row with these sort keys."""
    return base64.urlsafe_b64encode(orjson.dumps(keys)).decode().rstrip("=")


def keys_of(cursor: str, count: int) -> list[Any]:
    """The sort keys in a cursor; raises BadCursor unless there are `count` of them."""
    try:
        keys = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError) as error:
        raise BadCursor(cursor) from error
    if not isinstance(keys, list) or len(keys) != count:
        raise BadCursor(cursor)
    return keys
