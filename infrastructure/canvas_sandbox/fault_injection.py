"""Injects faults: the next matching requests get a fault instead of a correct response.

Replaced responses
    `error_500`, `error_502` in JSON; `html_502`, `html_503`, `html_504` of a load balancer;
    `html_403` of a firewall; `throttle_403`, `throttle_429`; `denied` (`status`); `not_found`;
    `bad_json`; `deep_json` (100,000 levels); `html_200` (a login page); `redirect` (to `to`);
    `gzip_bomb` (`megabytes`);
    `wrong_shape` (`shape`: `object`, `null`, `text`, `number`, `strings`, `empty_objects`,
    `errors`)
Corrupted responses
    `includes_ignored` (as with scoped keys); `next_elsewhere` (the next page is at origin `to`);
    `next_repeats` (the next page is this one); `endless_pages` (there is always a next page);
    `links_elsewhere` (all links have the origin `to`, with the correct path and query);
    `large_rows` (`bytes` are added to each row of the page); `numbers_as_text`;
    `page_cap` (a page has at most `items` rows); `shifted_page` (a page after the first one is
    read after `by` rows were inserted before it, or removed if `by` is negative)
Connections
    `reset`; `hang` (no byte is sent); `slow` (no byte for `seconds`, then the correct response);
    `slow_drip` (one byte every `seconds`); `truncated` (closed after half of the body);
    `endless` (the body does not end)
"""

import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from infrastructure.canvas_sandbox.body_faults import (
    WRONG_SHAPES,
    corrupt_body,
    corrupt_links,
)
from infrastructure.canvas_sandbox.error_responses import (
    HTML,
    JSON,
    Response,
    access_denied,
    bad_gateway,
    firewall_denied,
    html_error,
    internal_server_error,
    rate_limit_exceeded,
    record_not_found,
)

Query = tuple[tuple[str, str], ...]
MEGABYTE = 1 << 20
NESTING_DEPTH = 100_000
OTHER_ORIGIN = "https://elsewhere.invalid"
LATER_PAGE = r"(^|&)page=(?!(1|first)(&|$))"
"""A query string of any page but the first one."""


@dataclass(slots=True)
class Fault:
    """A fault for the next `times` requests that match; None is without a limit.

    `path` and `query` are regular expressions, `student` is an index or None for every request.
    """

    kind: str
    times: int | None = 1
    path: str = ""
    query: str = ""
    student: int | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    def matches(self, path: str, query: str, student: int | None) -> bool:
        """Whether the fault applies to a request."""
        if self.student not in (None, student) or not re.search(self.path, path):
            return False
        if self.kind == "shifted_page" and not re.search(LATER_PAGE, query):
            return False
        return re.search(self.query, query) is not None


class FaultQueue:
    """The faults that are not used up, oldest first."""

    def __init__(self) -> None:
        self._pending: list[Fault] = []

    def inject(self, fault: Fault) -> None:
        """Add a fault.

        Raises: ValueError if its kind, or the shape of a `wrong_shape`, is unknown.
        """
        if fault.kind not in FAULT_KINDS:
            raise ValueError(
                f"there is no fault kind {fault.kind!r}; use one of {', '.join(FAULT_KINDS)}"
            )
        if fault.details.get("shape", "object") not in WRONG_SHAPES:
            raise ValueError(f"there is no such shape; use one of {', '.join(WRONG_SHAPES)}")
        self._pending.append(fault)

    def clear(self) -> None:
        """Remove all faults."""
        self._pending.clear()

    def take(self, path: str, query: str, student: int | None) -> Fault | None:
        """Return the oldest fault that applies to a request, and count it as used once."""
        for fault in self._pending:
            if fault.matches(path, query, student):
                if fault.times is not None:
                    fault.times -= 1
                    if not fault.times:
                        self._pending.remove(fault)
                return fault
        return None


def replacement_response(fault: Fault) -> Response | None:
    """The response that replaces the correct one; None if the fault is of another group."""
    create = REPLACEMENT_RESPONSES.get(fault.kind)
    return create(fault.details) if create else None


