from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web

from domain.errors import (
    CanvasAnswerUnusable,
    CanvasFailure,
    CanvasForbidden,
    CanvasThrottled,
    CanvasTimeout,
    CanvasTokenRejected,
    CanvasUnreachable,
)
from tests.infrastructure.canvas.fake_servers import QUICK, TOKEN, client_of, serving

ERRORS = Path(__file__).parent / "bodies" / "errors"
KNOWN = {entry["file"]: entry for entry in orjson.loads((ERRORS / "index.json").read_bytes())}
ONCE, FAULT, REFUSAL = 1, QUICK.fault_attempts, QUICK.refusal_attempts
EXPECTED: dict[str, tuple[type[CanvasFailure], int]] = {
    "401-invalid-access-token.json": (CanvasTokenRejected, ONCE),
    "401-expired-access-token.json": (CanvasTokenRejected, ONCE),
    "401-revoked-access-token.json": (CanvasTokenRejected, ONCE),
    "401-unauthenticated-no-token.json": (CanvasTokenRejected, ONCE),
    "401-insufficient-scopes.json": (CanvasForbidden, ONCE),
    "401-not-authorized-legacy.json": (CanvasForbidden, ONCE),
    "401-invalid-as-user-id.json": (CanvasForbidden, ONCE),
    "401-cannot-change-masquerade.json": (CanvasForbidden, ONCE),
    "403-not-authorized.json": (CanvasForbidden, ONCE),
    "403-invalid-assignment-ids.json": (CanvasForbidden, ONCE),
    "403-rate-limit-legacy.txt": (CanvasThrottled, REFUSAL),
    "429-rate-limit.txt": (CanvasThrottled, REFUSAL),
    "404-record-not-found.json": (CanvasAnswerUnusable, ONCE),
    "404-page-disabled.json": (CanvasAnswerUnusable, ONCE),
    "404-generic.json": (CanvasAnswerUnusable, ONCE),
    "400-parameter-missing.json": (CanvasAnswerUnusable, ONCE),
    "400-graded-since-invalid.json": (CanvasAnswerUnusable, ONCE),
    "400-missing-context-codes.json": (CanvasAnswerUnusable, ONCE),
    "400-invalid-grading-period.json": (CanvasAnswerUnusable, ONCE),
    "500-internal-server-error.json": (CanvasUnreachable, FAULT),
    "502-circuit-breaker.json": (CanvasUnreachable, FAULT),
    "503-load-balancer-html.html": (CanvasUnreachable, FAULT),
    "504-load-balancer-html.html": (CanvasTimeout, FAULT),
    "200-graphql-error.json": (CanvasAnswerUnusable, ONCE),
}


def test_every_known_error_has_an_expectation() -> None:
    assert KNOWN.keys() == EXPECTED.keys()


@pytest.mark.parametrize("name", sorted(EXPECTED))
async def test_each_error_is_told_apart_and_retried_only_where_that_helps(name: str) -> None:
    known, (kind, attempts) = KNOWN[name], EXPECTED[name]
    asked = 0

    async def answer(_: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        body = (ERRORS / name).read_bytes()
        return web.Response(status=known["status"], headers=known["headers"], body=body)

    async with serving(answer) as origin, client_of(origin) as canvas:
        with pytest.raises(CanvasFailure) as caught:
            await canvas.whoami(origin, TOKEN)
    assert type(caught.value) is kind
    assert asked == attempts
    assert "127.0.0.1" in caught.value.detail or kind is CanvasAnswerUnusable
    assert TOKEN not in str(caught.value)
    assert (ERRORS / name).read_text() not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "headers", "kind"),
    [
        (401, {"WWW-Authenticate": 'Basic realm="proxy"'}, CanvasForbidden),
        (403, {"Content-Type": "text/html"}, CanvasAnswerUnusable),
        (301, {"Location": "https://elsewhere.example/"}, CanvasAnswerUnusable),
        (304, {}, CanvasAnswerUnusable),
        (204, {}, CanvasAnswerUnusable),
        (418, {"Content-Type": "application/json"}, CanvasAnswerUnusable),
    ],
)
async def test_what_no_canvas_answers_is_not_taken_for_a_dead_token(
    status: int, headers: dict[str, str], kind: type[CanvasFailure]
) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, headers=headers)

    async with serving(answer) as origin, client_of(origin) as canvas:
        with pytest.raises(kind) as caught:
            await canvas.whoami(origin, TOKEN)
    assert type(caught.value) is kind


@pytest.mark.parametrize("name", ["403-rate-limit-legacy.txt", "503-load-balancer-html.html"])
async def test_a_fault_that_passes_is_not_noticed(name: str) -> None:
    known, asked = KNOWN[name], 0

    async def answer(_: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        if asked < FAULT:
            return web.Response(status=known["status"], body=(ERRORS / name).read_bytes())
        return web.json_response([{"id": "1"}])

    async with (
        serving(answer) as origin,
        client_of(origin) as canvas,
        canvas.account(origin, TOKEN) as account,
    ):
        assert [course["canvas_id"] for course in await account.courses()] == ["1"]
        assert account.requests == {"total": FAULT, "not_modified": 0, "retried": FAULT - 1}


async def test_a_host_in_doubt_is_tried_once_until_it_answers() -> None:
    answers: list[bool] = []
    asked = 0

    async def answer(_: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        return web.json_response([]) if answers and answers.pop(0) else web.Response(status=503)

    async with serving(answer) as origin, client_of(origin) as canvas:
        async with canvas.account(origin, TOKEN, in_doubt=True) as account:
            with pytest.raises(CanvasUnreachable):
                await account.courses()
            assert asked == 1
            answers += [True, False, True]
            assert await account.courses() == []
            assert await account.courses() == []
        assert asked == 4
        async with canvas.account(origin, TOKEN) as account:
            with pytest.raises(CanvasUnreachable):
                await account.courses()
        assert asked == 4 + FAULT


@pytest.mark.parametrize("token", ["", "  ", "two words", "line\nbreak", "naïve", "x" * 1001])
async def test_what_is_no_token_is_never_sent(token: str) -> None:
    async def answer(_: web.Request) -> web.Response:
        raise AssertionError

    async with serving(answer) as origin, client_of(origin) as canvas:
        with pytest.raises(CanvasTokenRejected):
            await canvas.whoami(origin, token)


async def test_a_token_pasted_with_white_space_is_sent_without() -> None:
    sent: list[Any] = []

    async def answer(request: web.Request) -> web.Response:
        sent.append(request.headers["Authorization"])
        return web.json_response({"id": 42, "name": "Ada"})

    async with serving(answer) as origin, client_of(origin) as canvas:
        assert await canvas.whoami(origin, f" {TOKEN}\n") == ("42", "Ada")
    assert sent == [f"Bearer {TOKEN}"]


async def test_an_error_keeps_no_trace_of_the_token() -> None:
    async def answer(request: web.Request) -> web.Response:
        assert request.transport
        request.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n")
        request.transport.close()
        return web.Response()

    async with serving(answer) as origin, client_of(origin) as canvas:
        with pytest.raises(CanvasAnswerUnusable) as caught:
            await canvas.whoami(origin, TOKEN)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
