import asyncio
import gzip
import tracemalloc
from dataclasses import replace

import pytest
from aiohttp import web

from domain.errors import (
    CanvasAnswerUnusable,
    CanvasFailure,
    CanvasForbidden,
    CanvasTimeout,
    CanvasUnreachable,
)
from infrastructure.canvas.limits import MIB
from tests.infrastructure.canvas.fake_servers import (
    QUICK,
    TOKEN,
    Handler,
    client_of,
    json_answer,
    sending,
    serving,
    trap,
)
from tests.infrastructure.canvas.rows import course_row

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
HASTY = replace(QUICK, request=0.4, read=0.2, connect=0.2, whoami=2, fault_attempts=2)


async def failure_at(origin: str, *others: str, **how: object) -> CanvasFailure:
    async with client_of(origin, *others, **how) as canvas:  # type: ignore[arg-type]  # as client_of takes it
        with pytest.raises(CanvasFailure) as caught:
            async with canvas.account(origin, TOKEN) as account:
                await account.courses()
    return caught.value


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_never_followed(status: int) -> None:
    async with trap() as sprung:

        async def answer(_: web.Request) -> web.Response:
            there = f"http://127.0.0.1:{sprung.port}/latest/meta-data/"
            return web.Response(status=status, headers={"Location": there})

        async with serving(answer) as origin:
            failure = await failure_at(origin, f"http://127.0.0.1:{sprung.port}")
    assert type(failure) is CanvasAnswerUnusable
    assert sprung.visits == 0


async def test_the_next_page_on_another_server_is_never_asked() -> None:
    async with trap() as sprung:

        async def answer(_: web.Request) -> web.Response:
            there = f"http://127.0.0.1:{sprung.port}/api/v1/courses?page=2"
            return json_answer([course_row()], headers={"Link": f'<{there}>; rel="next"'})

        async with serving(answer) as origin:
            failure = await failure_at(origin, f"http://127.0.0.1:{sprung.port}")
    assert type(failure) is CanvasAnswerUnusable
    assert sprung.visits == 0


async def test_a_gzip_bomb_stops_at_the_cap() -> None:
    bomb = gzip.compress(bytes(200 * MIB), compresslevel=9)

    async def answer(_: web.Request) -> web.Response:
        headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
        return web.Response(body=bomb, headers=headers)

    async with serving(answer) as origin:
        tracemalloc.start()
        failure = await failure_at(origin)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert type(failure) is CanvasAnswerUnusable
    assert peak < 4 * QUICK.answer_bytes


