import asyncio
from collections.abc import AsyncIterator

import httpx2
import pytest
from fastapi import FastAPI
from structlog.testing import capture_logs

from infrastructure.settings.settings import read_settings
from interfaces.http.app import create_app
from interfaces.http.auth.jwt_verifier import JwtVerifier
from tests.dev_tokens import ADA, BOB, bearer_headers
from tests.interfaces.http.fake_service import FakeService
from tests.interfaces.loopback_server import serve_on_loopback

COURSES = "/api/v1/canvas/courses"
ORIGIN = "https://app.school.edu"


async def test_a_valid_request_id_is_returned(
    ada: httpx2.AsyncClient, service: FakeService
) -> None:
    response = await ada.get(COURSES, headers={"X-Request-ID": "trace-1.a_B"})
    assert response.headers["x-request-id"] == "trace-1.a_B"
    assert service.correlation_ids == ["trace-1.a_B"]
    assert service.actors == [str(ADA)]


@pytest.mark.parametrize("sent", ["two words", "x" * 129, "", 'x";evil'])
async def test_an_invalid_request_id_is_replaced(ada: httpx2.AsyncClient, sent: str) -> None:
    first = await ada.get(COURSES, headers={"X-Request-ID": sent})
    second = await ada.get(COURSES, headers={"X-Request-ID": sent})
    ids = {first.headers["x-request-id"], second.headers["x-request-id"]}
    assert len(ids) == 2
    assert sent not in ids


@pytest.mark.parametrize("path", [COURSES, "/nowhere", "/health/live", "/docs"])
async def test_every_response_has_security_headers(
    anonymous: httpx2.AsyncClient, path: str
) -> None:
    headers = (await anonymous.get(path)).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["content-security-policy"].startswith("default-src 'none'; frame-ancestors 'no")
    assert ("script-src 'self'" in headers["content-security-policy"]) == (path == "/docs")
    assert "strict-transport-security" not in headers
    assert "server" not in headers


async def test_responses_over_https_have_hsts(app: FastAPI) -> None:
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="https://test") as client:
        headers = (await client.get("/health/live")).headers
    assert headers["strict-transport-security"] == "max-age=31536000"


async def test_only_configured_origins_are_allowed(ada: httpx2.AsyncClient) -> None:
    good = await ada.get(COURSES, headers={"Origin": ORIGIN})
    assert good.headers["access-control-allow-origin"] == ORIGIN
    assert "Consistency-Token" in good.headers["access-control-expose-headers"]
    assert good.headers["vary"] == "Origin"
    bad = await ada.get(COURSES, headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in bad.headers


async def test_a_preflight_request_is_answered(anonymous: httpx2.AsyncClient) -> None:
    headers = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "authorization,prefer",
    }
    response = await anonymous.options(COURSES, headers=headers)
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == ORIGIN
    assert "x-request-id" in response.headers


@pytest.mark.parametrize(
    "change",
    [
        {"Origin": "https://evil.example"},
        {"Access-Control-Request-Method": "PATCH"},
        {"Access-Control-Request-Headers": "x-else"},
    ],
)
async def test_a_refused_preflight_is_a_problem(
    anonymous: httpx2.AsyncClient, change: dict[str, str]
) -> None:
    headers = {"Origin": ORIGIN, "Access-Control-Request-Method": "PUT", **change}
    response = await anonymous.options(COURSES, headers={**headers, "X-Request-ID": "me-1"})
    assert response.status_code == 400
    assert response.headers["content-type"] == "application/problem+json"
    assert (
        response.json()["type"],
        response.json()["request_id"],
        response.json()["instance"],
    ) == (
        "/problems/cross-origin-refused",
        "me-1",
        COURSES,
    )
    assert "Origin" in response.headers["vary"]
    assert ("access-control-allow-origin" in response.headers) == ("Origin" not in change)


async def test_a_request_is_logged_once_without_its_query(ada: httpx2.AsyncClient) -> None:
    with capture_logs() as logs:
        await ada.get(COURSES, params={"q": "private"})
    [entry] = logs
    assert (entry["method"], entry["route"], entry["status"]) == ("GET", COURSES, 200)
    assert entry["user_id"] == str(ADA)
    assert "private" not in str(entry)


async def test_metrics_are_not_on_the_public_port_when_they_have_their_own(
    service: FakeService,
) -> None:
    verifier = JwtVerifier(secret=None, keys=None, issuer=None)
    settings = read_settings(_env_file=None, metrics_port=9464)
    app = create_app(service.as_service(), settings, authenticator=verifier)
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        assert (await client.get("/metrics")).status_code == 404


@pytest.mark.parametrize("length", ["declared", "chunked"])
@pytest.mark.parametrize(("size", "status"), [(65536, 422), (65537, 413), (200_000, 413)])
async def test_a_body_over_the_limit_is_refused(
    app: FastAPI, size: int, status: int, length: str
) -> None:
    body = b'{"mode": "' + b"x" * (size - 12) + b'"}'
    content = body if length == "declared" else _chunks(body)
    async with serve_on_loopback(app) as base, httpx2.AsyncClient(base_url=base) as client:
        response = await client.post(
            "/api/v1/canvas/setup",
            content=content,
            headers={"Content-Type": "application/json", **bearer_headers()},
        )
        assert response.status_code == status
        assert response.headers["content-type"] == "application/problem+json"
        assert "x-request-id" in response.headers
        assert "server" not in response.headers
        assert (await client.get("/health/live")).status_code == 200


async def _chunks(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), 10_000):
        yield body[start : start + 10_000]


async def test_concurrent_requests_keep_their_own_actor(app: FastAPI, service: FakeService) -> None:
    users = [ADA, BOB] * 4
    async with serve_on_loopback(app) as base, httpx2.AsyncClient(base_url=base) as client:
        requests = (
            client.get(
                COURSES, headers={**bearer_headers(user), "X-Request-ID": f"{user}-{number}"}
            )
            for number, user in enumerate(users)
        )
        await asyncio.gather(*requests)
    expected = {(str(user), f"{user}-{number}") for number, user in enumerate(users)}
    assert set(zip(service.actors, service.correlation_ids, strict=True)) == expected
