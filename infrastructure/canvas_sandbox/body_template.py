"""Response bodies that are serialised once, with placeholders for values that depend on the time.

A placeholder is written into the JSON between two NUL bytes, which JSON never contains.
The parts between placeholders are serialised and compressed once; each response only fills in
the values.
"""

import re
import zlib
from collections.abc import Callable
from hashlib import md5
from struct import pack
from typing import Any, NamedTuple

import orjson

NUL = b"\0"
NUMERIC_ID = re.compile(rb'id":(-?\d+)')
NUMERIC_IDS = re.compile(rb'_(?:ids|drop)":\[[\d,]+\]')
NUMBER = re.compile(rb"\d+")
GZIP_HEADER = b"\x1f\x8b\x08\0\0\0\0\0\0\x03"
FINAL_DEFLATE_BLOCK = b"\x03\0"
FillPlaceholder = Callable[[str], bytes]


def placeholder(kind: str, subject: object) -> orjson.Fragment:
    """Create a JSON value that is filled in for each response.

    `kind` selects how the value is made, `subject` what it is made from.
    """
    return orjson.Fragment(f"\0{kind}:{subject}\0".encode())


class FilledBody(NamedTuple):
    """A template together with the values of its placeholders."""

    template: "BodyTemplate"
    values: list[bytes]

    @property
    def etag(self) -> str:
        """A weak ETag of the whole body."""
        tag = md5(self.template.digest + NUL.join(self.values), usedforsecurity=False)
        return f'W/"{tag.hexdigest()}"'

    def plain(self) -> bytes:
        """The uncompressed body."""
        return _interleave(self.template.parts, self.values)

    def gzipped(self) -> bytes:
        """The body as one gzip member, assembled from parts that are compressed already."""
        plain = self.plain()
        stored_blocks = [pack("<BHH", 0, len(v), len(v) ^ 0xFFFF) + v for v in self.values]
        tail = FINAL_DEFLATE_BLOCK + pack("<II", zlib.crc32(plain), len(plain))
        return GZIP_HEADER + _interleave(self.template.compressed(), stored_blocks) + tail


class BodyTemplate:
    """A serialised body with placeholders."""

    __slots__ = ("_compressed", "digest", "parts", "placeholders", "size")

    def __init__(self, document: Any, *, string_ids: bool) -> None:
        body = orjson.dumps(document)
        pieces = _escape_html(with_string_ids(body) if string_ids else body).split(NUL)
        self.parts = pieces[::2]
        self.placeholders = [name.decode() for name in pieces[1::2]]
        self.size = len(body)
        self.digest = md5(NUL.join(self.parts), usedforsecurity=False).digest()
        self._compressed: list[bytes] | None = None

    def fill(self, value_of: FillPlaceholder) -> FilledBody:
        """Fill in the placeholders with values from `value_of`."""
        return FilledBody(self, [value_of(name) for name in self.placeholders])

    def compressed(self) -> list[bytes]:
        """The parts as deflate blocks that can be joined: byte-aligned, without back-references."""
        if self._compressed is None:
            compressor = zlib.compressobj(1, zlib.DEFLATED, -15)
            self._compressed = [
                compressor.compress(part) + compressor.flush(zlib.Z_FULL_FLUSH)
                for part in self.parts
            ]
        return self._compressed


def with_string_ids(body: bytes) -> bytes:
    """Write numbers as strings in all keys that end in `id`, at every depth, and in lists of ids.

    Canvas does so for the media type `application/json+canvas-string-ids`.
    """
    with_lists = NUMERIC_IDS.sub(lambda ids: NUMBER.sub(rb'"\g<0>"', ids[0]), body)
    return NUMERIC_ID.sub(rb'id":"\1"', with_lists)


def _escape_html(body: bytes) -> bytes:
    escaped = body.replace(b"<", rb"\u003c").replace(b">", rb"\u003e")
    return escaped.replace(b"&", rb"\u0026")


def _interleave(parts: list[bytes], values: list[bytes]) -> bytes:
    if not values:
        return parts[0]
    interleaved = [b""] * (len(parts) + len(values))
    interleaved[::2] = parts
    interleaved[1::2] = values
    return b"".join(interleaved)
