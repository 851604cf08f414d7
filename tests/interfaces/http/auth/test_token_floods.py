"""What strangers send does not keep out people who have a valid token, over HTTP and WebSocket."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from websockets.asyncio.client import connect

from infrastructure.rate_limiting.counters import RequestCounters
from infrastructure.settings.settings import read_settings
from interfaces.http.app import create_app
from interfaces.http.auth import jwks_download
from interfaces.http.auth.authenticator import open_authenticator
from interfaces.http.auth.jwks import UNKNOWN_KEY_FETCHES
from interfaces.http.middleware.rate_limit_policies import ANONYMOUS
from tests.deadlines import scaled
from tests.dev_tokens import ADA, SECRET, SigningKey, claims_of
from tests.interfaces.http.fake_service import FakeService
from tests.interfaces.http.jwks_server import FakeJwksServer, serve_jwks
from tests.interfaces.http.middleware.quotas import use_up
from tests.interfaces.loopback_server import serve_on_loopback

COURSES = "/api/v1/canvas/courses"
KEY, FOREIGN_KEY, NEW_KEY = (
    SigningKey("one", "ES256"),
    SigningKey("one", "ES256"),
    SigningKey("two", "ES256"),
)


@pytest.fixture
async def jwks_server() -> AsyncIterator[FakeJwksServer]:
    async with serve_jwks(FakeJwksServer(KEY)) as jwks_server:
        yield jwks_server


@pytest.fixture
def counters() -> RequestCounters:
    return RequestCounters(now=lambda: 90.0)


@pytest.fixture
async def base_url(
    service: FakeService,
    jwks_server: FakeJwksServer,
    counters: RequestCounters,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[str]:
    monkeypatch.setattr(jwks_download, "DOWNLOAD_TIMEOUT_SECONDS", scaled(2))
    async with open_authenticator(secret=SECRET, supabase_url=jwks_server.url) as authenticator:
        app: FastAPI = create_app(
            service.as_service(),
            read_settings(_env_file=None),
            authenticator=authenticator,
            request_counters=counters,
        )
        async with serve_on_loopback(app) as base:
            yield base


def sign(jwks_server: FakeJwksServer, key: SigningKey, **header: Any) -> str:
    return key.sign(claims_of(ADA, iss=f"{jwks_server.url}/auth/v1"), **header)


async def get_courses(client: httpx2.AsyncClient, token: str) -> httpx2.Response:
    return await client.get(COURSES, headers={"Authorization": f"Bearer {token}"})


BadToken = Callable[[FakeJwksServer, int], str]

FLOODS: dict[str, BadToken] = {
    "garbage": lambda _, nth: f"no.token.{nth}",
    "forged": lambda jwks_server, nth: sign(jwks_server, FOREIGN_KEY, nth=nth),
    "unknown-key": lambda jwks_server, nth: sign(jwks_server, KEY, kid=str(nth)),
    "revoked-key": lambda jwks_server, _: sign(jwks_server, FOREIGN_KEY, kid="gone"),
}


@pytest.mark.parametrize("flood", FLOODS)
async def test_a_good_token_is_accepted_during_a_flood_of_bad_ones(
    base_url: str, jwks_server: FakeJwksServer, counters: RequestCounters, flood: str
) -> None:
    await use_up(counters, ANONYMOUS, "127.0.0.1", remaining=20)
    async with httpx2.AsyncClient(base_url=base_url, timeout=scaled(30)) as client:

        async def send_bad(nth: int) -> int:
            return (await get_courses(client, FLOODS[flood](jwks_server, nth))).status_code

        bad = asyncio.gather(*(send_bad(nth) for nth in range(60)))
        good = await get_courses(client, sign(jwks_server, KEY, nth=1))
        statuses = await bad
        assert good.status_code == 200
        assert set(statuses) <= {401, 429, 503}
        assert statuses.count(429) == 40
        assert (await get_courses(client, sign(jwks_server, KEY, nth=2))).status_code == 200
    protocols = ["bearer", sign(jwks_server, KEY, nth=3)]
    address = base_url.replace("http://", "ws://") + "/ws/sync-status"
    async with connect(address, subprotocols=protocols) as websocket:  # type: ignore[arg-type]  # a list of str
        assert "snapshot" in str(await asyncio.wait_for(websocket.recv(), scaled(5)))
    assert jwks_server.request_count <= 1 + UNKNOWN_KEY_FETCHES


async def test_a_new_key_is_found_or_the_response_names_when_to_retry(
    base_url: str, jwks_server: FakeJwksServer
) -> None:
    async with httpx2.AsyncClient(base_url=base_url, timeout=scaled(30)) as client:
        assert (await get_courses(client, sign(jwks_server, KEY))).status_code == 200
        assert (await get_courses(client, sign(jwks_server, KEY, kid="x"))).status_code == 401
        jwks_server.keys.append(NEW_KEY.public_jwk)
        assert (await get_courses(client, sign(jwks_server, NEW_KEY))).status_code == 200
        for nth in range(UNKNOWN_KEY_FETCHES):
            await get_courses(client, sign(jwks_server, KEY, kid=f"unknown-{nth}"))
        refused = await get_courses(client, sign(jwks_server, KEY, kid="another"))
        assert (refused.status_code, refused.json()["type"]) == (
            503,
            "/problems/identity-unavailable",
        )
        assert 1 <= int(refused.headers["retry-after"]) <= 10
        known = await get_courses(client, sign(jwks_server, KEY, nth=1))
        assert known.status_code == 200
