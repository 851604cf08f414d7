"""Reads lists page by page: follows the `next` link of the `Link` header within one origin."""

import re
from collections.abc import AsyncGenerator
from typing import Any

from yarl import URL

from domain.errors import CanvasResponseUnusable
from infrastructure.canvas.api_client import CanvasApi, CanvasResponse

API_PATH_PREFIX = "/api/v1/"
LINK_VALUE = re.compile(r'<([^<>]*)>((?:\s*;\s*[^\s=;,"<>]+(?:\s*=\s*(?:"[^"]*"|[^\s;,"<>]*))?)*)')
REL_PARAMETER = re.compile(r';\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,"]*))', re.IGNORECASE)


async def fetch_pages(
    api: CanvasApi, url: URL, max_pages: int, first_response: CanvasResponse | None = None
) -> AsyncGenerator[list[Any], None]:
    """Fetch a list page by page; yield the rows of each page.

    `first_response` is the response for the first page, if it has been fetched already.

    Raises: CanvasFailure if a request fails, a page is not a list, or the pages do not end.
    """
    requested: set[URL] = set()
    next_url: URL | None = url
    while next_url is not None:
        if next_url in requested or len(requested) == max_pages:
            raise CanvasResponseUnusable(
                f"Canvas's list does not end: a page repeats, or there are over {max_pages} pages."
            )
        requested.add(next_url)
        response, first_response = first_response or await api.get(next_url), None
        if not isinstance(response.json, list):
            raise CanvasResponseUnusable("Canvas sent a response that is not a list.")
        yield response.json
        next_url = next_page_url(response.link, next_url)


def next_page_url(link: str, current: URL) -> URL | None:
    """Return the URL of the next page from a `Link` header (RFC 8288); None on the last page.

    Canvas documents these URLs as opaque, so only the origin and the path prefix are checked.

    Raises: CanvasResponseUnusable if the URL belongs to another origin or is not in the API.
    """
    target = next((target for target, rel in _parse_links(link) if "next" in rel), None)
    if target is None:
        return None
    try:
        url = current.join(URL(target))
    except ValueError:
        url = URL()
    if not _is_same_origin(url, current) or not url.path.startswith(API_PATH_PREFIX):
        raise CanvasResponseUnusable(
            "Canvas's next page is at another server; no request is sent to it."
        )
    return current.origin().join(url.relative())


def _is_same_origin(url: URL, requested: URL) -> bool:
    """Whether two URLs have one origin.

    http instead of https is accepted (https is used): a proxy in front of Canvas can cause it.
    """
    is_downgraded = (
        url.scheme == "http" and requested.scheme == "https" and url.explicit_port is None
    )
    location = (url.host, url.user, requested.port if is_downgraded else url.port)
    same_scheme = is_downgraded or url.scheme == requested.scheme
    return same_scheme and location == (requested.host, None, requested.port)


def _parse_links(header: str) -> list[tuple[str, list[str]]]:
    found = []
    for target, parameters in LINK_VALUE.findall(header):
        rel = REL_PARAMETER.search(parameters)
        found.append((target, (rel[1] or rel[2] or "").lower().split() if rel else []))
    return found
