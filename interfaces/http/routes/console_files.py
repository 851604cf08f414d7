"""The built files of the console, read once, with their compressed forms and headers."""

import gzip
import re
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import NamedTuple

from fastapi import Response
from starlette.types import Scope

from interfaces.http.middleware.document_responses import (
    GZIP,
    VARY,
    LargeReadyResponse,
    ReadyResponse,
    client_state,
)
from interfaces.http.middleware.large_responses import LARGE_BODY_BYTES

MEDIA_TYPE_BY_SUFFIX = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "ico": "image/x-icon",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "png": "image/png",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
    "woff2": "font/woff2",
}
COMPRESSED_ALREADY = frozenset({"ico", "png", "woff2"})
HASHED_NAME = re.compile(r".+-[A-Za-z0-9]{8,}\.[a-z0-9.]+")
"""A name with a hash of the content: what it names never changes."""
INDEX_NAME = "index.html"
ALWAYS_CHECK = b"no-cache"
IMMUTABLE, FOR_AN_HOUR = b"public, max-age=31536000, immutable", b"public, max-age=3600"


class ConsoleFile(NamedTuple):
    """One file, ready to be sent."""

    content: bytes
    compressed: bytes | None
    """The content in the format gzip; None if that is not smaller."""
    etag: bytes
    headers: tuple[tuple[bytes, bytes], ...]


def read_console_files(folder: Traversable | None) -> Mapping[str, ConsoleFile]:
    """Return the built files by name; none if they are not part of this installation.

    Without a folder, they are read from where the installation has them.
    """
    folder = folder or files("interfaces") / "console" / "dist"
    return dict(_read_files(folder)) if folder.is_dir() else {}


def _read_files(folder: Traversable) -> Iterator[tuple[str, ConsoleFile]]:
    for entry in folder.iterdir():
        suffix = entry.name.rpartition(".")[2]
        if entry.is_file() and suffix in MEDIA_TYPE_BY_SUFFIX:
            yield entry.name, _describe(entry.name, suffix, entry.read_bytes())


def _describe(name: str, suffix: str, content: bytes) -> ConsoleFile:
    compressed = b"" if suffix in COMPRESSED_ALREADY else gzip.compress(content, 9, mtime=0)
    is_smaller = 0 < len(compressed) < len(content)
    cache_control = IMMUTABLE if HASHED_NAME.fullmatch(name) else FOR_AN_HOUR
    return ConsoleFile(
        content=content,
        compressed=compressed if is_smaller else None,
        etag=b'"%b"' % blake2b(content, digest_size=12).hexdigest().encode("ascii"),
        headers=(
            (b"content-type", MEDIA_TYPE_BY_SUFFIX[suffix].encode("ascii")),
            (b"cache-control", ALWAYS_CHECK if name == INDEX_NAME else cache_control),
            *([VARY] if is_smaller else []),
        ),
    )


def respond_with_file(file: ConsoleFile, scope: Scope) -> Response:
    """Return the response with a file, compressed if the client accepts that, or 304.

    The `ETag` of the compressed form is weak, because both forms have the same one.
    """
    client = client_state(scope)
    compressed = file.compressed if client.accepts_gzip else None
    etag = file.etag if compressed is None else b"W/" + file.etag
    if client.has(file.etag):
        return ReadyResponse(b"", 304, [(b"etag", etag), *file.headers[1:]])
    body = file.content if compressed is None else compressed
    headers = [(b"etag", etag), *file.headers, (b"content-length", b"%d" % len(body))]
    if compressed is not None:
        headers.append(GZIP)
    response_type = LargeReadyResponse if len(body) > LARGE_BODY_BYTES else ReadyResponse
    return response_type(body, 200, headers)
