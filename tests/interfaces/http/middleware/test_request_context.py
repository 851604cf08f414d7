import asyncio
from collections.abc import AsyncIterator

import httpx2
import pytest
from fastapi import FastAPI
from structlog.testing import capture_logs

from infrastructure.settings import read_settings
from interfaces.http.app import create_app
from interfaces.http.auth.jwt_verifier import Tokens
from tests.dev_tokens import ADA, BOB, bearer
from tests.interfaces.http.fake_service import Told
from tests.interfaces.loopback_server import serving

COURSES = "/api/v1/canvas/courses"
ORIGIN = "https://app.school.edu"


async def test_a_valid_request_id_comes_back(ada: httpx2.AsyncClient, told: Told) -> None:
    answer = await ada.get(COURSES, headers={"X-Request-ID": "trace-1.a_B"})
    assert answer.headers["x-request-id"] == "trace-1.a_B"
    assert told.correlations == ["trace-1.a_B"]
    assert told.actors == [str(ADA)]


@pytest.mark.parametrize("sent", ["two words", "x" * 129, "", 'x";evil'])
async def test_any_other_request_id_is_replaced(ada: httpx2.AsyncClient, sent: str) -> None:
    first = await ada.get(COURSES, headers={"X-Request-ID": sent})
    second = await ada.get(COURSES, headers={"X-Request-ID": sent})
    ids = {first.headers["x-request-id"], second.headers["x-request-id"]}
    assert len(ids) == 2
    assert sent not in ids


@pytest.mark.parametrize("path", [COURSES, "/nowhere", "/health/live", "/docs"])
async def test_security_headers_are_everywhere(stranger: httpx2.AsyncClient, path: str) -> None:
    headers = (await stranger.get(path)).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["content-security-policy"].startswith("default-src 'none'; frame-ancestors 'no")
    assert ("script-src 'self'" in headers["content-security-policy"]) == (path == "/docs")
    assert "strict-transport-security" not in headers
    assert "server" not in headers


async def test_https_is_to_stay(app: FastAPI) -> None:
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="https://test") as client:
        headers = (await client.get("/health/live")).headers
    assert headers["strict-transport-security"] == "max-age=31536000"


async def test_only_the_named_origins_may(ada: httpx2.AsyncClient) -> None:
    good = await ada.get(COURSES, headers={"Origin": ORIGIN})
    assert good.headers["access-control-allow-origin"] == ORIGIN
    assert "Consistency-Token" in good.headers["access-control-expose-headers"]
    assert good.headers["vary"] == "Origin"
    bad = await ada.get(COURSES, headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in bad.headers


async def test_a_browser_may_ask_first(stranger: httpx2.AsyncClient) -> None:
    asked = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "authorization,prefer",
    }
    answer = await stranger.options(COURSES, headers=asked)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "x-request-id" in answer.headers


@pytest.mark.parametrize(
    "change",
    [
        {"Origin": "https://evil.example"},
        {"Access-Control-Request-Method": "PATCH"},
        {"Access-Control-Request-Headers": "x-else"},
    ],
)
async def test_a_browser_is_refused_with_a_problem(
    stranger: httpx2.AsyncClient, change: dict[str, str]
) -> None:
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "PUT", **change}
    answer = await stranger.options(COURSES, headers={**asked, "X-Request-ID": "me-1"})
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.json()["type"], answer.json()["request_id"], answer.json()["instance"]) == (
        "/problems/cross-origin-refused",
        "me-1",
        COURSES,
    )
    assert "Origin" in answer.headers["vary"]
    assert ("access-control-allow-origin" in answer.headers) == ("Origin" not in change)


async def test_one_line_in_the_log_without_a_secret(ada: httpx2.AsyncClient) -> None:
    with capture_logs() as logs:
        await ada.get(COURSES, params={"q": "private"})
    [line] = logs
    assert (line["method"], line["route"], line["status"]) == ("GET", COURSES, 200)
    assert line["user_id"] == str(ADA)
    assert "private" not in str(line)


async def test_metrics_leave_the_public_port_when_they_have_their_own(told: Told) -> None:
    nobody = Tokens(secret=None, keys=None, issuer=None)
    settings = read_settings(_env_file=None, metrics_port=9464)
    app = create_app(told.as_service(), settings, identity=nobody)
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        assert (await client.get("/metrics")).status_code == 404


@pytest.mark.parametrize("length", ["declared", "chunked"])
@pytest.mark.parametrize(("size", "status"), [(65536, 422), (65537, 413), (200_000, 413)])
async def test_bodies_have_a_limit(app: FastAPI, size: int, status: int, length: str) -> None:
    body = b'{"mode": "' + b"x" * (size - 12) + b'"}'
    content = body if length == "declared" else _chunks(body)
    async with serving(app) as base, httpx2.AsyncClient(base_url=base) as client:
        answer = await client.post(
            "/api/v1/canvas/setup",
            content=content,
            headers={"Content-Type": "application/json", **bearer()},
        )
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert "x-request-id" in answer.headers
        assert "server" not in answer.headers
        assert (await client.get("/health/live")).status_code == 200


async def _chunks(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), 10_000):
        yield body[start : start + 10_000]


async def test_requests_at_once_keep_their_own_actor(app: FastAPI, told: Told) -> None:
    people = [ADA, BOB] * 4
    async with serving(app) as base, httpx2.AsyncClient(base_url=base) as client:
        requests = (
            client.get(COURSES, headers={**bearer(person), "X-Request-ID": f"{person}-{n}"})
            for n, person in enumerate(people)
        )
        await asyncio.gather(*requests)
    expected = {(str(person), f"{person}-{n}") for n, person in enumerate(people)}
    assert set(zip(told.actors, told.correlations, strict=True)) == expected
