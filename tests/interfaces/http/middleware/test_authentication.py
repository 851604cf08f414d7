import asyncio
from collections.abc import AsyncIterator

import httpx2
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Scope

from infrastructure.rate_limiting.counters import RequestCounters
from infrastructure.settings import read_settings
from interfaces.http.app import create_app
from interfaces.http.auth.authenticator import open_authenticator
from interfaces.http.auth.principal import IdentityProviderUnavailable, InvalidToken, Principal
from interfaces.http.context import REQUEST_CONTEXT_KEY, AuthResult, RequestContext
from interfaces.http.middleware.authentication import authenticate_token, bearer_token
from interfaces.http.middleware.rate_budget import RateBudget, RateLimitExceeded
from interfaces.http.middleware.rate_limit_policies import ANONYMOUS, UNLIMITED_PATHS
from tests.dev_tokens import ADA, BOB, SECRET, bearer_headers, token_of
from tests.interfaces.http.auth.authenticators import (
    CountingAuthenticator,
    RefusingAuthenticator,
    UnavailableAuthenticator,
)
from tests.interfaces.http.fake_service import FakeService
from tests.interfaces.http.middleware.quotas import use_up

COURSES = "/api/v1/canvas/courses"
PUBLIC_PAGE = "/problems/not-found"
ADDRESS = "127.0.0.1"
BAD_TOKEN = {"Authorization": "Bearer garbage"}


@pytest.fixture
def counters() -> RequestCounters:
    return RequestCounters(now=lambda: 90.0)


@pytest.fixture
async def authenticator() -> AsyncIterator[CountingAuthenticator]:
    async with open_authenticator(secret=SECRET, supabase_url=None) as authenticator:
        yield CountingAuthenticator(authenticator)


@pytest.fixture
def app(
    service: FakeService, authenticator: CountingAuthenticator, counters: RequestCounters
) -> FastAPI:
    settings = read_settings(_env_file=None)
    return create_app(
        service.as_service(), settings, authenticator=authenticator, request_counters=counters
    )


def new_scope(counters: RequestCounters, kind: str = "http") -> Scope:
    context = RequestContext("request-1", RateBudget(counters))
    return {"type": kind, "client": (ADDRESS, 1), REQUEST_CONTEXT_KEY: context}


async def test_an_address_with_too_many_bad_tokens_has_no_more_verified(
    anonymous: httpx2.AsyncClient, authenticator: CountingAuthenticator, counters: RequestCounters
) -> None:
    valid_headers = bearer_headers(ADA)
    assert (await anonymous.get(COURSES, headers=valid_headers)).status_code == 200
    assert authenticator.verifications == 1
    await use_up(counters, ANONYMOUS, ADDRESS)
    bad = await anonymous.get(COURSES, headers=BAD_TOKEN)
    unknown = await anonymous.get(COURSES, headers=bearer_headers(BOB))
    assert (bad.status_code, unknown.status_code) == (429, 429)
    assert unknown.headers["ratelimit"] == '"strangers";r=0;t=30'
    known = await anonymous.get(COURSES, headers=valid_headers)
    assert known.status_code == 200, "a cached token is still accepted"
    assert authenticator.verifications == 1


async def test_a_bad_token_is_counted_but_not_refused_on_a_public_route(
    anonymous: httpx2.AsyncClient, counters: RequestCounters
) -> None:
    response = await anonymous.get(PUBLIC_PAGE, headers=BAD_TOKEN)
    assert response.status_code == 200
    assert response.headers["ratelimit"] == '"strangers";r=2999;t=30'
    assert counters.local_count(f"strangers/{ADDRESS}").requests == 1
    await use_up(counters, ANONYMOUS, ADDRESS, remaining=1)
    assert (await anonymous.get(PUBLIC_PAGE, headers=BAD_TOKEN)).status_code == 429


@pytest.mark.parametrize("path", sorted(UNLIMITED_PATHS))
async def test_no_token_is_verified_for_an_operator_route(
    anonymous: httpx2.AsyncClient, authenticator: CountingAuthenticator, path: str
) -> None:
    for headers in (BAD_TOKEN, bearer_headers(ADA)):
        assert (await anonymous.get(path, headers=headers)).status_code == 200
    assert authenticator.verifications == 0


async def test_without_keys_only_protected_routes_are_unavailable(
    service: FakeService, counters: RequestCounters
) -> None:
    app = create_app(
        service.as_service(),
        read_settings(_env_file=None),
        authenticator=UnavailableAuthenticator(),
        request_counters=counters,
    )
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        protected = await client.get(COURSES, headers=bearer_headers(ADA))
        public = await client.get(PUBLIC_PAGE, headers=bearer_headers(ADA))
    assert (protected.status_code, public.status_code) == (503, 200)
    assert protected.json()["type"] == "/problems/identity-unavailable"
    assert protected.headers["retry-after"] == "1"
    assert "ratelimit" not in protected.headers
    assert counters.local_count(f"strangers/{ADDRESS}").requests == 0


@pytest.mark.parametrize("kind", ["http", "websocket"])
async def test_every_result_is_returned_and_none_is_raised(
    authenticator: CountingAuthenticator, counters: RequestCounters, kind: str
) -> None:
    scope, token = new_scope(counters, kind), token_of(ADA)
    principal = await authenticate_token(token, scope, authenticator)
    assert isinstance(principal, Principal)
    assert principal.id == ADA
    assert isinstance(await authenticate_token("garbage", scope, authenticator), InvalidToken)
    unavailable = await authenticate_token("x", scope, UnavailableAuthenticator())
    assert isinstance(unavailable, IdentityProviderUnavailable)
    await use_up(counters, ANONYMOUS, ADDRESS)
    refused = await authenticate_token("garbage", scope, authenticator)
    assert isinstance(refused, RateLimitExceeded)
    assert await authenticate_token(token, scope, authenticator) == principal


@given(remaining=st.integers(0, 5), sent=st.integers(0, 10))
def test_bad_tokens_are_verified_until_the_quota_is_used_up(remaining: int, sent: int) -> None:
    authenticator = CountingAuthenticator(RefusingAuthenticator())

    async def send_bad_tokens() -> list[AuthResult]:
        counters = RequestCounters(now=lambda: 90.0)
        await use_up(counters, ANONYMOUS, ADDRESS, remaining=remaining)
        return [
            await authenticate_token(str(number), new_scope(counters), authenticator)
            for number in range(sent)
        ]

    kinds = [type(result) for result in asyncio.run(send_bad_tokens())]
    verified = min(remaining, sent)
    assert kinds == [InvalidToken] * verified + [RateLimitExceeded] * (sent - verified)
    assert authenticator.verifications == verified


@pytest.mark.parametrize(
    ("header", "token"),
    [
        (b"Bearer abc", "abc"),
        (b"bearer abc", "abc"),
        (b"Bearer  abc ", "abc"),
        (b"Bearer \xe9", "é"),
        (b"Bearer ", None),
        (b"Bearer", None),
        (b"Basic abc", None),
        (b"", None),
    ],
)
def test_the_token_is_read_from_the_authorization_header(header: bytes, token: str | None) -> None:
    assert bearer_token({"headers": [(b"accept", b"*/*"), (b"authorization", header)]}) == token
    assert bearer_token({"headers": [(b"accept", b"*/*")]}) is None
