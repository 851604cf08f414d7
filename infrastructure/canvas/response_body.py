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
HALF_OF_PAIR = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
"""The escape of a surrogate; the decoder refuses it without the other half of its pair."""


class ResponseTooLarge(CanvasResponseUnusable):
    """A response is larger than one may be; smaller pages of the same list may not be."""


class NotJson(CanvasResponseUnusable):
    """A body is not JSON, as one that was cut off in a way that no layer below notices."""


class ReadBudget:
    """The number of bytes, or of rows, that one run may still read."""

    def __init__(self, limit: int) -> None:
        self._remaining = limit

    def spend(self, count: int) -> None:
        """Subtract what was read.

        Raises: CanvasResponseUnusable if the budget is exceeded.
        """
        self._remaining -= count
        if self._remaining < 0:
            raise CanvasResponseUnusable("Canvas sent more data than one run may read.")


async def read_body(
    response: ClientResponse, limits: Limits, budget: ReadBudget, time_limit: asyncio.Timeout
) -> bytes:
    """Read a whole body; its decompressed size and its JSON values are counted while it is read.

    aiohttp decompresses at most 256 KiB at a time. The event loop runs other tasks after each
    chunk, also if more is decompressed already. The `time_limit` of the caller ends it if it pauses
    for `Limits.read_seconds`, or takes longer than `Limits.body_seconds`.

    Raises: ResponseTooLarge if it exceeds a limit of one response; CanvasResponseUnusable if it
    exceeds the budget. The caller must close the response then, and after a TimeoutError.
    """
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + limits.body_seconds
    chunks: list[bytes] = []
    size = values = counted = 0
    time_limit.reschedule(min(ends_at, loop.time() + limits.read_seconds))
    async for chunk in response.content.iter_chunked(CHUNK_BYTES):
        size += len(chunk)
        chunks.append(chunk)
        if size > limits.json_values:  # fewer bytes cannot have more values
            values += sum(map(_count_values, chunks[counted:]))
            counted = len(chunks)
        _check_size(size, values, limits)
        budget.spend(len(chunk))
        await asyncio.sleep(0)
        time_limit.reschedule(min(ends_at, loop.time() + limits.read_seconds))
    return b"".join(chunks)


async def read_prefix(response: ClientResponse) -> bytes:
    """Read the first 4 KiB or a little more of a body, enough to classify an error response."""
    prefix = b""
    while len(prefix) < PREFIX_BYTES and (chunk := await response.content.read(PREFIX_BYTES)):
        prefix += chunk
    return prefix


async def decode_json(body: bytes) -> Any:
    """Decode a JSON body; a number that cannot be read (`NaN`, `1e400`) becomes None.

    Half of a surrogate pair is left out of its text. Both cost only themselves, not the other rows
    of their page. Each attempt is a step of its own, so the event loop runs other tasks before and
    after.

    Raises: NotJson if the body is not JSON, or has more than `MAX_REPAIRS` of them.
    """
    document: bytes | str = body
    for _ in range(MAX_REPAIRS + 1):
        await asyncio.sleep(0)
        try:
            with pause_gc():
                decoded = orjson.loads(document)
        except orjson.JSONDecodeError as error:
            document = _repair(error)
        else:
            await asyncio.sleep(0)
            return decoded
        if not document:
            break
    raise NotJson("Canvas sent a response that is not valid JSON.")


def _count_values(chunk: bytes) -> int:
    return len(chunk) - len(chunk.translate(None, STRUCTURE))


def _check_size(size: int, values: int, limits: Limits) -> None:
    if size > limits.response_bytes:
        raise ResponseTooLarge(
            f"Canvas sent a response of more than {limits.response_bytes} bytes."
        )
    if values > limits.json_values:
        raise ResponseTooLarge(f"Canvas sent a response of more than {limits.json_values} values.")


def _repair(error: orjson.JSONDecodeError) -> str:
    """Return the document without the half of a pair, or with null for the number, at the error.

    It is empty if there is neither.
    """
    half = HALF_OF_PAIR.match(error.doc, error.pos)
    if half:
        return error.doc[: half.start()] + error.doc[half.end() :]
    start = error.pos - error.doc.endswith("-", 0, error.pos)
    number = UNREADABLE_NUMBER.match(error.doc, start)
    return f"{error.doc[:start]}null{error.doc[number.end() :]}" if number else ""
