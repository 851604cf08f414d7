"""Reading an answer's body, up to a cap, as it is decompressed."""

from typing import Any

import orjson
from aiohttp import ClientResponse

from domain.errors import CanvasAnswerUnusable

CHUNK = 64 * 1024
BEGINNING = 4 * 1024


class Allowance:
    """What one run may still read, in bytes."""

    def __init__(self, left: int) -> None:
        self._left = left

    def spend(self, count: int) -> None:
        """Take bytes off; raises CanvasAnswerUnusable when there are none left."""
        self._left -= count
        if self._left < 0:
            raise CanvasAnswerUnusable("Canvas sent more data than one run may read.")


async def whole(response: ClientResponse, most: int, allowance: Allowance) -> bytes:
    """The whole body; past the cap the connection is dropped and CanvasAnswerUnusable raised."""
    pieces: list[bytes] = []
    size = 0
    async for piece in response.content.iter_chunked(CHUNK):
        size += len(piece)
        if size > most:
            raise CanvasAnswerUnusable(f"Canvas sent an answer of more than {most} bytes.")
        allowance.spend(len(piece))
        pieces.append(piece)
    return b"".join(pieces)


async def beginning(response: ClientResponse) -> bytes:
    """The first few kilobytes of a body, enough to tell one refusal from another."""
    found = b""
    while len(found) < BEGINNING and (piece := await response.content.read(BEGINNING)):
        found += piece
    return found


def decoded(body: bytes, most: int) -> Any:
    """The JSON of a body; raises CanvasAnswerUnusable when it is none or has too many values."""
    if body.count(b",") > most:
        raise CanvasAnswerUnusable(f"Canvas sent an answer of more than {most} values.")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        failure = CanvasAnswerUnusable("Canvas sent an answer that is no JSON.")
    raise failure
