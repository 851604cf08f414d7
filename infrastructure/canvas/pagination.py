"""Following Canvas's pages: the `next` of a `Link` header, never to another origin."""

import re
from collections.abc import AsyncGenerator
from typing import Any

from yarl import URL

from domain.errors import CanvasAnswerUnusable
from infrastructure.canvas.api_client import Answer, Asking

API = "/api/v1/"
LINK = re.compile(r'<([^<>]*)>((?:\s*;\s*[^\s=;,"<>]+(?:\s*=\s*(?:"[^"]*"|[^\s;,"<>]*))?)*)')
REL = re.compile(r';\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,"]*))', re.IGNORECASE)


async def pages(
    asking: Asking, url: URL, most: int, first: Answer | None = None
) -> AsyncGenerator[list[Any], None]:
    """The rows of each page; raises CanvasFailure, also when paging does not come to an end.

    `first` is the answer of the first page, where that is there already.
    """
    asked: set[URL] = set()
    following: URL | None = url
    while following is not None:
        if following in asked or len(asked) == most:
            raise CanvasAnswerUnusable("Canvas's pages do not come to an end.")
        asked.add(following)
        answer, first = first or await asking.get(following), None
        if not isinstance(answer.json, list):
            raise CanvasAnswerUnusable("Canvas sent something other than a list.")
        yield answer.json
        following = next_page(answer.link, following)


def next_page(link: str, asked: URL) -> URL | None:
    """The address of the next page, opaque but for its origin; raises CanvasAnswerUnusable."""
    target = next((target for target, rel in _links(link) if "next" in rel), None)
    if target is None:
        return None
    try:
        url = asked.join(URL(target))
    except ValueError:
        url = URL()
    if not _is_same(url, asked) or not url.path.startswith(API):
        raise CanvasAnswerUnusable("Canvas's next page is on another server; it is not asked.")
    return asked.origin().join(url.relative())


def _is_same(url: URL, asked: URL) -> bool:
    """Whether both are one origin; a proxy in front of Canvas may make it write http for https."""
    mistaken = url.scheme == "http" and asked.scheme == "https" and url.explicit_port is None
    place = (url.host, url.user, asked.port if mistaken else url.port)
    same_scheme = mistaken or url.scheme == asked.scheme
    return same_scheme and place == (asked.host, None, asked.port)


def _links(header: str) -> list[tuple[str, list[str]]]:
    found = []
    for target, parameters in LINK.findall(header):
        rel = REL.search(parameters)
        found.append((target, (rel[1] or rel[2] or "").lower().split() if rel else []))
    return found
