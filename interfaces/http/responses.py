"""Builds responses: read models deliver ready JSON, so a read adds an `ETag`, or returns 304."""

import re
from hashlib import blake2b
from typing import Any

import orjson
from fastapi import Request, Response

from domain.log_position import LogPosition
from interfaces.consistency_token import encode_consistency_token
from projections.support.json_documents import encode_array
from projections.support.page import Page

ENTITY_TAG = re.compile(r'(?:W/)?("[^"]*")|(\*)')


def document_response(
    request: Request, document: bytes, place: LogPosition | None = None
) -> Response:
    """Return a JSON document with its `ETag`, or 304 if the client has it (RFC 9110, 13.1.2).

    With a `place`, the response has the consistency token of it.
    """
    entity_tag = f'"{blake2b(document, digest_size=12).hexdigest()}"'
    headers = read_headers(entity_tag, place)
    if has_current(request, entity_tag):
        return Response(status_code=304, headers=headers)
    return Response(document, headers=headers, media_type="application/json")


def read_headers(entity_tag: str, place: LogPosition | None = None) -> dict[str, str]:
    """Return the headers of a read: `ETag`, token, and that a cache must check it."""
    headers = {"ETag": entity_tag, "Cache-Control": "private, no-cache"}
    return headers if place is None else headers | token_headers(place)


def token_headers(place: LogPosition) -> dict[str, str]:
    """Return the header `Consistency-Token` of a response that shows the state at a place."""
    return {"Consistency-Token": encode_consistency_token(place)}


def has_current(request: Request, entity_tag: str) -> bool:
    """Return whether the client has the document of this `ETag` (RFC 9110, 13.1.2)."""
    known_tags = ENTITY_TAG.findall(request.headers.get("if-none-match", ""))
    return any(star or quoted == entity_tag.removeprefix("W/") for quoted, star in known_tags)


def page_response(request: Request, page: Page, place: LogPosition | None = None) -> Response:
    """Return a page of a list: `{"items": […], "next_cursor": …}`."""
    cursor = orjson.dumps(page.next_cursor)
    document = b'{"items":%b,"next_cursor":%b}' % (encode_array(page.items), cursor)
    return document_response(request, document, place)


def command_response(document: Any, status: int, **headers: str) -> Response:
    """Return the response to a command, as JSON that may not be cached."""
    return Response(
        orjson.dumps(document, option=orjson.OPT_UTC_Z),
        status,
        {"Cache-Control": "no-store", **headers},
        media_type="application/json",
    )
