"""Reads lists page by page: follows the `next` link of the `Link` header within one origin."""

import asyncio
import re
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from typing import Any, NamedTuple, TypeVar

from yarl import URL

from domain.errors import CanvasResponseUnusable
from infrastructure.canvas.api_client import CanvasApi, CanvasResponse, Decode
from infrastructure.canvas.limits import Limits
from infrastructure.canvas.response_body import ResponseTooLarge

T = TypeVar("T")

API_PATH_PREFIX = "/api/v1/"
PAGE_SIZES = (100, 50, 10, 1)
"""The largest page size of Canvas, and the smaller ones for pages that are too large."""
ROWS_PER_STEP = 50
"""Rows that are handled before the event loop runs other tasks: about 3 ms of parsing."""
LINK_VALUE = re.compile(r'<([^<>]*)>((?:\s*;\s*[^\s=;,"<>]+(?:\s*=\s*(?:"[^"]*"|[^\s;,"<>]*))?)*)')
REL_PARAMETER = re.compile(r';\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,"]*))', re.IGNORECASE)

Query = Sequence[tuple[str, str]]


class ListPage(NamedTuple):
    """The rows of one page, and its validator (an ETag) if Canvas sent one."""

    rows: list[Any]
    validator: str | None = None


async def in_steps(items: Iterable[T]) -> AsyncGenerator[T, None]:
    """Yield the items; after every `ROWS_PER_STEP` of them the event loop runs other tasks."""
    for number, item in enumerate(items, start=1):
        yield item
        if number % ROWS_PER_STEP == 0:
            await asyncio.sleep(0)


async def fetch_rows(
    api: CanvasApi,
    limits: Limits,
    path: str,
    query: Query = (),
    *,
    page_sizes: Sequence[int] = PAGE_SIZES,
    max_rows: int | None = None,
    decode: Decode | None = None,
) -> AsyncGenerator[Any, None]:
    """Fetch a list below `/api/v1` and yield its rows; `fetch_list` describes the details."""
    pages = fetch_list(
        api, limits, path, query, page_sizes=page_sizes, max_rows=max_rows, decode=decode
    )
    async with aclosing(pages):
        async for page in pages:
            async for row in in_steps(page.rows):
                yield row


async def fetch_list(
    api: CanvasApi,
    limits: Limits,
    path: str,
    query: Query = (),
    *,
    page_sizes: Sequence[int] = PAGE_SIZES,
    max_rows: int | None = None,
    validator: str | None = None,
    decode: Decode | None = None,
) -> AsyncGenerator[ListPage, None]:
    """Fetch a list below `/api/v1` page by page; the query needs no `per_page`.

    If a response is too large, the list is read again from its first page with the next one of
    `page_sizes`. The rows of the pages before it are yielded again then.

    The request for the first page has the `validator`. If the list is unchanged since, there is
    no page. The rows of a page are those that `decode` returns, if it returns a list.

    Raises: ResponseTooLarge if a page of the smallest size is too large; CanvasFailure if a
    request fails, a page is not a list, the pages do not end, or there are more than `max_rows`
    rows (default `Limits.rows`). A row counts as often as Canvas sends it.
    """
    max_rows = limits.rows if max_rows is None else max_rows
    for size in page_sizes:
        max_pages = limits.pages * max(1, page_sizes[0] // size)
        reader = _ListReader(api, path, max_rows, max_pages, decode)
        sized_query = [*(pair for pair in query if pair[0] != "per_page"), ("per_page", str(size))]
        pages = reader.read((api.origin / "api/v1" / path).with_query(sized_query), validator)
        try:
            async with aclosing(pages):
                async for page in pages:
                    yield page
        except ResponseTooLarge as error:
            failure = error.with_traceback(None)
        else:
            return
    raise failure


class _ListReader:
    """Reads the pages of one list once, and checks that it ends."""

    def __init__(
        self, api: CanvasApi, path: str, max_rows: int, max_pages: int, decode: Decode | None
    ) -> None:
        self._api = api
        self._decode = decode
        self._item_name = path.rpartition("/")[2].replace("_", " ")
        self._max_rows = max_rows
        self._max_pages = max_pages
        self._requested: set[URL] = set()
        self._row_count = 0

    async def read(self, url: URL, validator: str | None) -> AsyncGenerator[ListPage, None]:
        """Yield the pages from this URL on; none if the first one is unchanged."""
        next_url: URL | None = url
        while next_url is not None:
            self._check_page(next_url)
            response = await self._api.get(next_url, validator, self._decode)
            if response.unchanged:
                return
            validator = None
            self._check_rows(response)
            yield ListPage(response.json, response.validator)
            next_url = next_page_url(response.link, next_url)

    def _check_page(self, url: URL) -> None:
        if url in self._requested or len(self._requested) == self._max_pages:
            raise CanvasResponseUnusable(
                f"Canvas's list does not end: a page repeats, or there are over {self._max_pages}"
                " pages."
            )
        self._requested.add(url)

    def _check_rows(self, response: CanvasResponse) -> None:
        if not isinstance(response.json, list):
            raise CanvasResponseUnusable("Canvas sent a response that is not a list.")
        self._api.row_budget.spend(len(response.json))
        self._row_count += len(response.json)
        if self._row_count > self._max_rows:
            raise CanvasResponseUnusable(
                f"Canvas lists more than {self._max_rows} {self._item_name}, the most that are"
                " read."
            )


def next_page_url(link: str, current: URL) -> URL | None:
    """Return the URL of the next page from a `Link` header (RFC 8288); None on the last page.

    Canvas documents these URLs as opaque. Behind a proxy they can have another scheme or host, or
    an old one of the same Canvas, so only path and query are used: the request, which has the
    token, goes to the origin of `current`.

    Raises: CanvasResponseUnusable if the URL is not one of the API.
    """
    if "next" not in link.lower():
        return None
    target = next((target for target, rel in _parse_links(link) if "next" in rel), None)
    if target is None:
        return None
    try:
        url = current.join(URL(target))
    except ValueError:
        url = URL()
    if url.scheme not in {"http", "https"} or not url.path.startswith(API_PATH_PREFIX):
        raise CanvasResponseUnusable(
            "Canvas's next page is not in its API; no request is sent to it."
        )
    return current.origin().join(url.relative())


def _parse_links(header: str) -> list[tuple[str, list[str]]]:
    found = []
    for target, parameters in LINK_VALUE.findall(header):
        rel = REL_PARAMETER.search(parameters)
        found.append((target, (rel[1] or rel[2] or "").lower().split() if rel else []))
    return found
