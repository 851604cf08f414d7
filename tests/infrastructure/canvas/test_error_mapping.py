import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web

from domain.errors import (
    CanvasFailure,
    CanvasForbidden,
    CanvasNotFound,
    CanvasResponseUnusable,
    CanvasThrottled,
    CanvasTimeout,
    CanvasTokenRejected,
    CanvasUnreachable,
)
from tests.infrastructure.canvas.direct_api import api_of, open_api, read_list
from tests.infrastructure.canvas.fake_servers import FAST_LIMITS, TOKEN, open_client, serve_handler

ERRORS = Path(__file__).parent / "bodies" / "errors"
RECORDED_ERRORS = {
    entry["file"]: entry for entry in orjson.loads((ERRORS / "index.json").read_bytes())
}
ONE_ATTEMPT, SLOW_ATTEMPTS, ERROR_ATTEMPTS, THROTTLED_ATTEMPTS = (
    1,
    FAST_LIMITS.max_slow_attempts,
    FAST_LIMITS.max_error_attempts,
    FAST_LIMITS.max_throttled_attempts,
)
EXPECTED: dict[str, tuple[type[CanvasFailure], int]] = {
    "401-invalid-access-token.json": (CanvasTokenRejected, ONE_ATTEMPT),
    "401-expired-access-token.json": (CanvasTokenRejected, ONE_ATTEMPT),
    "401-revoked-access-token.json": (CanvasTokenRejected, ONE_ATTEMPT),
    "401-unauthenticated-no-token.json": (CanvasTokenRejected, ONE_ATTEMPT),
    "401-insufficient-scopes.json": (CanvasForbidden, ONE_ATTEMPT),
    "401-not-authorized-legacy.json": (CanvasForbidden, ONE_ATTEMPT),
    "401-invalid-as-user-id.json": (CanvasForbidden, ONE_ATTEMPT),
    "401-cannot-change-masquerade.json": (CanvasForbidden, ONE_ATTEMPT),
    "403-not-authorized.json": (CanvasForbidden, ONE_ATTEMPT),
    "403-invalid-assignment-ids.json": (CanvasForbidden, ONE_ATTEMPT),
    "403-rate-limit-legacy.txt": (CanvasThrottled, THROTTLED_ATTEMPTS),
    "429-rate-limit.txt": (CanvasThrottled, THROTTLED_ATTEMPTS),
    "404-record-not-found.json": (CanvasNotFound, ONE_ATTEMPT),
    "404-page-disabled.json": (CanvasNotFound, ONE_ATTEMPT),
    "404-generic.json": (CanvasNotFound, ONE_ATTEMPT),
    "400-parameter-missing.json": (CanvasResponseUnusable, ONE_ATTEMPT),
    "400-graded-since-invalid.json": (CanvasResponseUnusable, ONE_ATTEMPT),
    "400-missing-context-codes.json": (CanvasResponseUnusable, ONE_ATTEMPT),
    "400-invalid-grading-period.json": (CanvasResponseUnusable, ONE_ATTEMPT),
    "500-internal-server-error.json": (CanvasUnreachable, ERROR_ATTEMPTS),
    "502-circuit-breaker.json": (CanvasUnreachable, ERROR_ATTEMPTS),
    "503-load-balancer-html.html": (CanvasUnreachable, ERROR_ATTEMPTS),
    "504-load-balancer-html.html": (CanvasTimeout, SLOW_ATTEMPTS),
    "200-graphql-error.json": (CanvasResponseUnusable, ONE_ATTEMPT),
}


def test_every_recorded_error_has_an_expectation() -> None:
    assert RECORDED_ERRORS.keys() == EXPECTED.keys()


@pytest.mark.parametrize("name", sorted(EXPECTED))
async def test_each_error_is_classified_and_retried_only_if_retryable(name: str) -> None:
    recorded, (failure_type, attempts) = RECORDED_ERRORS[name], EXPECTED[name]
    request_count = 0

    async def respond(_: web.Request) -> web.Response:
        nonlocal request_count
        request_count += 1
        body = (ERRORS / name).read_bytes()
        return web.Response(status=recorded["status"], headers=recorded["headers"], body=body)

    async with api_of(respond) as api:
        with pytest.raises(CanvasFailure) as raised:
            await read_list(api)
    assert type(raised.value) is failure_type
    assert request_count == attempts
    assert "127.0.0.1" in raised.value.detail or failure_type is CanvasResponseUnusable
    assert TOKEN not in str(raised.value)
    assert (ERRORS / name).read_text() not in str(raised.value)


