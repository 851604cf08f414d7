"""Builds responses: read models deliver ready JSON, so a read adds an `ETag`, or returns 304."""

import re
from hashlib import blake2b
from typing import Any

import orjson
from fastapi import Request, Response

from projections.support.json_documents import encode_array
from projections.support.page import Page

ENTITY_TAG = re.compile(r'(?:W/)?("[^"]*")|(\*)')


def document_response(request: Request, document: bytes) -> Response:
    """Return a JSON document with its `ETag`, or 304 if the client has it (RFC 9110, 13.1.2)."""
    entity_tag = f'"{blake2b(document, digest_size=12).hexdigest()}"'
    headers = read_headers(entity_tag)
    if has_current(request, entity_tag):
        return Response(status_code=304, headers=headers)
    return Response(document, headers=headers, media_type="application/json")


def read_headers(entity_tag: str) -> dict[str, str]:
    """Return the headers of a read: its `ETag`, and that a cache must check it."""
    return {"ETag": entity_tag, "Cache-Control": "private, no-cache"}


def has_current(request: Request, entity_tag: str) -> bool:
    """Return whether the client has the document of this `ETag` (RFC 9110, 13.1.2)."""
    known_tags = ENTITY_TAG.findall(request.headers.get("if-none-match", ""))
    return any(star or quoted == entity_tag.removeprefix("W/") for quoted, star in known_tags)


def page_response(request: Request, page: Page) -> Response:
    """Return a page of a list: `{"items": […], "next_cursor": …}`."""
    cursor = orjson.dumps(page.next_cursor)
    return document_response(
        request, b'{"items":%b,"next_cursor":%b}' % (encode_array(page.items), cursor)
    )


def command_response(document: Any, status: int, **headers: str) -> Response:
    """Return the response to a command, as JSON that may not be cached."""
    return Response(
        orjson.dumps(document, option=orjson.OPT_UTC_Z),
        status,
        {"Cache-Control": "no-store", **headers},
        media_type="application/json",
    )
