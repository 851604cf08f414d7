"""Bodies serialised once, with holes for what ticks.

A tick is written into the JSON between two NUL bytes, which JSON never holds.
What lies between the ticks is serialised and compressed once; an answer only fills them in.
"""

import re
import zlib
from collections.abc import Callable
from hashlib import md5
from struct import pack
from typing import Any, NamedTuple

import orjson

NUL = b"\0"
NUMBERED_ID = re.compile(rb'id":(-?\d+)')
GZIP_HEAD = b"\x1f\x8b\x08\0\0\0\0\0\0\x03"
LAST_BLOCK = b"\x03\0"
Fill = Callable[[str], bytes]


def tick(kind: str, about: object) -> orjson.Fragment:
    """A value to be filled in with each answer."""
    return orjson.Fragment(f"\0{kind}:{about}\0".encode())


class Filled(NamedTuple):
    """A template with the values of this moment."""

    template: "Template"
    values: list[bytes]

    @property
    def etag(self) -> str:
        """A weak validator of the whole body."""
        tag = md5(self.template.digest + NUL.join(self.values), usedforsecurity=False)
        return f'W/"{tag.hexdigest()}"'

    def plain(self) -> bytes:
        """The body."""
        return _weave(self.template.parts, self.values)

    def gzipped(self) -> bytes:
        """The body as one gzip member, out of blocks compressed beforehand."""
        plain = self.plain()
        stored = [pack("<BHH", 0, len(v), len(v) ^ 0xFFFF) + v for v in self.values]
        tail = LAST_BLOCK + pack("<II", zlib.crc32(plain), len(plain))
        return GZIP_HEAD + _weave(self.template.compressed(), stored) + tail


class Template:
    """A serialised body with holes."""

    __slots__ = ("_compressed", "digest", "holes", "parts", "size")

    def __init__(self, document: Any, *, string_ids: bool) -> None:
        body = orjson.dumps(document)
        pieces = _escape(with_string_ids(body) if string_ids else body).split(NUL)
        self.parts = pieces[::2]
        self.holes = [hole.decode() for hole in pieces[1::2]]
        self.size = len(body)
        self.digest = md5(NUL.join(self.parts), usedforsecurity=False).digest()
        self._compressed: list[bytes] | None = None

    def filled(self, fill: Fill) -> Filled:
        """The body at this moment."""
        return Filled(self, [fill(hole) for hole in self.holes])

    def compressed(self) -> list[bytes]:
        """The parts as deflate blocks that end on a byte and look back at nothing."""
        if self._compressed is None:
            squeeze = zlib.compressobj(1, zlib.DEFLATED, -15)
            self._compressed = [
                squeeze.compress(part) + squeeze.flush(zlib.Z_FULL_FLUSH) for part in self.parts
            ]
        return self._compressed


def with_string_ids(body: bytes) -> bytes:
    """Write ids as strings, at every depth, as Canvas does when asked: all keys ending in id."""
    return NUMBERED_ID.sub(rb'id":"\1"', body)


def _escape(body: bytes) -> bytes:
    escaped = body.replace(b"<", rb"\u003c").replace(b">", rb"\u003e")
    return escaped.replace(b"&", rb"\u0026")


def _weave(parts: list[bytes], values: list[bytes]) -> bytes:
    if not values:
        return parts[0]
    woven = [b""] * (len(parts) + len(values))
    woven[::2] = parts
    woven[1::2] = values
    return b"".join(woven)
