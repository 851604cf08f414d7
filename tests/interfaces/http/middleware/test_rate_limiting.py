from collections.abc import AsyncIterator

import httpx2
import pytest
from fastapi import FastAPI

from infrastructure.rate_limiting.counters import RequestCounters
from infrastructure.settings import read_settings
from interfaces.http.app import create_app
from interfaces.http.auth.authenticator import open_authenticator
from interfaces.http.auth.jwt_verifier import JwtVerifier
from interfaces.http.auth.principal import Principal
from interfaces.http.middleware.rate_limiting import client_address
from interfaces.http.middleware.rate_limits import (
    ANONYMOUS,
    DEFAULT,
    POLICY_BY_ROUTE,
    SYNC,
    UNLIMITED_PATHS,
    RateLimitPolicy,
)
from tests.dev_tokens import ADA, BOB, SECRET, bearer_headers, token_of
from tests.interfaces.http.authorisation import ROUTE_ACCESS
from tests.interfaces.http.fake_service import CONNECTION_ID, FakeService
from tests.interfaces.loopback_server import serve_on_loopback

COURSES = "/api/v1/canvas/courses"
SYNC_NOW = f"/api/v1/canvas/connections/{CONNECTION_ID}/sync"
PLANNED_ROUTES = {
    "POST /api/v1/admin/users/{user_id}/erase",
    "DELETE /api/v1/me",
    "GET /api/v1/me/export",
    "GET /api/v1/audit/connections/{connection_id}/export",
}


class ManualClock:
    """A minute that is half over, for as long as a test takes."""

    def __init__(self) -> None:
        self.seconds = 90.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def counters(clock: ManualClock) -> RequestCounters:
    return RequestCounters(now=clock)


class CountingAuthenticator:
    """Checks tokens, and knows how often it had to."""

    def __init__(self, app: FastAPI) -> None:
        self._authenticator = app.state.authenticator
        self.verifications = 0

    def cached_principal(self, token: str) -> Principal | None:
        found: Principal | None = self._authenticator.cached_principal(token)
        return found

    async def __call__(self, token: str) -> Principal:
        self.verifications += 1
        principal: Principal = await self._authenticator(token)
        return principal


@pytest.fixture
async def app(service: FakeService, counters: RequestCounters) -> AsyncIterator[FastAPI]:
    settings = read_settings(_env_file=None)
    async with open_authenticator(secret=SECRET, supabase_url=None) as authenticator:
        yield create_app(
            service.as_service(), settings, authenticator=authenticator, request_counters=counters
        )


async def use_up(
    counters: RequestCounters, policy: RateLimitPolicy, owner: str, *, remaining: int = 0
) -> None:
    for _ in range(policy.quota - remaining):
        await counters.add(f"{policy.name}/{owner}", policy.quota)


def rate_limit_headers(response: httpx2.Response) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name.startswith("ratelimit")}


def test_every_rate_limited_route_exists_or_is_planned() -> None:
    assert set(POLICY_BY_ROUTE) <= set(ROUTE_ACCESS) | PLANNED_ROUTES


async def test_a_response_reports_the_remaining_quota(ada: httpx2.AsyncClient) -> None:
    response = await ada.get(COURSES)
    assert rate_limit_headers(response) == {
        "ratelimit-policy": '"default";q=6000;w=60',
        "ratelimit": '"default";r=5999;t=30',
        "ratelimit-limit": "6000",
        "ratelimit-remaining": "5999",
        "ratelimit-reset": "30",
    }


async def test_a_user_over_the_limit_is_refused_with_retry_after(
    ada: httpx2.AsyncClient, service: FakeService, counters: RequestCounters, clock: ManualClock
) -> None:
    await use_up(counters, DEFAULT, str(ADA), remaining=1)
    assert (await ada.get(COURSES)).status_code == 200
    calls_before = len(service.calls)
    refused = await ada.get(COURSES)
    assert refused.status_code == 429
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["type"] == "/problems/rate-limited"
    assert refused.headers["retry-after"] == "30"
    assert refused.headers["ratelimit"] == '"default";r=0;t=30'
    assert refused.headers["x-content-type-options"] == "nosniff"
    assert len(service.calls) == calls_before
    assert (await ada.get(COURSES, headers=bearer_headers(BOB))).status_code == 200
    clock.seconds += 30
    assert (await ada.get(COURSES)).status_code == 200


async def test_a_costly_route_also_has_its_own_limit(
    ada: httpx2.AsyncClient, counters: RequestCounters
) -> None:
    await use_up(counters, SYNC, str(ADA), remaining=1)
    last = await ada.post(SYNC_NOW)
    assert last.status_code == 202
    assert last.headers["ratelimit"] == '"sync";r=0;t=30'
    refused = await ada.post(SYNC_NOW)
    assert (refused.status_code, refused.json()["type"]) == (429, "/problems/rate-limited")
    assert (await ada.get(COURSES)).status_code == 200
    assert counters.local_count(f"default/{ADA}").requests == 3, "a costly one counts twice"


