"""Canvas's two kinds of pagination, and the `Link` header of both.

Source: `lib/api.rb` of canvas-lms. Numbered pages link to the previous and the last page;
bookmarked pages have opaque names and link to neither.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar
from urllib.parse import quote

import orjson

from infrastructure.canvas_sandbox.error_responses import ErrorResponse, record_not_found

T = TypeVar("T")
DEFAULT_PER_PAGE = 10
MAX_PER_PAGE = 100
MAX_LINK_HEADER_BYTES = 6 * 1024
LINK_PRIORITY = ("next", "last", "prev", "current", "first")
LINK_ORDER = ("current", "next", "prev", "first", "last")
PAGING_PARAMETERS = frozenset({"page", "per_page", "access_token", "api_key"})
BOOKMARK_PREFIX = "bookmark:"


class ListRequest(NamedTuple):
    """The URL, without query string, and the query parameters of a request for a list.

    With `shift`, numbered pages begin so many rows earlier, as if rows had been inserted before
    them (or removed, if it is negative) after the first page was read.
    """

    url: str
    query: tuple[tuple[str, str], ...]
    shift: int = 0

    def parameter(self, name: str) -> str | None:
        """The last value of a parameter; None if it is absent."""
        return next((value for key, value in reversed(self.query) if key == name), None)

    @property
    def per_page(self) -> int:
        """Items in a page: the requested number, clamped to 1 to 100; never an error."""
        requested = self.parameter("per_page")
        if requested is None:
            return DEFAULT_PER_PAGE
        digits = re.match(r"\s*([+-]?\d+)", requested)
        return min(max(int(digits[1]) if digits else 0, 1), MAX_PER_PAGE)


class Page(NamedTuple, Generic[T]):
    """One page of a list, with the `Link` header to the other pages."""

    items: Sequence[T]
    link_header: str


def paginate_by_number(request: ListRequest, items: Sequence[T]) -> Page[T]:
    """Return a numbered page.

    Raises: ErrorResponse (404) if `page` is not a positive integer.
    """
    size = request.per_page
    number = request.parameter("page") or "1"
    if not number.isdecimal() or int(number) < 1:
        raise ErrorResponse(record_not_found())
    page, last = int(number), max(-(-(len(items) + request.shift) // size), 1)
    pages = {"current": page, "first": 1, "last": last}
    if page < last:
        pages["next"] = page + 1
    if page > 1:
        pages["prev"] = page - 1
    start = max((page - 1) * size - request.shift, 0)
    shown = items[start : max(page * size - request.shift, 0)]
    return Page(shown, _link_header(request, {rel: str(number) for rel, number in pages.items()}))


def paginate_by_bookmark(
    request: ListRequest, items: Iterable[T], key: Callable[[T], tuple[int, ...]]
) -> Page[T]:
    """Return the page after a bookmark; an invalid bookmark gives the first page."""
    size = request.per_page
    current = request.parameter("page") or "first"
    after = _decode_bookmark(current)
    remaining = sorted(items, key=key)
    if after is None or (remaining and len(after) != len(key(remaining[0]))):
        current = "first"
    else:
        remaining = [item for item in remaining if key(item) > after]
    pages = {"current": current, "first": "first"}
    if len(remaining) > size:
        pages["next"] = _encode_bookmark(key(remaining[size - 1]))
    return Page(remaining[:size], _link_header(request, pages))


def _encode_bookmark(key: tuple[int, ...]) -> str:
    return BOOKMARK_PREFIX + urlsafe_b64encode(orjson.dumps(key)).decode().rstrip("=")


def _decode_bookmark(name: str) -> tuple[int, ...] | None:
    encoded = name.removeprefix(BOOKMARK_PREFIX)
    try:
        key: Any = orjson.loads(urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    except ValueError:
        return None
    if not name.startswith(BOOKMARK_PREFIX) or not isinstance(key, list):
        return None
    return tuple(key) if all(isinstance(part, int) for part in key) else None


def _link_header(request: ListRequest, pages: dict[str, str]) -> str:
    parameters = [
        f"{quote(key, safe='')}={quote(value, safe='')}"
        for key, value in request.query
        if key not in PAGING_PARAMETERS
    ]
    links: dict[str, str] = {}
    remaining_bytes = MAX_LINK_HEADER_BYTES
    for rel in LINK_PRIORITY:
        if rel in pages:
            query = "&".join([*parameters, f"page={pages[rel]}", f"per_page={request.per_page}"])
            links[rel] = f'<{request.url}?{query}>; rel="{rel}"'
            remaining_bytes -= len(links[rel])
            if remaining_bytes < 0:
                del links[rel]
    return ",".join(links[rel] for rel in LINK_ORDER if rel in links)