async def test_an_error_body_that_is_a_gzip_bomb_is_not_unpacked() -> None:
    bomb = gzip.compress(bytes(200 * MIB), compresslevel=9)

    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=403, body=bomb, headers={"Content-Encoding": "gzip"})

    async with serving(answer) as origin:
        tracemalloc.start()
        failure = await failure_at(origin)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert type(failure) is CanvasAnswerUnusable
    assert peak < QUICK.answer_bytes


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (b"200 OK", CanvasAnswerUnusable),
        (b"403 Forbidden", CanvasForbidden),
        (b"500 Oh", CanvasUnreachable),
    ],
)
async def test_an_endless_body_is_cut_off(status: bytes, kind: type[CanvasFailure]) -> None:
    async def say(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Type: application/json\r\n")
        writer.write(b"Transfer-Encoding: chunked\r\n\r\n")
        chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
        while True:
            writer.write(chunk)
            await writer.drain()

    async with sending(say) as origin:
        limits = replace(QUICK, answer_bytes=MIB)
        failure = await failure_at(origin, limits=limits)
    assert type(failure) is kind


async def test_a_run_reads_no_more_than_its_allowance() -> None:
    async def answer(request: web.Request) -> web.Response:
        page = int(request.query.get("page", "1"))
        there = request.url.update_query(page=page + 1)
        rows = [course_row(str(page), name="x" * 1000)]
        return json_answer(rows, headers={"Link": f'<{there}>; rel="next"'})

    async with serving(answer) as origin:
        failure = await failure_at(origin, limits=replace(QUICK, run_bytes=20_000))
    assert "more data" in failure.detail


async def test_a_slow_drip_ends_in_time() -> None:
    async def say(writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + b"Content-Length: 100000\r\n\r\n[")
        for _ in range(100_000):
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with sending(say) as origin:
        began = asyncio.get_running_loop().time()
        failure = await failure_at(origin, limits=HASTY)
        took = asyncio.get_running_loop().time() - began
    assert type(failure) is CanvasTimeout
    assert took < HASTY.fault_attempts * HASTY.request + 1


async def test_silence_ends_in_time() -> None:
    async def say(_: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with sending(say) as origin:
        failure = await failure_at(origin, limits=HASTY)
    assert type(failure) is CanvasTimeout


async def test_a_run_has_a_deadline_of_its_own() -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=503)

    async with serving(answer) as origin:
        limits = replace(QUICK, run=0.3, fault_attempts=10**6, first_pause=0.05)
        began = asyncio.get_running_loop().time()
        failure = await failure_at(origin, limits=limits)
        assert asyncio.get_running_loop().time() - began < 2
    assert type(failure) in {CanvasUnreachable, CanvasTimeout}


async def test_a_hundred_thousand_headers_are_too_many() -> None:
    async def say(writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + b"".join(b"X-%d: y\r\n" % n for n in range(100_000)))
        writer.write(b"Content-Length: 2\r\n\r\n[]")
        await writer.drain()

    async with sending(say) as origin:
        assert type(await failure_at(origin)) is CanvasAnswerUnusable


@pytest.mark.parametrize(
    "answer",
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
async def test_an_answer_no_canvas_gives_is_unusable(answer: bytes) -> None:
    asked = 0

    async def say(writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        writer.write(answer)
        await writer.drain()

    async with sending(say) as origin:
        failure = await failure_at(origin)
    assert type(failure) is CanvasAnswerUnusable
    assert asked <= QUICK.fault_attempts


@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.1 200", HEAD + b"Content-Length: 100\r\n\r\n[1,2"],
)
async def test_a_broken_connection_is_tried_again(answer: bytes) -> None:
    asked = 0

    async def say(writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        writer.write(
            answer if asked < QUICK.fault_attempts else HEAD + b"Content-Length: 2\r\n\r\n[]"
        )
        await writer.drain()

    async with (
        sending(say) as origin,
        client_of(origin) as canvas,
        canvas.account(origin, TOKEN) as account,
    ):
        assert await account.courses() == []
    assert asked == QUICK.fault_attempts


@pytest.mark.parametrize(
    "body",
    [b"[" * 100_000 + b"]" * 100_000, b'{"a":' * 100_000, b"[" + b"{}," * 600_000 + b"{}]"],
)
async def test_json_too_deep_or_too_wide_is_unusable(body: bytes) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    async with serving(answer) as origin:
        assert type(await failure_at(origin)) is CanvasAnswerUnusable


async def test_nobody_there_is_unreachable() -> None:
    async with serving(answers_nothing()) as origin:
        gone = origin
    assert type(await failure_at(gone)) is CanvasUnreachable


def answers_nothing() -> Handler:
    async def answer(_: web.Request) -> web.Response:
        return web.Response()

    return answer


async def test_an_origin_no_longer_allowed_is_not_asked() -> None:
    async with trap() as sprung, client_of("http://localhost:1") as canvas:
        async with canvas.account(f"http://127.0.0.1:{sprung.port}", TOKEN) as account:
            with pytest.raises(CanvasUnreachable, match="CANVAS_ALLOW_PRIVATE"):
                await account.courses()
        assert account.requests["total"] == 0
    assert sprung.visits == 0


async def test_no_cookie_and_no_proxy_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str | None] = []

    async def answer(request: web.Request) -> web.Response:
        sent.append(request.headers.get("Cookie"))
        return json_answer({"id": "42"}, headers={"Set-Cookie": "canvas_session=1; Path=/"})

    async with trap() as sprung, serving(answer) as origin:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{sprung.port}")
        named = origin.replace("127.0.0.1", "localhost")
        async with client_of(named) as canvas:
            await canvas.whoami(named, TOKEN)
            await canvas.whoami(named, TOKEN)
    assert sent == [None, None]
    assert sprung.visits == 0
