import asyncio
import gzip
import tracemalloc
from dataclasses import replace

import pytest
from aiohttp import web

from domain.errors import (
    CanvasFailure,
    CanvasForbidden,
    CanvasResponseUnusable,
    CanvasTimeout,
    CanvasUnreachable,
)
from infrastructure.canvas.limits import MIB, Limits
from infrastructure.canvas.response_body import NotJson, ResponseTooLarge
from tests.deadlines import scaled
from tests.infrastructure.canvas.direct_api import open_api, read_list
from tests.infrastructure.canvas.fake_servers import (
    FAST_LIMITS,
    TOKEN,
    Handler,
    json_response,
    open_client,
    open_forbidden_server,
    serve_bytes,
    serve_handler,
)

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
TWO_ATTEMPTS = replace(FAST_LIMITS, max_error_attempts=2, whoami_seconds=2)
SHORT_TIMEOUTS = replace(
    TWO_ATTEMPTS,
    connect_seconds=0.2,
    pool_seconds=0.2,
    first_byte_seconds=0.2,
    read_seconds=0.2,
    body_seconds=0.4,
)


async def failure_at(
    origin: str, *other_origins: str, limits: Limits = FAST_LIMITS
) -> CanvasFailure:
    async with open_api(origin, limits, *other_origins) as api:
        with pytest.raises(CanvasFailure) as raised:
            await read_list(api, limits=limits)
    return raised.value


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_never_followed(status: int) -> None:
    async with open_forbidden_server() as forbidden:

        async def respond(_: web.Request) -> web.Response:
            location = f"http://127.0.0.1:{forbidden.port}/latest/meta-data/"
            return web.Response(status=status, headers={"Location": location})

        async with serve_handler(respond) as origin:
            failure = await failure_at(origin, f"http://127.0.0.1:{forbidden.port}")
    assert type(failure) is CanvasResponseUnusable
    assert forbidden.connections == 0


async def test_reading_a_gzip_bomb_stops_at_the_limit() -> None:
    bomb = gzip.compress(bytes(200 * MIB), compresslevel=9)

    async def respond(_: web.Request) -> web.Response:
        headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
        return web.Response(body=bomb, headers=headers)

    async with serve_handler(respond) as origin:
        tracemalloc.start()
        failure = await failure_at(origin)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert type(failure) is ResponseTooLarge
    assert peak < 4 * FAST_LIMITS.response_bytes


