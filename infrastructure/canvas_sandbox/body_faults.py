"""Corrupts bodies and links of correct responses: other shapes, types, sizes and hosts."""

import gzip
import re
from typing import Any

import orjson

from infrastructure.canvas_sandbox.error_responses import Response

WRONG_SHAPES = {
    "object": b"{}",
    "null": b"null",
    "text": b'"ok"',
    "number": b"7",
    "strings": b'["Homework","Exams"]',
    "empty_objects": b"[{},{}]",
    "errors": b'{"errors":[{"message":"An error occurred."}]}',
}
"""Bodies of another shape than a list of records, by name."""
FILLER_FIELD = "description"
"""The field that makes rows large: Canvas puts whole pages of HTML into it."""


def corrupt_body(kind: str, response: Response, added_bytes: int) -> Response:
    """Corrupt a JSON body: `large_rows` adds bytes to each row, else numbers become strings."""
    if not response.body:
        return response
    plain = response.body
    if response.headers.get("content-encoding") == "gzip":
        plain = gzip.decompress(plain)
    document = orjson.loads(plain)
    if kind == "large_rows":
        document = _with_filler(document, "x" * added_bytes)
    else:
        document = _with_numbers_as_text(document)
    headers = {
        name: value for name, value in response.headers.items() if name != "content-encoding"
    }
    return response._replace(body=orjson.dumps(document), headers=headers)


def corrupt_links(response: Response, url: str, origin: str) -> Response:
    """Let all links of a list point to another origin, with their path and query."""
    link = response.headers.get("link")
    if link is None:
        return response
    own_origin = re.match(r"https?://[^/]+", url)
    replaced = link.replace(f"<{own_origin[0]}/", f"<{origin}/") if own_origin else link
    return response._replace(headers=response.headers | {"link": replaced})


def _with_filler(document: Any, filler: str) -> Any:
    if not isinstance(document, list):
        return document
    return [row | {FILLER_FIELD: filler} if isinstance(row, dict) else row for row in document]


def _with_numbers_as_text(value: Any) -> Any:
    match value:
        case bool():
            return value
        case int() | float():
            return str(value)
        case list():
            return [_with_numbers_as_text(item) for item in value]
        case dict():
            return {key: _with_numbers_as_text(item) for key, item in value.items()}
    return value
