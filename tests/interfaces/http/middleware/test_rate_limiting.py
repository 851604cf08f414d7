from collections.abc import AsyncIterator

import httpx2
import pytest
from fastapi import FastAPI

from infrastructure.rate_limiting.counters import RequestCounters
from infrastructure.settings.settings import read_settings
from interfaces.http.app import create_app
from interfaces.http.auth.authenticator import open_authenticator
from interfaces.http.auth.jwt_verifier import JwtVerifier
from interfaces.http.middleware import rate_limit_policies
from interfaces.http.middleware.rate_limit_policies import (
    ANONYMOUS,
    CALENDAR,
    CALENDAR_GUESS,
    DEFAULT,
    POLICY_BY_ROUTE,
    SYNC,
    UNLIMITED_PATHS,
    RateLimitPolicy,
)
from tests.dev_tokens import ADA, BOB, SECRET, bearer_headers
from tests.interfaces.http.authorisation import ROUTE_ACCESS
from tests.interfaces.http.fake_service import CONNECTION_ID, FakeService
from tests.interfaces.http.middleware.quotas import use_up
from tests.interfaces.loopback_server import serve_on_loopback

COURSES = "/api/v1/canvas/courses"
SYNC_NOW = f"/api/v1/canvas/connections/{CONNECTION_ID}/sync"


class ManualClock:
    """A clock that the test sets; it starts in the middle of a minute."""

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


@pytest.fixture
async def app(service: FakeService, counters: RequestCounters) -> AsyncIterator[FastAPI]:
    settings = read_settings(_env_file=None)
    async with open_authenticator(secret=SECRET, supabase_url=None) as authenticator:
        yield create_app(
            service.as_service(), settings, authenticator=authenticator, request_counters=counters
        )


def rate_limit_headers(response: httpx2.Response) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name.startswith("ratelimit")}


def test_every_route_with_a_policy_exists() -> None:
    assert set(POLICY_BY_ROUTE) <= set(ROUTE_ACCESS)


def test_every_policy_is_used_and_has_its_own_name() -> None:
    policies = {
        value for value in vars(rate_limit_policies).values() if isinstance(value, RateLimitPolicy)
    }
    assert policies == {
        DEFAULT, ANONYMOUS, CALENDAR, CALENDAR_GUESS, *POLICY_BY_ROUTE.values()
    }  # fmt: skip
    assert len({policy.name for policy in policies}) == len(policies), "names identify counters"


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
    assert refused.headers["retry-after"] == "31"
    assert refused.headers["ratelimit"] == '"default";r=0;t=31'
    assert refused.headers["x-content-type-options"] == "nosniff"
    assert len(service.calls) == calls_before
    assert (await ada.get(COURSES, headers=bearer_headers(BOB))).status_code == 200
    clock.seconds += 30
    assert (await ada.get(COURSES)).status_code == 429, "the last minute counts, not this one"
    clock.seconds += 1
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
    assert counters.local_count(f"default/{ADA}").requests == 3, "both limits count a costly route"


@pytest.mark.parametrize("route", sorted(POLICY_BY_ROUTE))
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


async def test_the_client_address_comes_from_a_local_proxy(
    app: FastAPI, counters: RequestCounters
) -> None:
    async with serve_on_loopback(app) as base, httpx2.AsyncClient(base_url=base) as client:
        await client.get(COURSES, headers={"X-Forwarded-For": "203.0.113.9, 198.51.100.4"})
    assert counters.local_count("strangers/198.51.100.4").requests == 1
    assert counters.local_count("strangers/127.0.0.1").requests == 0


async def test_readiness_reports_lost_counters_and_does_not_fail(service: FakeService) -> None:
    class UnavailableCounters:
        is_available = False

        async def add(self, _: str, __: int) -> None:
            return None

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
    assert response.json()["components"]["rate_limits"] == (
        "Redis is not available: each process counts on its own; check REDIS_URL"
    )