async def test_a_gzip_bomb_in_an_error_body_is_not_decompressed() -> None:
    bomb = gzip.compress(bytes(200 * MIB), compresslevel=9)

    async def respond(_: web.Request) -> web.Response:
        return web.Response(status=400, body=bomb, headers={"Content-Encoding": "gzip"})

    async with serve_handler(respond) as origin:
        tracemalloc.start()
        failure = await failure_at(origin)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert type(failure) is CanvasResponseUnusable
    assert peak < FAST_LIMITS.response_bytes


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (b"200 OK", ResponseTooLarge),
        (b"403 Forbidden", CanvasForbidden),
        (b"500 Oh", CanvasUnreachable),
    ],
)
async def test_an_endless_body_is_aborted(status: bytes, expected: type[CanvasFailure]) -> None:
    async def write(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Type: application/json\r\n")
        writer.write(b"Transfer-Encoding: chunked\r\n\r\n")
        chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
        while True:
            writer.write(chunk)
            await writer.drain()

    async with serve_bytes(write) as origin:
        limits = replace(FAST_LIMITS, response_bytes=MIB)
        failure = await failure_at(origin, limits=limits)
    assert type(failure) is expected


async def test_a_run_reads_no_more_than_its_byte_budget() -> None:
    async def respond(request: web.Request) -> web.Response:
        page = int(request.query.get("page", "1"))
        location = request.url.update_query(page=page + 1)
        rows = [{"id": str(page), "name": "x" * 1000}]
        return json_response(rows, headers={"Link": f'<{location}>; rel="next"'})

    async with serve_handler(respond) as origin:
        failure = await failure_at(origin, limits=replace(FAST_LIMITS, run_bytes=20_000))
    assert "more data" in failure.detail


async def test_a_slowly_sent_body_times_out() -> None:
    async def write(writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + b"Content-Length: 100000\r\n\r\n[")
        for _ in range(100_000):
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with serve_bytes(write) as origin:
        started = asyncio.get_running_loop().time()
        failure = await failure_at(origin, limits=SHORT_TIMEOUTS)
        elapsed = asyncio.get_running_loop().time() - started
    assert type(failure) is CanvasTimeout
    assert elapsed < scaled(SHORT_TIMEOUTS.max_slow_attempts * SHORT_TIMEOUTS.body_seconds + 1)


async def test_a_server_that_never_responds_times_out() -> None:
    async def write(_: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with serve_bytes(write) as origin:
        failure = await failure_at(origin, limits=SHORT_TIMEOUTS)
    assert type(failure) is CanvasTimeout


async def test_a_run_has_its_own_deadline() -> None:
    async def respond(_: web.Request) -> web.Response:
        return web.Response(status=503)

    async with serve_handler(respond) as origin:
        limits = replace(
            FAST_LIMITS, run_seconds=0.3, max_error_attempts=10**6, first_backoff_seconds=0.05
        )
        started = asyncio.get_running_loop().time()
        failure = await failure_at(origin, limits=limits)
        assert asyncio.get_running_loop().time() - started < scaled(1)
    assert type(failure) in {CanvasUnreachable, CanvasTimeout}


async def test_a_response_with_too_many_headers_is_unusable() -> None:
    async def write(writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + b"".join(b"X-%d: y\r\n" % n for n in range(100_000)))
        writer.write(b"Content-Length: 2\r\n\r\n[]")
        await writer.drain()

    async with serve_bytes(write) as origin:
        assert type(await failure_at(origin)) is CanvasResponseUnusable


@pytest.mark.parametrize(
    "response",
    [
        HEAD + b"X-Long: " + b"y" * 100_000 + b"\r\nContent-Length: 2\r\n\r\n[]",
        b"\x00\xff\xfe garbage \r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        b"HTTP/1.1 999999 What\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n[]",
        HEAD + b"Content-Encoding: gzip\r\nContent-Length: 8\r\n\r\nnot gzip",
        HEAD + b"Content-Encoding: br\r\nContent-Length: 8\r\n\r\n\x1b\x07\x00\xf8\xa5[][",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n[]\r\n0\r\n\r\n",
        HEAD + b"Content-Length: 3\r\n\r\n[1,",
        HEAD + b"Content-Length: 4\r\n\r\n\xff\xfe[]",
        HEAD + b'Content-Length: 8\r\n\r\n"\\ud800"',
        HEAD + b"Content-Length: 0\r\n\r\n",
        HEAD + b"Content-Length: 4\r\n\r\nnull",
        HEAD + b"Content-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\n[]",
        b"HTTP/1.1 200 OK\r\nContent-Type: ;;;\r\nContent-Length: 2\r\n\r\n[]",
    ],
)
async def test_a_malformed_response_is_unusable(response: bytes) -> None:
    requests = 0

    async def write(writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        requests += 1
        writer.write(response)
        await writer.drain()

    async with serve_bytes(write) as origin:
        failure = await failure_at(origin)
    assert type(failure) in {CanvasResponseUnusable, NotJson}
    assert requests <= FAST_LIMITS.max_error_attempts


@pytest.mark.parametrize(
    "response",
    [b"", b"HTTP/1.1 200", HEAD + b"Content-Length: 100\r\n\r\n[1,2"],
)
async def test_a_broken_connection_is_retried(response: bytes) -> None:
    requests = 0

    async def write(writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        requests += 1
        writer.write(
            response
            if requests < FAST_LIMITS.max_error_attempts
            else HEAD + b"Content-Length: 2\r\n\r\n[]"
        )
        await writer.drain()

    async with serve_bytes(write) as origin, open_api(origin) as api:
        assert await read_list(api) == []
    assert requests == FAST_LIMITS.max_error_attempts


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 2_000 + b"]" * 2_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000,
        b"[" + b"{}," * 600_000 + b"{}]",
        b"[" + b"NaN," * 2_000 + b"1]",
    ],
)
async def test_json_too_deep_or_too_wide_is_unusable(body: bytes) -> None:
    async def respond(_: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    async with serve_handler(respond) as origin:
        assert isinstance(await failure_at(origin), CanvasResponseUnusable)


async def test_a_closed_port_is_unreachable() -> None:
    async with serve_handler(empty_response_handler()) as origin:
        closed_origin = origin
    assert isinstance(await failure_at(closed_origin), CanvasUnreachable)


def empty_response_handler() -> Handler:
    async def respond(_: web.Request) -> web.Response:
        return web.Response()

    return respond


async def test_an_origin_no_longer_allowed_gets_no_request() -> None:
    async with open_forbidden_server() as forbidden, open_client("http://localhost:1") as canvas:
        origin = f"http://127.0.0.1:{forbidden.port}"
        async with canvas.open_account(origin, TOKEN) as account:
            with pytest.raises(CanvasUnreachable, match="CANVAS_ALLOW_PRIVATE"):
                await account.list_courses()
        assert account.requests["total"] == 0
    assert forbidden.connections == 0


async def test_no_cookie_and_no_proxy_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str | None] = []

    async def respond(request: web.Request) -> web.Response:
        sent.append(request.headers.get("Cookie"))
        return json_response({"id": "42"}, headers={"Set-Cookie": "canvas_session=1; Path=/"})

    async with open_forbidden_server() as forbidden, serve_handler(respond) as origin:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{forbidden.port}")
        origin_by_name = origin.replace("127.0.0.1", "localhost")
        async with open_client(origin_by_name) as canvas:
            await canvas.fetch_user(origin_by_name, TOKEN)
            await canvas.fetch_user(origin_by_name, TOKEN)
    assert sent == [None, None]
    assert forbidden.connections == 0
