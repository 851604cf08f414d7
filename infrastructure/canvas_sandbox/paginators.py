"""Canvas's two ways of paging, and the `Link` header of both.

As in `lib/api.rb` of canvas-lms: ordinal pages have numbers and a last one;
bookmarked pages have opaque names, no last one and no way back.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar
from urllib.parse import quote

import orjson

from infrastructure.canvas_sandbox.error_responses import Refused, no_such_record

T = TypeVar("T")
PER_PAGE = 10
MOST_PER_PAGE = 100
LINK_BYTES = 6 * 1024
KEPT_FIRST = ("next", "last", "prev", "current", "first")
WRITTEN_IN_ORDER = ("current", "next", "prev", "first", "last")
OWN_PARAMETERS = frozenset({"page", "per_page", "access_token", "api_key"})
BOOKMARK = "bookmark:"


class Asked(NamedTuple):
    """The address a list was asked for."""

    url: str
    query: tuple[tuple[str, str], ...]

    def parameter(self, name: str) -> str | None:
        """The last value of a parameter."""
        return next((value for key, value in reversed(self.query) if key == name), None)

    @property
    def per_page(self) -> int:
        """How many items a page has: 1 to 100 whatever was asked, never an error."""
        asked = self.parameter("per_page")
        if asked is None:
            return PER_PAGE
        digits = re.match(r"\s*([+-]?\d+)", asked)
        return min(max(int(digits[1]) if digits else 0, 1), MOST_PER_PAGE)


class Page(NamedTuple, Generic[T]):
    """Some of a list's items, and where the others are."""

    items: Sequence[T]
    link: str


def ordinal(asked: Asked, items: Sequence[T]) -> Page[T]:
    """A numbered page; raises Refused for a number that is none."""
    size = asked.per_page
    number = asked.parameter("page") or "1"
    if not number.isdecimal() or int(number) < 1:
        raise Refused(no_such_record())
    page, last = int(number), max(-(-len(items) // size), 1)
    pages = {"current": page, "first": 1, "last": last}
    if page < last:
        pages["next"] = page + 1
    if page > 1:
        pages["prev"] = page - 1
    shown = items[(page - 1) * size : page * size]
    return Page(shown, _link(asked, {rel: str(number) for rel, number in pages.items()}))


def bookmarked(asked: Asked, items: Iterable[T], key: Callable[[T], tuple[int, ...]]) -> Page[T]:
    """A page after a bookmark; what is no bookmark opens the first page."""
    size = asked.per_page
    here = asked.parameter("page") or "first"
    after = _decode(here)
    rest = sorted(items, key=key)
    if after is None or (rest and len(after) != len(key(rest[0]))):
        here = "first"
    else:
        rest = [item for item in rest if key(item) > after]
    pages = {"current": here, "first": "first"}
    if len(rest) > size:
        pages["next"] = _encode(key(rest[size - 1]))
    return Page(rest[:size], _link(asked, pages))


def _encode(key: tuple[int, ...]) -> str:
    return BOOKMARK + urlsafe_b64encode(orjson.dumps(key)).decode().rstrip("=")


def _decode(name: str) -> tuple[int, ...] | None:
    text = name.removeprefix(BOOKMARK)
    try:
        key: Any = orjson.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError:
        return None
    if not name.startswith(BOOKMARK) or not isinstance(key, list):
        return None
    return tuple(key) if all(isinstance(part, int) for part in key) else None


def _link(asked: Asked, pages: dict[str, str]) -> str:
    kept = [
        f"{quote(key, safe='')}={quote(value, safe='')}"
        for key, value in asked.query
        if key not in OWN_PARAMETERS
    ]
    links: dict[str, str] = {}
    room = LINK_BYTES
    for rel in KEPT_FIRST:
        if rel in pages:
            query = "&".join([*kept, f"page={pages[rel]}", f"per_page={asked.per_page}"])
            links[rel] = f'<{asked.url}?{query}>; rel="{rel}"'
            room -= len(links[rel])
            if room < 0:
                del links[rel]
    return ",".join(links[rel] for rel in WRITTEN_IN_ORDER if rel in links)
