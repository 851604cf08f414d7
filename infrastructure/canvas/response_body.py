"""Reads and decodes response bodies in steps that leave the event loop free in between."""

import asyncio
import re
from typing import Any

import orjson
from aiohttp import ClientResponse

from domain.errors import CanvasResponseUnusable
from infrastructure.canvas.limits import Limits
from infrastructure.projection_engine.gc_pause import pause_gc

CHUNK_BYTES = 64 * 1024
PREFIX_BYTES = 4 * 1024
STRUCTURE = b",[{"
"""Each JSON value begins after one of these bytes, except the first value of a response."""
MAX_REPAIRS = 100
UNREADABLE_NUMBER = re.compile(r"-?(?:NaN|Infinity|[0-9][0-9.eE+-]*)")
"""A number that JSON lacks, or that is too large for a float."""


class ResponseTooLarge(CanvasResponseUnusable):
    """A response is larger than one may be; smaller pages of the same list may not be."""


class NotJson(CanvasResponseUnusable):
    """A body is not JSON, as one that was cut off in a way that no layer below notices."""


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


async def read_body(response: ClientResponse, limits: Limits, budget: ByteBudget) -> bytes:
    """Read a whole body; its decompressed size and its JSON values are counted while it is read.

    aiohttp decompresses at most 256 KiB at a time. The event loop runs other tasks after each
    chunk, also if more is decompressed already.

    Raises: ResponseTooLarge if it exceeds a limit of one response; CanvasResponseUnusable if it
    exceeds the budget; TimeoutError if it pauses for `Limits.read_seconds`. The caller must close
    the response then.
    """
    loop = asyncio.get_running_loop()
    chunks: list[bytes] = []
    size = values = 0
    async with asyncio.timeout(limits.read_seconds) as pause:
        async for chunk in response.content.iter_chunked(CHUNK_BYTES):
            size += len(chunk)
            values += len(chunk) - len(chunk.translate(None, STRUCTURE))
            _check_size(size, values, limits)
            budget.spend(len(chunk))
            chunks.append(chunk)
            await asyncio.sleep(0)
            pause.reschedule(loop.time() + limits.read_seconds)
    return b"".join(chunks)


async def read_prefix(response: ClientResponse) -> bytes:
    """Read the first 4 KiB or a little more of a body, enough to classify an error response."""
    prefix = b""
    while len(prefix) < PREFIX_BYTES and (chunk := await response.content.read(PREFIX_BYTES)):
        prefix += chunk
    return prefix


async def decode_json(body: bytes) -> Any:
    """Decode a JSON body; a number that cannot be read (`NaN`, `1e400`) becomes None.

    Such a number costs only itself, not the other rows of its page. Each attempt is a step of its
    own, so the event loop runs other tasks before and after.

    Raises: NotJson if the body is not JSON, or has more than `MAX_REPAIRS` such numbers.
    """
    document: bytes | str = body
    for _ in range(MAX_REPAIRS + 1):
        await asyncio.sleep(0)
        try:
            with pause_gc():
                decoded = orjson.loads(document)
        except orjson.JSONDecodeError as error:
            document = _without_unreadable_number(error)
        else:
            await asyncio.sleep(0)
            return decoded
        if not document:
            break
    raise NotJson("Canvas sent a response that is not valid JSON.")


def _check_size(size: int, values: int, limits: Limits) -> None:
    if size > limits.response_bytes:
        raise ResponseTooLarge(
            f"Canvas sent a response of more than {limits.response_bytes} bytes."
        )
    if values > limits.json_values:
        raise ResponseTooLarge(f"Canvas sent a response of more than {limits.json_values} values.")


def _without_unreadable_number(error: orjson.JSONDecodeError) -> str:
    """Return the document with null in place of the number at the error; empty without one."""
    start = error.pos - error.doc.endswith("-", 0, error.pos)
    number = UNREADABLE_NUMBER.match(error.doc, start)
    return f"{error.doc[:start]}null{error.doc[number.end() :]}" if number else ""
