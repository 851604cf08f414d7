"""Answers made of ready JSON: entity tags, 304, and nothing serialised twice."""

import re
from hashlib import blake2b
from typing import Any

import orjson
from fastapi import Request, Response

from projections.support.json_documents import encode_array
from projections.support.page import Page

ENTITY_TAG = re.compile(r'(?:W/)?("[^"]*")|(\*)')


def document_response(request: Request, document: bytes) -> Response:
    """A document with its entity tag, or 304 when the client has it already."""
    entity_tag = f'"{blake2b(document, digest_size=12).hexdigest()}"'
    headers = {"ETag": entity_tag, "Cache-Control": "private, no-cache"}
    known_tags = ENTITY_TAG.findall(request.headers.get("if-none-match", ""))
    if any(star or quoted == entity_tag for quoted, star in known_tags):
        return Response(status_code=304, headers=headers)
    return Response(document, headers=headers, media_type="application/json")


def page_response(request: Request, page: Page) -> Response:
    """A page of a list."""
    cursor = orjson.dumps(page.next_cursor)
    return document_response(
        request, b'{"items":%b,"next_cursor":%b}' % (encode_array(page.items), cursor)
    )


def command_response(document: Any, status: int, **headers: str) -> Response:
    """The answer to a command."""
    return Response(
        orjson.dumps(document, option=orjson.OPT_UTC_Z),
        status,
        {"Cache-Control": "no-store", **headers},
        media_type="application/json",
    )