@pytest.mark.parametrize(
    ("status", "headers", "failure_type"),
    [
        (401, {"WWW-Authenticate": 'Basic realm="proxy"'}, CanvasForbidden),
        (403, {"Content-Type": "text/html"}, CanvasUnreachable),
        (404, {"Content-Type": "text/html"}, CanvasResponseUnusable),
        (408, {}, CanvasTimeout),
        (301, {"Location": "https://elsewhere.example/"}, CanvasResponseUnusable),
        (304, {}, CanvasResponseUnusable),
        (204, {}, CanvasResponseUnusable),
        (418, {"Content-Type": "application/json"}, CanvasResponseUnusable),
    ],
)
async def test_a_response_not_from_canvas_is_not_a_rejected_token(
    status: int, headers: dict[str, str], failure_type: type[CanvasFailure]
) -> None:
    async def respond(_: web.Request) -> web.Response:
        return web.Response(status=status, headers=headers)

    async with api_of(respond) as api:
        with pytest.raises(failure_type) as raised:
            await read_list(api)
    assert type(raised.value) is failure_type


@pytest.mark.parametrize("name", ["403-rate-limit-legacy.txt", "503-load-balancer-html.html"])
async def test_a_temporary_error_is_retried_until_it_passes(name: str) -> None:
    recorded, request_count = RECORDED_ERRORS[name], 0

    async def respond(_: web.Request) -> web.Response:
        nonlocal request_count
        request_count += 1
        if request_count < ERROR_ATTEMPTS:
            return web.Response(status=recorded["status"], body=(ERRORS / name).read_bytes())
        return web.json_response([{"id": "1"}])

    async with api_of(respond) as api:
        assert await read_list(api) == [{"id": "1"}]
        assert api.requests == {
            "total": ERROR_ATTEMPTS,
            "not_modified": 0,
            "retried": ERROR_ATTEMPTS - 1,
        }


async def test_a_degraded_host_gets_one_attempt_until_it_responds() -> None:
    outcomes: list[bool] = []
    request_count = 0

    async def respond(_: web.Request) -> web.Response:
        nonlocal request_count
        request_count += 1
        return web.json_response([]) if outcomes and outcomes.pop(0) else web.Response(status=503)

    async with serve_handler(respond) as origin:
        async with open_api(origin, host_degraded=True) as api:
            with pytest.raises(CanvasUnreachable):
                await read_list(api)
            assert request_count == 1
            outcomes += [True, False, True]
            assert await read_list(api) == []
            assert await read_list(api) == []
        assert request_count == 4
        async with open_api(origin) as api:
            with pytest.raises(CanvasUnreachable):
                await read_list(api)
        assert request_count == 4 + ERROR_ATTEMPTS


@pytest.mark.parametrize(
    ("status", "failure_type"), [(503, CanvasUnreachable), (401, CanvasTokenRejected)]
)
async def test_a_degraded_host_gets_one_request_for_three_readers(
    status: int, failure_type: type[CanvasFailure]
) -> None:
    request_count, responds = 0, False

    async def respond(_: web.Request) -> web.Response:
        nonlocal request_count
        request_count += 1
        if responds:
            return web.json_response([])
        return web.Response(status=status, headers={"WWW-Authenticate": 'Bearer realm="canvas"'})

    async with serve_handler(respond) as origin, open_api(origin, host_degraded=True) as api:
        results = await asyncio.gather(*[read_list(api) for _ in range(3)], return_exceptions=True)
        assert [type(result) for result in results] == [failure_type] * 3
        assert request_count == api.requests["total"] == 1
        responds = True
        assert await asyncio.gather(*[read_list(api) for _ in range(3)]) == [[], [], []]
        assert request_count == 4


@pytest.mark.parametrize("token", ["", "  ", "two words", "line\nbreak", "naïve", "x" * 1001])
async def test_a_malformed_token_is_never_sent(token: str) -> None:
    async def respond(_: web.Request) -> web.Response:
        raise AssertionError

    async with serve_handler(respond) as origin, open_client(origin) as canvas:
        with pytest.raises(CanvasTokenRejected):
            await canvas.fetch_user(origin, token)


async def test_white_space_around_a_token_is_removed() -> None:
    sent: list[Any] = []

    async def respond(request: web.Request) -> web.Response:
        sent.append(request.headers["Authorization"])
        return web.json_response({"id": 42, "name": "Ada"})

    async with serve_handler(respond) as origin, open_client(origin) as canvas:
        assert await canvas.fetch_user(origin, f" {TOKEN}\n") == ("42", "Ada")
    assert sent == [f"Bearer {TOKEN}"]


async def test_a_host_that_is_down_is_no_wrong_address() -> None:
    async with serve_handler(lambda _: None) as origin:  # type: ignore[arg-type, return-value]  # never called
        pass
    async with open_api(origin) as api:
        with pytest.raises(CanvasUnreachable) as raised:
            await read_list(api)
    assert raised.value.detail == (
        "127.0.0.1 does not answer: no connection is possible; easeboard tries again by itself."
    )


async def test_an_error_does_not_contain_the_token() -> None:
    async def respond(request: web.Request) -> web.Response:
        assert request.transport
        request.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n")
        request.transport.close()
        return web.Response()

    async with serve_handler(respond) as origin, open_client(origin) as canvas:
        with pytest.raises(CanvasUnreachable) as raised:
            await canvas.fetch_user(origin, TOKEN)
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None
