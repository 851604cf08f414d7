"""Decides from `Accept-Encoding` whether a body is sent compressed, and compresses it with gzip.

Only documents of reads are compressed: they hold no secret that a text in the same document could
help to guess by the length of the compressed body (BREACH). Decision 0032 explains it.
"""

import zlib

MIN_COMPRESSED_BYTES = 1024
"""Bytes of a document from which it is compressed: a smaller one fits into one packet anyway."""
GZIP_LEVEL = 1
"""Higher levels need twice the time, and save a tenth."""
_GZIP_FORMAT = 16 + zlib.MAX_WBITS
_COMMON = frozenset({b"gzip", b"gzip, deflate", b"gzip, deflate, br", b"gzip, deflate, br, zstd"})
"""What browsers and libraries send; other values are parsed."""


def accepts_gzip(accept_encoding: bytes | None) -> bool:
    """Return whether a client accepts gzip (RFC 9110, 12.5.3); one that sends nothing may not."""
    if accept_encoding is None:
        return False
    if accept_encoding in _COMMON:
        return True
    weights = dict(map(_weight_of, accept_encoding.lower().split(b",")))
    of_any = weights.get(b"*", 0.0)
    return max(weights.get(b"gzip", of_any), weights.get(b"x-gzip", 0.0)) > 0


def compress(document: bytes) -> bytes:
    """Return a document in the format gzip."""
    compressor = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, _GZIP_FORMAT)
    return compressor.compress(document) + compressor.flush()


def decompress(content: bytes) -> bytes:
    """Return the document of `compress`."""
    return zlib.decompress(content, _GZIP_FORMAT)


def _weight_of(coding: bytes) -> tuple[bytes, float]:
    """Return a coding and its weight: 1 without `q`, and 0 if that is no number."""
    name, _, parameters = coding.partition(b";")
    _, has_weight, text = parameters.partition(b"q=")
    try:
        return name.strip(), float(text) if has_weight else 1.0
    except ValueError:
        return name.strip(), 0.0
