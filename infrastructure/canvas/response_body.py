"""Reads response bodies; limits are applied to the decompressed size while reading."""

from typing import Any

import orjson
from aiohttp import ClientResponse

from domain.errors import CanvasResponseUnusable

CHUNK_BYTES = 64 * 1024
PREFIX_BYTES = 4 * 1024


class ByteBudget:
    """The number of bytes that one run may still read."""

    def __init__(self, limit: int) -> None:
        self._remaining = limit

    def spend(self, count: int) -> None:
        """Subtract bytes that were read.

        Raises: CanvasResponseUnusable if the budget is exceeded.
        """
        self._remaining -= count
        if self._remaining < 0:
            raise CanvasResponseUnusable("Canvas sent more data than one run may read.")


async def read_body(response: ClientResponse, max_bytes: int, budget: ByteBudget) -> bytes:
    """Read a whole body.

    Raises: CanvasResponseUnusable if it is larger than `max_bytes` or the budget. The caller
    must close the response then.
    """
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_chunked(CHUNK_BYTES):
        size += len(chunk)
        if size > max_bytes:
            raise CanvasResponseUnusable(f"Canvas sent a response of more than {max_bytes} bytes.")
        budget.spend(len(chunk))
        chunks.append(chunk)
    return b"".join(chunks)


async def read_prefix(response: ClientResponse) -> bytes:
    """Read the first 4 KiB or a little more of a body, enough to classify an error response."""
    prefix = b""
    while len(prefix) < PREFIX_BYTES and (chunk := await response.content.read(PREFIX_BYTES)):
        prefix += chunk
    return prefix


def decode_json(body: bytes, max_values: int) -> Any:
    """Decode a JSON body.

    Commas are counted first, because many small values need much memory when decoded.

    Raises: CanvasResponseUnusable if the body is not JSON or has more than `max_values` commas.
    """
    if body.count(b",") > max_values:
        raise CanvasResponseUnusable(f"Canvas sent a response of more than {max_values} values.")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        failure = CanvasResponseUnusable("Canvas sent a response that is not valid JSON.")
    raise failure
