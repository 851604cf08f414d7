import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import jwt
import pytest
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.types import Scope

from infrastructure.rate_limiting.counters import RequestCounters
from infrastructure.settings.settings import read_settings
from interfaces.http.app import create_app
from interfaces.http.auth.authenticator import open_authenticator
from interfaces.http.auth.principal import IdentityProviderUnavailable, InvalidToken, Principal
from interfaces.http.context import REQUEST_CONTEXT_KEY, AuthResult, RequestContext
from interfaces.http.middleware.authentication import authenticate_token, bearer_token
from interfaces.http.middleware.rate_budget import RateBudget, RateLimitExceeded
from interfaces.http.middleware.rate_limit_policies import ANONYMOUS, UNLIMITED_PATHS
from tests.dev_tokens import ADA, BOB, SECRET, bearer_headers, claims_of, token_of
from tests.interfaces.http.auth.authenticators import (
    CountingAuthenticator,
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


async def test_a_good_token_is_accepted_from_an_address_that_sent_too_many_bad_ones(
    anonymous: httpx2.AsyncClient, counters: RequestCounters
) -> None:
    await use_up(counters, ANONYMOUS, ADDRESS)
    bad = await anonymous.get(COURSES, headers=BAD_TOKEN)
    assert bad.status_code == 429
    assert bad.headers["ratelimit"].startswith('"strangers";r=0;t=')
    assert (await anonymous.get(COURSES)).status_code == 429
    for person in (ADA, BOB):
        fresh = await anonymous.get(COURSES, headers=bearer_headers(person))
        assert fresh.status_code == 200
        assert fresh.headers["ratelimit"].startswith('"default"')


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
    assert counters.local_count(f"strangers/{ADDRESS}").requests == 2, "no user is known to count"


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


def _forged(claims: dict[str, Any]) -> str:
    return jwt.encode(claims, SECRET[::-1], "HS256")


def _without_claim(name: str) -> str:
    claims = claims_of()
    del claims[name]
    return jwt.encode(claims, SECRET, "HS256")


BAD_TOKENS = st.one_of(
    st.text(max_size=40),
    st.builds(".".join, st.lists(st.text("abcABC012-_=", max_size=20), max_size=5)),
    st.uuids().map(lambda user: _forged(claims_of(user))),
    st.integers(-9, 9).map(lambda age: token_of(BOB, ttl=-60 - age)),
    st.sampled_from(["exp", "sub", "aud", "role"]).map(_without_claim),
    st.sampled_from(["anon", "service_role"]).map(lambda role: token_of(role=role)),
)


@settings(deadline=None)
@given(bad=st.lists(BAD_TOKENS, max_size=30), remaining=st.integers(0, 10))
def test_no_list_of_bad_tokens_keeps_a_good_one_out(bad: list[str], remaining: int) -> None:
    async def send_tokens() -> tuple[list[AuthResult], AuthResult]:
        counters = RequestCounters(now=lambda: 90.0)
        await use_up(counters, ANONYMOUS, ADDRESS, remaining=remaining)
        async with open_authenticator(secret=SECRET, supabase_url=None) as authenticator:
            refused = [
                await authenticate_token(token, new_scope(counters), authenticator) for token in bad
            ]
            return refused, await authenticate_token(
                token_of(ADA), new_scope(counters, "websocket"), authenticator
            )

    refused, accepted = asyncio.run(send_tokens())
    kinds = [type(result) for result in refused]
    above_quota = max(0, len(bad) - remaining)
    assert kinds == [InvalidToken] * (len(bad) - above_quota) + [RateLimitExceeded] * above_quota
    assert isinstance(accepted, Principal)


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