@pytest.mark.parametrize("route", sorted(set(POLICY_BY_ROUTE) - PLANNED_ROUTES))
async def test_every_costly_route_is_limited(
    anonymous: httpx2.AsyncClient, counters: RequestCounters, route: str
) -> None:
    await use_up(counters, POLICY_BY_ROUTE[route], str(ADA))
    method, path = route.split(" ")
    path = path.replace("{connection_id}", str(CONNECTION_ID)).replace("{name}", "courses")
    refused = await anonymous.request(method, path, headers=bearer_headers(ADA, "admin"))
    assert (refused.status_code, refused.json()["type"]) == (429, "/problems/rate-limited")


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer garbage"}, bearer_headers(ttl=-60)]
)
async def test_unauthenticated_requests_are_limited_by_address(
    anonymous: httpx2.AsyncClient, counters: RequestCounters, headers: dict[str, str]
) -> None:
    first = await anonymous.get(COURSES, headers=headers)
    assert first.status_code == 401
    assert first.headers["ratelimit"] == '"strangers";r=2999;t=30'
    await use_up(counters, ANONYMOUS, "127.0.0.1")
    assert (await anonymous.get(COURSES, headers=headers)).status_code == 429
    assert (await anonymous.get("/nowhere", headers=headers)).status_code == 429


async def test_an_address_with_too_many_bad_tokens_has_no_more_verified(
    app: FastAPI, anonymous: httpx2.AsyncClient, counters: RequestCounters
) -> None:
    valid_headers = bearer_headers(ADA)
    assert (await anonymous.get(COURSES, headers=valid_headers)).status_code == 200
    app.state.authenticator = counting = CountingAuthenticator(app)
    await use_up(counters, ANONYMOUS, "127.0.0.1")
    bad = await anonymous.get(COURSES, headers={"Authorization": "Bearer garbage"})
    unknown = await anonymous.get(COURSES, headers=bearer_headers(BOB))
    assert (bad.status_code, unknown.status_code, counting.verifications) == (429, 429, 0)
    known = await anonymous.get(COURSES, headers=valid_headers)
    assert known.status_code == 200, "one that was good before is good still"


async def test_valid_tokens_do_not_count_against_their_address(
    anonymous: httpx2.AsyncClient, counters: RequestCounters
) -> None:
    for principal in (ADA, BOB):
        assert (await anonymous.get(COURSES, headers=bearer_headers(principal))).status_code == 200
    assert counters.local_count("strangers/127.0.0.1").requests == 0


@pytest.mark.parametrize("path", sorted(UNLIMITED_PATHS))
async def test_operator_routes_are_not_limited(
    anonymous: httpx2.AsyncClient, counters: RequestCounters, path: str
) -> None:
    await use_up(counters, ANONYMOUS, "127.0.0.1")
    response = await anonymous.get(path)
    assert response.status_code == 200
    assert rate_limit_headers(response) == {}


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("a socket", "a socket"),
        (None, ""),
    ],
)
def test_an_ipv6_address_counts_as_its_64_network(host: str | None, network: str) -> None:
    assert client_address({"client": host and (host, 1)}) == network


async def test_the_client_address_comes_from_a_local_proxy(
    app: FastAPI, counters: RequestCounters
) -> None:
    async with serve_on_loopback(app) as base, httpx2.AsyncClient(base_url=base) as client:
        await client.get(COURSES, headers={"X-Forwarded-For": "203.0.113.9, 198.51.100.4"})
    assert counters.local_count("strangers/198.51.100.4").requests == 1
    assert counters.local_count("strangers/127.0.0.1").requests == 0


async def test_a_valid_token_is_cached(app: FastAPI) -> None:
    token = token_of(ADA)
    assert app.state.authenticator.cached_principal(token) is None
    await app.state.authenticator(token)
    assert app.state.authenticator.cached_principal(token).id == ADA


async def test_readiness_reports_lost_counters_and_does_not_fail(service: FakeService) -> None:
    class UnavailableCounters:
        is_available = False

        async def add(self, _: str) -> int:
            return 0

        async def close(self) -> None:
            return

    settings = read_settings(_env_file=None)
    verifier = JwtVerifier(secret=None, keys=None, issuer=None)
    counters = RequestCounters(UnavailableCounters())
    app = create_app(
        service.as_service(), settings, authenticator=verifier, request_counters=counters
    )
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        response = await client.get("/health/ready")
    assert response.status_code == 200
    assert response.json()["components"]["rate_limits"] == "no Redis: counted by each process"
