"""Tests that no response of Canvas holds the event loop for more than 50 ms."""

import asyncio
import gzip
import random
import zlib
from collections.abc import Callable
from dataclasses import replace

import orjson
import pytest
from aiohttp import web

from domain.errors import CanvasResponseUnusable
from infrastructure.canvas.limits import DEFAULT_LIMITS, MIB
from infrastructure.canvas.pagination import ROWS_PER_STEP, in_steps
from infrastructure.canvas.response_body import STRUCTURE, decode_json
from tests.deadlines import slowness
from tests.infrastructure.canvas.direct_api import api_of, read_course, read_list
from tests.infrastructure.canvas.fake_servers import FAST_LIMITS, Handler
from tests.infrastructure.canvas.loop_hold import measured_loop_hold
from tests.infrastructure.canvas.rows import assignment_row, group_row

MAX_HOLD_SECONDS = 0.05
"""On an idle machine of the kind that runs CI; more on a slower one."""
BYTES, VALUES = DEFAULT_LIMITS.response_bytes, DEFAULT_LIMITS.json_values


def filled(unit: bytes) -> bytes:
    """A list of as many of these values as both limits permit."""
    values = 1 + len(unit) - len(unit.translate(None, STRUCTURE))
    count = min((BYTES - 2) // (len(unit) + 1), VALUES // values - 1)
    return b"[" + b",".join([unit] * count) + b"]"


def unique_keys(key_length: int) -> bytes:
    """One object with as many different keys as both limits permit."""
    rng = random.Random(1)
    count = min(VALUES - 2, BYTES // (key_length + 5) - 1)
    keys = (f'"{rng.getrandbits(4 * key_length):0{key_length}x}":0' for _ in range(count))
    return b"[{" + ",".join(keys).encode() + b"}]"


UNIT_BYTES = BYTES // VALUES
WORST_BODIES = {
    "empty objects": filled(b"{}"),
    "empty lists": filled(b"[]"),
    "nested lists": filled(b"[" * 1_000 + b"]" * 1_000),
    "small objects": filled(b'{"a":0}'),
    "numbers": filled(b"0"),
    "slow numbers": filled(b"2.4703282292062327208e-324"),
    "long numbers": filled(b"2.4703282292062327208" + b"1" * 750 + b"e-324"),
    "texts": filled(b'"' + b"x" * (UNIT_BYTES - 4) + b'"'),
    "texts of other alphabets": filled(f'"{"€" * ((UNIT_BYTES - 4) // 3)}"'.encode()),
    "escaped texts": filled(b'"' + b"\\u20ac" * ((UNIT_BYTES - 4) // 6) + b'"'),
    "short keys": unique_keys(8),
    "long keys": unique_keys(UNIT_BYTES - 6),
    "one text": b'["' + b"x" * (BYTES - 4) + b'"]',
    "blanks": b"[" + b" " * (BYTES - 2) + b"]",
}


def send(body: bytes, **headers: str) -> Handler:
    """A Canvas that sends this body for every request."""

    async def respond(_: web.Request) -> web.Response:
        return web.Response(body=body, headers={"Content-Type": "application/json", **headers})

    return respond


def real_course(count: int) -> bytes:
    """A course as Canvas sends it, with this number of assignments in one group."""
    rows = [assignment_row(str(5_000 + n)) for n in range(count)]
    return orjson.dumps([group_row("11", *rows)])


@pytest.mark.parametrize("name", WORST_BODIES)
async def test_the_slowest_json_within_the_limits_is_decoded_in_time(name: str) -> None:
    body = WORST_BODIES[name]
    async with api_of(send(body)) as api:
        with measured_loop_hold() as hold:
            rows = await read_list(api, max_rows=VALUES)
    assert rows or name == "blanks"
    assert hold.seconds < MAX_HOLD_SECONDS * slowness()


async def test_the_largest_course_of_one_response_is_read_in_time() -> None:
    one_row = orjson.dumps([assignment_row()])
    count = VALUES // (len(one_row) - len(one_row.translate(None, STRUCTURE))) - 1
    body = real_course(count)
    assert len(body) < BYTES
    with measured_loop_hold() as hold:
        work = await read_course(send(body))
    assert len(work.assignments) == count
    assert hold.steps > count / ROWS_PER_STEP
    assert hold.seconds < MAX_HOLD_SECONDS * slowness()


@pytest.mark.parametrize(
    ("encoding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress)]
)
async def test_a_small_body_that_becomes_large_is_decompressed_in_steps(
    encoding: str, compress: Callable[[bytes], bytes]
) -> None:
    body = compress(b"[" + b" " * 100 * MIB + b"]")
    async with api_of(send(body, **{"Content-Encoding": encoding})) as api:
        with measured_loop_hold() as hold, pytest.raises(CanvasResponseUnusable):
            await read_list(api)
    assert hold.steps > BYTES / (256 * 1024)
    assert hold.seconds < MAX_HOLD_SECONDS * slowness()


async def test_many_unreadable_numbers_are_replaced_in_steps() -> None:
    body = b"[" + b"NaN," * 100 + b'"' + b"x" * (BYTES - 1_000) + b'"]'
    with measured_loop_hold() as hold:
        task = asyncio.ensure_future(decode_json(body))
        assert (await task)[:100] == [None] * 100
    assert hold.steps > 100
    assert hold.seconds < MAX_HOLD_SECONDS * slowness()


async def test_other_tasks_run_after_a_number_of_rows() -> None:
    others = 0

    async def count_turns() -> None:
        nonlocal others
        while True:
            others += 1
            await asyncio.sleep(0)

    other_task = asyncio.ensure_future(count_turns())
    rows = [row async for row in in_steps(range(10 * ROWS_PER_STEP))]
    other_task.cancel()
    assert rows == list(range(10 * ROWS_PER_STEP))
    assert others >= 10


async def test_values_are_limited_as_well_as_bytes() -> None:
    limits = replace(FAST_LIMITS, json_values=1_000)
    async with api_of(send(filled(b"[[]]")), limits) as api:
        with pytest.raises(CanvasResponseUnusable, match="1000 values"):
            await read_list(api, limits=limits)


@pytest.mark.parametrize(
    "page",
    [
        b"[" + b",".join([b'{"id":1}'] * 490_000) + b"]",
        filled(b'{"id":1}'),
        b'[{"id":1,"assignments":' + filled(b'{"id":1}')[: BYTES // 2] + b'{"id":1}]}]',
        b'[{"id":1,"assignments":' + b"[" * 90_000 + b"]" * 90_000 + b"}]",
    ],
    ids=["over the bytes", "over the rows", "one group", "deep"],
)
async def test_a_page_of_one_row_many_times_is_refused_in_time(page: bytes) -> None:
    requests = 0

    async def respond(_: web.Request) -> web.Response:
        nonlocal requests
        requests += 1
        headers = {"Content-Type": "application/json", "Link": '<?page=2>; rel="next"'}
        return web.Response(body=page, headers=headers)

    with measured_loop_hold() as hold, pytest.raises(CanvasResponseUnusable):
        await read_course(respond)
    assert requests <= 12
    assert hold.seconds < MAX_HOLD_SECONDS * slowness()


async def test_the_rows_of_a_run_are_limited() -> None:
    rows = orjson.dumps([{"id": number} for number in range(100)])
    limits = replace(FAST_LIMITS, run_rows=250)
    async with api_of(send(rows), limits) as api:
        for _ in range(2):
            assert len(await read_list(api, limits=limits)) == 100
        with pytest.raises(CanvasResponseUnusable, match="one run"):
            await read_list(api, limits=limits)