def corrupt(fault: Fault, response: Response, url: str) -> Response:
    """Corrupt the `Link` header or the body of a correct response, if the fault does so."""
    match fault.kind:
        case "links_elsewhere":
            return corrupt_links(response, url, fault.details.get("to", OTHER_ORIGIN))
        case "large_rows" | "numbers_as_text":
            return corrupt_body(fault.kind, response, fault.details.get("bytes", MEGABYTE))
    separator = "&" if "?" in url else "?"
    next_links = {
        "next_elsewhere": f"{fault.details.get('to', OTHER_ORIGIN)}/api/v1/courses?page=2",
        "next_repeats": url,
        "endless_pages": f"{url}{separator}again=1",
    }
    if fault.kind not in next_links:
        return response
    link = f'<{next_links[fault.kind]}>; rel="next"'
    return response._replace(headers=response.headers | {"link": link})


def changed_request(fault: Fault, query: Query) -> tuple[Query, int]:
    """The query to which the response is correct instead, and by how many rows pages shift."""
    match fault.kind:
        case "page_cap":
            return _with_page_cap(query, int(fault.details.get("items", 10))), 0
        case "shifted_page":
            return query, int(fault.details.get("by", 1))
    return query, 0


def _with_page_cap(query: Query, cap: int) -> Query:
    """The query with at most `cap` rows a page; Canvas's default is 10."""
    found = dict(query).get("per_page", "10")
    wanted = min(int(found) if found.isdecimal() else cap, cap)
    others = tuple(pair for pair in query if pair[0] != "per_page")
    return (*others, ("per_page", str(wanted)))


def _json_response(body: bytes) -> Response:
    return Response(200, body, {"content-type": JSON})


def _login_page() -> Response:
    body = b"<!DOCTYPE html><html><body><h1>Log in to Canvas</h1></body></html>"
    return Response(200, body, {"content-type": HTML})


def _redirect(to: str) -> Response:
    return Response(302, b"", {"location": to, "content-type": HTML})


@cache
def _gzip_bomb(megabytes: int) -> Response:
    compressor = zlib.compressobj(9, zlib.DEFLATED, 31)
    blanks = b" " * MEGABYTE
    body = b"".join([*(compressor.compress(blanks) for _ in range(megabytes)), compressor.flush()])
    return Response(200, body, {"content-type": JSON, "content-encoding": "gzip"})


REPLACEMENT_RESPONSES: dict[str, Callable[[Mapping[str, Any]], Response]] = {
    "error_500": lambda _: internal_server_error(),
    "error_502": lambda _: bad_gateway(),
    "html_502": lambda _: html_error(502, "Bad Gateway"),
    "html_503": lambda _: html_error(503, "Service Temporarily Unavailable"),
    "html_504": lambda _: html_error(504, "Gateway Time-out"),
    "html_403": lambda _: firewall_denied(),
    "throttle_403": lambda _: rate_limit_exceeded(403),
    "throttle_429": lambda _: rate_limit_exceeded(429),
    "denied": lambda details: access_denied(details.get("status", 403)),
    "not_found": lambda _: record_not_found(),
    "bad_json": lambda _: _json_response(b'[{"id": 1, "name": "Calc'),
    "deep_json": lambda _: _json_response(b"[" * NESTING_DEPTH + b"]" * NESTING_DEPTH),
    "html_200": lambda _: _login_page(),
    "redirect": lambda details: _redirect(details.get("to", OTHER_ORIGIN)),
    "gzip_bomb": lambda details: _gzip_bomb(details.get("megabytes", 64)),
    "wrong_shape": lambda details: _json_response(WRONG_SHAPES[details.get("shape", "object")]),
}
REQUEST_KINDS = ("includes_ignored", "page_cap", "shifted_page")
"""The response is the correct one to another request."""
LINK_KINDS = ("next_elsewhere", "next_repeats", "endless_pages", "links_elsewhere")
BODY_KINDS = ("large_rows", "numbers_as_text")
CONNECTION_KINDS = ("reset", "hang", "slow_drip", "truncated", "endless")
SLOW = "slow"
FAULT_KINDS = (
    *REPLACEMENT_RESPONSES,
    *REQUEST_KINDS,
    *LINK_KINDS,
    *BODY_KINDS,
    *CONNECTION_KINDS,
    SLOW,
)
