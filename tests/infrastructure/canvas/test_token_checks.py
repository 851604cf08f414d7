"""Tests of the requests that check a token: how many, by person and host, and what is shown."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from application.event_metadata import with_event_metadata
from domain.circuit_breaker import FAILURE_THRESHOLD
from domain.errors import (
    CanvasFailure,
    CanvasTimeout,
    CanvasTokenRejected,
    CanvasUnreachable,
    TokenChecksOfHostLimited,
    TokenChecksOfPersonLimited,
)
from infrastructure.canvas import client, token_checks
from infrastructure.canvas.client import CanvasClient
from infrastructure.canvas.error_mapping import no_canvas
from tests.deadlines import scaled
from tests.fakes import FakeHostHealth
from tests.infrastructure.canvas.fake_servers import (
    FAST_LIMITS,
    TOKEN,
    FakeCanvasServer,
    Handler,
    open_client,
    serve_handler,
)
from tests.infrastructure.canvas.fixed_resolver import FixedResolver
from tests.infrastructure.canvas.test_tls import create_certificate

SOON = replace(FAST_LIMITS, whoami_seconds=1, connect_seconds=0.3)


@pytest.fixture(autouse=True)
def _answers_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "ANSWER_INTERVAL_SECONDS", 0.01)


class Counting:
    """A handler that counts requests, all and at a time, and responds when it may."""

    def __init__(self, handler: Handler, *, responds: bool = True) -> None:
        self.requests = self.in_flight = self.most = 0
        self.is_full = asyncio.Event()
        self.may_respond = asyncio.Event()
        if responds:
            self.may_respond.set()
        self._handler = handler

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        self.requests += 1
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)
        if self.in_flight == token_checks.CHECKS_PER_HOST:
            self.is_full.set()
        try:
            await self.may_respond.wait()
            return await self._handler(request)
        finally:
            self.in_flight -= 1


def responding(status: int = 200, body: str = "", **headers: str) -> Handler:
    async def respond(_: web.Request) -> web.Response:
        return web.Response(status=status, body=body.encode(), headers=headers)

    return respond


async def check(canvas: CanvasClient, origin: str, token: str = TOKEN, person: str = "ada") -> str:
    """Check a token as a person; return the name of the user, or of the failure."""
    with with_event_metadata(person):
        try:
            return (await canvas.fetch_user(origin, token)).name
        except (CanvasFailure, TokenChecksOfHostLimited, TokenChecksOfPersonLimited) as refusal:
            return type(refusal).__name__


JSON = {"Content-Type": "application/json"}
NO_CANVAS_RESPONSES = {
    "a page": responding(404, "<html>", **{"Content-Type": "text/html"}),
    "not found in JSON": responding(404, "{}", **JSON),
    "broken JSON": responding(200, "{", **JSON),
    "no user": responding(200, '{"id": null}', **JSON),
    "a list": responding(200, "[]", **JSON),
    "a redirect": responding(302, Location="https://elsewhere.example"),
    "an error": responding(500),
    "a firewall": responding(403, "<html>", **{"Content-Type": "text/html"}),
}


@pytest.mark.parametrize("name", NO_CANVAS_RESPONSES)
async def test_a_host_that_is_no_canvas_gets_one_request(name: str) -> None:
    server = Counting(NO_CANVAS_RESPONSES[name])
    async with serve_handler(server) as origin, open_client(origin) as canvas:
        with pytest.raises(CanvasFailure) as raised:
            await canvas.fetch_user(origin, TOKEN)
    assert (type(raised.value), raised.value.detail) == (CanvasUnreachable, no_canvas("127.0.0.1"))
    assert server.requests == 1


@asynccontextmanager
async def silent_listener() -> AsyncIterator[str]:
    """Accept connections at the yielded origin, and never send a byte: no TLS, no response."""

    async def keep(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.read(1024):
                pass
        finally:
            writer.close()

    server = await asyncio.start_server(keep, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


async def failure_of(canvas: CanvasClient, origin: str) -> CanvasFailure:
    with pytest.raises(CanvasFailure) as raised:
        await canvas.fetch_user(origin, TOKEN)
    return raised.value


async def test_no_difference_shows_which_names_and_services_exist(tmp_path: Path) -> None:
    shown = []
    for addresses in ([], ["10.0.0.7"], ["127.0.0.1"], ["169.254.169.254"]):
        resolver = FixedResolver(addresses)
        async with CanvasClient(["*"], limits=SOON, resolver=resolver) as canvas:
            shown.append(await failure_of(canvas, "https://school.example"))
    tls, _ = create_certificate(tmp_path, "localhost")
    async with serve_handler(responding(), ssl=tls) as origin:
        closed = origin.replace("http://127.0.0.1", "https://localhost")
        async with open_client(closed, limits=SOON) as canvas:
            shown.append(await failure_of(canvas, closed))
    async with open_client(closed, limits=SOON) as canvas:
        shown.append(await failure_of(canvas, closed))
    async with silent_listener() as place, open_client(f"https://{place}", limits=SOON) as canvas:
        shown.append(await failure_of(canvas, f"https://{place}"))
    texts = {
        (type(each), each.detail.replace("localhost", "H").replace("127.0.0.1", "H"))
        for each in shown
    }
    assert texts == {
        (CanvasUnreachable, no_canvas("H")),
        (CanvasUnreachable, no_canvas("school.example")),
    }


async def test_a_host_that_does_not_respond_is_a_timeout() -> None:
    async with silent_listener() as place, open_client(f"http://{place}", limits=SOON) as canvas:
        assert type(await failure_of(canvas, f"http://{place}")) is CanvasTimeout


async def test_a_failed_check_is_answered_at_a_fixed_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "ANSWER_INTERVAL_SECONDS", 0.2)
    loop = asyncio.get_running_loop()
    async with CanvasClient(["*"], limits=SOON, resolver=FixedResolver([])) as canvas:
        started = loop.time()
        await failure_of(canvas, "https://school.example")
        assert loop.time() - started >= 0.2


async def test_a_host_gets_few_checks_at_a_time_and_a_person_one() -> None:
    server = Counting(FakeCanvasServer(), responds=False)
    async with serve_handler(server) as origin, open_client(origin) as canvas:
        checks = [
            asyncio.ensure_future(check(canvas, origin, person=f"student {number % 20}"))
            for number in range(60)
        ]
        own = [asyncio.ensure_future(check(canvas, origin, person="eve")) for _ in range(40)]
        done, _ = await asyncio.wait(own, return_when=asyncio.FIRST_COMPLETED)
        assert {task.result() for task in done} == {"TokenChecksOfPersonLimited"}
        await asyncio.wait_for(server.is_full.wait(), scaled(5))
        server.may_respond.set()
        assert set(await asyncio.gather(*checks)) == {"Ada"}
        refused = [await task for task in own].count("TokenChecksOfPersonLimited")
    assert server.most == token_checks.CHECKS_PER_HOST
    assert refused == 40 - token_checks.CHECKS_PER_PERSON - token_checks.MAX_WAITING_PER_PERSON


async def test_a_school_that_starts_its_semester_gets_through() -> None:
    server = Counting(FakeCanvasServer())
    async with serve_handler(server) as origin, open_client(origin) as canvas:
        tokens = [
            TOKEN if number % 4 else f"wrong {number}".replace(" ", "-") for number in range(300)
        ]
        outcomes = []
        for start in range(0, 300, 100):
            outcomes += await asyncio.gather(
                *(
                    check(canvas, origin, token, f"student {start + number}")
                    for number, token in enumerate(tokens[start : start + 100])
                )
            )
    assert outcomes.count("Ada") == 225
    assert outcomes.count("CanvasTokenRejected") == 75
    assert server.requests == 300


@pytest.mark.parametrize("token_status", [404, 401])
async def test_an_unknown_host_gets_few_checks_that_fail(
    monkeypatch: pytest.MonkeyPatch, token_status: int
) -> None:
    monkeypatch.setattr("infrastructure.canvas.host_policy.HostPolicy.is_named", lambda *_: False)
    headers = {"WWW-Authenticate": "Bearer"} if token_status == 401 else {}
    server = Counting(responding(token_status, **headers))
    async with serve_handler(server) as origin, open_client(origin) as canvas:
        outcomes = [await check(canvas, origin, person=f"p{number}") for number in range(40)]
        assert outcomes.count("TokenChecksOfHostLimited") == 20
        assert server.requests == token_checks.FAILURES_PER_UNKNOWN_HOST
        monkeypatch.setattr(token_checks, "WINDOW_SECONDS", 0.0)
        assert await check(canvas, origin) != "TokenChecksOfHostLimited"


async def test_a_person_cannot_use_up_the_failed_checks_of_a_host() -> None:
    async with serve_handler(FakeCanvasServer()) as origin, open_client(origin) as canvas:
        own = [await check(canvas, origin, "1~wrong", "eve") for _ in range(30)]
        assert own.count(CanvasTokenRejected.__name__) == token_checks.FAILURES_PER_PERSON
        assert own[-1] == TokenChecksOfPersonLimited.__name__
        assert await check(canvas, origin, TOKEN, "ada") == "Ada"


async def test_the_limits_say_when_to_try_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_checks, "FAILURES_PER_PERSON", 1)
    async with serve_handler(FakeCanvasServer()) as origin, open_client(origin) as canvas:
        await check(canvas, origin, "1~wrong", "eve")
        with with_event_metadata("eve"), pytest.raises(TokenChecksOfPersonLimited) as raised:
            await canvas.fetch_user(origin, TOKEN)
    assert 50 < raised.value.retry_after_seconds <= 60


async def test_a_host_that_never_responds_opens_a_circuit_for_checks() -> None:
    server = Counting(responding(), responds=False)
    limits = replace(FAST_LIMITS, whoami_seconds=0.5)
    async with serve_handler(server) as origin, open_client(origin, limits=limits) as canvas:
        outcomes = [await check(canvas, origin, person=f"p{number}") for number in range(10)]
        server.may_respond.set()
    assert outcomes == ["CanvasTimeout"] * FAILURE_THRESHOLD + ["CanvasUnreachable"] * 5
    assert server.requests == FAILURE_THRESHOLD


async def test_server_errors_that_a_token_causes_block_nobody_else() -> None:
    async def respond(request: web.Request) -> web.StreamResponse:
        if "evil" in request.headers["Authorization"]:
            return web.Response(status=500)
        return await FakeCanvasServer()(request)

    async with serve_handler(respond) as origin, open_client(origin) as canvas:
        for number in range(15):
            await check(canvas, origin, "1~evil", f"eve {number}")
        assert await check(canvas, origin) == "Ada"


async def test_the_circuit_of_runs_counts_for_checks() -> None:
    async with serve_handler(server := Counting(FakeCanvasServer())) as origin:
        health = FakeHostHealth(degraded={origin}, busy={origin})
        async with open_client(origin, host_health=health) as canvas:
            assert await check(canvas, origin) == "CanvasUnreachable"
            assert (server.requests, health.reports) == (0, [])
            health.busy.clear()
            assert await check(canvas, origin) == "Ada"
    assert health.reports == [(origin, True)]
