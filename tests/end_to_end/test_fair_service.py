"""One person's attack on the whole service; others are served meanwhile. Counted, not timed."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import product
from string import ascii_letters
from uuid import UUID, uuid4

import aiohttp.web
import orjson
import pytest

from infrastructure.canvas_sandbox.sandbox_server import Sandbox
from infrastructure.postgres.execute import execute
from infrastructure.settings.settings import Settings
from interfaces.composition.process import Process
from tests.deadlines import scaled
from tests.dev_tokens import ADA
from tests.end_to_end.conftest import Client, Response, running_service

EVE = UUID("00000000-0000-4000-8000-0000000000e5")
SETUP = "/api/v1/canvas/setup"
ROWS_OF_PERSON = "SELECT count(*) FROM easeboard.idempotency_keys WHERE person_id = %s"


@dataclass
class HangingCanvas:
    """A Canvas that answers nothing until it is released; then it rejects every token."""

    url: str = ""
    waiting: int = 0
    most_waiting: int = 0
    released: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, _: aiohttp.web.Request) -> aiohttp.web.Response:
        self.waiting += 1
        self.most_waiting = max(self.waiting, self.most_waiting)
        try:
            await self.released.wait()
        finally:
            self.waiting -= 1
        return aiohttp.web.json_response({"errors": [{"message": "Invalid"}]}, status=401)

    async def wait_for_request(self) -> None:
        async with asyncio.timeout(scaled(15)):
            while not self.waiting:  # noqa: ASYNC110  # the service sends no signal
                await asyncio.sleep(0.01)


@asynccontextmanager
async def running_hanging_canvas() -> AsyncIterator[HangingCanvas]:
    canvas = HangingCanvas()
    app = aiohttp.web.Application()
    app.router.add_route("*", "/{path:.*}", canvas.handle)
    runner = aiohttp.web.AppRunner(app)
    await runner.setup()
    try:
        site = aiohttp.web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        canvas.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield canvas
    finally:
        canvas.released.set()
        await runner.cleanup()


@pytest.fixture
async def hanging() -> AsyncIterator[HangingCanvas]:
    async with running_hanging_canvas() as canvas:
        yield canvas


@pytest.fixture
async def running(
    settings: Settings, sandbox: Sandbox, hanging: HangingCanvas
) -> AsyncIterator[tuple[Process, Client]]:
    hosts = [url.removeprefix("http://") for url in (sandbox.url, hanging.url)]
    allowed = settings.model_copy(update={"canvas_allow_private": tuple(hosts)})
    async with running_service(allowed) as started:
        yield started


async def test_many_set_ups_at_a_hanging_host_leave_others_a_set_up(
    running: tuple[Process, Client], sandbox: Sandbox, hanging: HangingCanvas
) -> None:
    _, ada = running
    eve = ada.as_person(EVE)
    body = {"canvas_url": hanging.url, "api_token": "7~" + "x" * 40}
    attack = [asyncio.create_task(eve("POST", SETUP, json=body)) for _ in range(60)]
    await hanging.wait_for_request()
    await ada.connect(sandbox)
    await ada.as_person(uuid4()).connect(sandbox, student=1)
    assert hanging.most_waiting == 1, "one set-up of one person at a time"
    hanging.released.set()
    statuses = Counter([(await task).status for task in attack])
    assert not set(statuses) - {422, 429}, statuses
    assert statuses[429] >= 60 - 25


async def test_large_documents_of_one_person_leave_others_every_kind_of_read(
    running: tuple[Process, Client], sandbox: Sandbox
) -> None:
    _, ada = running
    await ada.connect(sandbox)
    others = [ada.as_person(uuid4()) for _ in range(3)]
    paths = ["courses", "assignments?limit=500", "grades", "data"]
    attack = [asyncio.create_task(ada("GET", "/api/v1/canvas/data")) for _ in range(100)]
    for person in others:
        for path in paths:
            response = await person("GET", f"/api/v1/canvas/{path}")
            assert response.status == 200, response.body
    statuses = Counter([(await task).status for task in attack])
    assert not set(statuses) - {200, 429}, statuses
    assert statuses[200] >= 1


def many_fields(count: int) -> bytes:
    names = ("".join(letters) for letters in product(ascii_letters, repeat=3))
    return orjson.dumps({name: 1 for name, _ in zip(names, range(count), strict=False)})


async def test_a_refusal_of_shape_is_small_and_never_kept(
    running: tuple[Process, Client], sandbox: Sandbox
) -> None:
    process, ada = running
    connection = await ada.connect(sandbox)
    own = f"/api/v1/canvas/connections/{connection['id']}"
    fields = many_fields(8_000)
    assert len(fields) < 64 * 1024
    json_type = {"Content-Type": "application/json"}
    refused: list[Response] = [
        await ada("POST", path, data=data, headers=headers | {"Idempotency-Key": f"{number}-{key}"})
        for number, (data, headers) in enumerate(
            [
                (fields, json_type),
                (b"{", json_type),
                (b"x" * 70_000, json_type),
                (b"a=1", {"Content-Type": "application/x-www-form-urlencoded"}),
            ]
        )
        for key, path in enumerate((SETUP, f"{own}/sync", f"{own}/validate"))
    ]
    assert {response.status for response in refused} <= {413, 415, 422}
    assert max(len(response.body) for response in refused) < 8 * 1024
    [(rows,)] = execute(process.pools.write_pool, ROWS_OF_PERSON, [ADA])
    assert rows == 0


async def test_a_kept_response_is_unreadable_without_the_key_of_its_person(
    running: tuple[Process, Client], sandbox: Sandbox
) -> None:
    process, ada = running
    body = {"canvas_url": sandbox.url, "api_token": sandbox.tokens[0]["token"]}
    key = {"Idempotency-Key": "set-up-1"}
    first = await ada("POST", SETUP, json=body, headers=key)
    again = await ada("POST", SETUP, json=body, headers=key)
    assert (first.status, again.status, again.headers["Idempotency-Replayed"]) == (201, 201, "true")
    assert again.body == first.body
    pool = process.pools.write_pool
    [(row,)] = execute(
        pool, "SELECT k::text FROM easeboard.idempotency_keys AS k WHERE person_id = %s", [ADA]
    )
    assert first.json["connection"]["token_fingerprint"] not in row
    execute(
        pool,
        "UPDATE easeboard.people_keys SET key_id = NULL, wrapped = NULL,"
        " destroyed_at = clock_timestamp() WHERE person_id = %s",
        [ADA],
    )
    async with asyncio.timeout(scaled(20)):
        while (await ada("POST", SETUP, json=body, headers=key)).status != 410:  # noqa: ASYNC110  # the cached key expires
            await asyncio.sleep(0.2)
    await process.idempotency_keys.delete_person(ADA)
    assert (await ada("POST", SETUP, json=body, headers=key)).status == 410
    assert execute(pool, ROWS_OF_PERSON, [ADA]) == [(0,)], "nothing of an erased person is kept"
