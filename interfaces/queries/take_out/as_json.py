"""Encodes what a person takes along as one JSON document, in chunks."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

import orjson

from interfaces.queries.take_out.taken_list import TakenList


async def encode_json(
    head: Mapping[str, Any], parts: Sequence[TakenList]
) -> AsyncGenerator[bytes, None]:
    """Yield a JSON object: the members of `head`, then an array for each part."""
    yield orjson.dumps(head, option=orjson.OPT_UTC_Z)[:-1]
    for part in parts:
        yield b",%b:[" % orjson.dumps(part.name)
        separator = b""
        async for page in part.pages:
            yield separator + b",".join(page)
            separator = b","
        yield b"]"
    yield b"}"
