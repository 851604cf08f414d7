import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interfaces.http.auth.jwks import (
    FETCH_RETRY_SECONDS,
    JWKS_CACHE_SECONDS,
    MAX_STALE_JWKS_SECONDS,
    UNKNOWN_KEY_FETCH_SECONDS,
    UNKNOWN_KEY_FETCHES,
    UNLISTED_SECONDS,
    JwksCache,
)
from interfaces.http.auth.jwks_download import DOWNLOAD_TIMEOUT_SECONDS
from interfaces.http.auth.jwt_verifier import JwtVerifier
from interfaces.http.auth.principal import IdentityProviderUnavailable, InvalidToken
from tests.deadlines import scaled
from tests.dev_tokens import ADA, SigningKey, claims_of
from tests.interfaces.http.jwks_server import FakeJwksServer, serve_jwks

KEY_ONE = SigningKey("one", "ES256")
KEY_TWO = SigningKey("two", "ES256")


class ManualClock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def jwks_server() -> AsyncIterator[FakeJwksServer]:
    async with serve_jwks(FakeJwksServer(KEY_ONE)) as jwks_server:
        yield jwks_server


@pytest.fixture
async def keys(jwks_server: FakeJwksServer, clock: ManualClock) -> AsyncIterator[JwksCache]:
    async with aiohttp.ClientSession() as session:
        url = f"{jwks_server.url}/auth/v1/.well-known/jwks.json"
        keys = JwksCache(url, session, now=clock)
        yield keys
        await keys.close()


async def test_concurrent_lookups_share_one_fetch(
    jwks_server: FakeJwksServer, keys: JwksCache
) -> None:
    jwks_server.gate.clear()
    waiting = [asyncio.create_task(keys.find_key("one", "ES256")) for _ in range(20)]
    await asyncio.wait_for(jwks_server.first_request.wait(), scaled(5))
    waiting[0].cancel()  # cancelling one must not affect the others
    jwks_server.gate.set()
    found = await asyncio.gather(*waiting[1:])
    assert len(set(map(id, found))) == 1
    assert jwks_server.request_count == 1


async def wait_for_requests(jwks_server: FakeJwksServer, count: int) -> None:
    async with asyncio.timeout(scaled(5)):
        while jwks_server.request_count < count:  # noqa: ASYNC110  # the server counts them
            await asyncio.sleep(0.01)


async def wait_until_fetched(keys: JwksCache, key_id: str) -> None:
    async with asyncio.timeout(scaled(5)):
        while key_id not in keys._keys:  # noqa: ASYNC110  # a background fetch adds it
            await asyncio.sleep(0.01)


async def test_a_fresh_key_set_is_not_fetched_again(
    jwks_server: FakeJwksServer, keys: JwksCache, clock: ManualClock
) -> None:
    await keys.find_key("one", "ES256")
    clock.seconds += JWKS_CACHE_SECONDS - 1
    await keys.find_key("one", "ES256")
    assert jwks_server.request_count == 1
    clock.seconds += 2
    await keys.find_key("one", "ES256")
    await wait_for_requests(jwks_server, 2)


async def test_a_known_key_never_waits_for_a_fetch(
    jwks_server: FakeJwksServer, keys: JwksCache, clock: ManualClock
) -> None:
    await keys.find_key("one", "ES256")
    jwks_server.gate.clear()
    clock.seconds += JWKS_CACHE_SECONDS + 1
    for _ in range(5):
        started = asyncio.get_running_loop().time()
        await keys.find_key("one", "ES256")
        assert asyncio.get_running_loop().time() - started < DOWNLOAD_TIMEOUT_SECONDS / 2
    await wait_for_requests(jwks_server, 2)
    jwks_server.keys.append(KEY_TWO.public_jwk)
    jwks_server.gate.set()
    await wait_until_fetched(keys, "two")
    assert jwks_server.request_count == 2, "the fetch in the background has renewed the keys"


async def test_an_unknown_key_waits_for_a_limited_time(
    jwks_server: FakeJwksServer, keys: JwksCache
) -> None:
    await keys.find_key("one", "ES256")
    jwks_server.gate.clear()
    started = asyncio.get_running_loop().time()
    with pytest.raises(IdentityProviderUnavailable):
        await keys.find_key("two", "ES256")
    waited = asyncio.get_running_loop().time() - started
    assert waited < scaled(DOWNLOAD_TIMEOUT_SECONDS + 1)
    started = asyncio.get_running_loop().time()
    with pytest.raises(IdentityProviderUnavailable) as unavailable:
        await keys.find_key("three", "ES256")
    assert asyncio.get_running_loop().time() - started < DOWNLOAD_TIMEOUT_SECONDS / 2
    assert 1 <= unavailable.value.retry_seconds <= FETCH_RETRY_SECONDS
    assert (await keys.find_key("one", "ES256")).algorithm == "ES256"
    jwks_server.gate.set()


@settings(max_examples=20, deadline=None)
@given(key_ids=st.lists(st.text(max_size=3), max_size=40))
def test_unknown_keys_cause_few_fetches_and_a_new_key_is_still_found(key_ids: list[str]) -> None:
    async def look_up() -> None:
        clock = ManualClock()
        async with (
            serve_jwks(FakeJwksServer(KEY_ONE)) as jwks_server,
            aiohttp.ClientSession() as session,
        ):
            url = f"{jwks_server.url}/auth/v1/.well-known/jwks.json"
            keys = JwksCache(url, session, now=clock)
            await keys.find_key("one", "ES256")
            for key_id in key_ids:
                with pytest.raises((InvalidToken, IdentityProviderUnavailable)):
                    await keys.find_key(key_id, "ES256")
            assert jwks_server.request_count <= 1 + min(UNKNOWN_KEY_FETCHES, len(set(key_ids)))
            jwks_server.keys.append(KEY_TWO.public_jwk)
            await _find_when_permitted(keys, clock)
            await keys.close()

    asyncio.run(look_up())


async def _find_when_permitted(keys: JwksCache, clock: ManualClock) -> None:
    """Find the key `two` at once, or after the time that the refusal names; it is never invalid."""
    retry_seconds = 0
    try:
        await keys.find_key("two", "ES256")
    except IdentityProviderUnavailable as unavailable:
        retry_seconds = unavailable.retry_seconds
    assert retry_seconds <= UNKNOWN_KEY_FETCH_SECONDS
    clock.seconds += retry_seconds
    await keys.find_key("two", "ES256")


async def test_a_key_that_is_not_listed_is_looked_up_again_after_a_while(
    jwks_server: FakeJwksServer, keys: JwksCache, clock: ManualClock
) -> None:
    for _ in range(5):
        with pytest.raises(InvalidToken):
            await keys.find_key("two", "ES256")
    assert jwks_server.request_count == 1
    jwks_server.keys.append(KEY_TWO.public_jwk)
    clock.seconds += UNLISTED_SECONDS
    assert (await keys.find_key("two", "ES256")).algorithm == "ES256"
    assert jwks_server.request_count == 2


BAD_RESPONSES: dict[str, dict[str, object]] = {
    "500": {"status": 500},
    "redirect": {"status": 302, "headers": {"Location": "/elsewhere"}},
    "html": {"text": "<html>"},
    "no-list": {"text": "{}"},
    "keys-an-object": {"text": '{"keys": {}}'},
    "no-keys": {"text": '{"keys": []}'},
    "unusable-keys": {"text": '{"keys": [{"kty": "oct", "kid": "one", "k": "AAAA"}]}'},
    "huge": {"body": b"[" * 300_000},
    "broken-gzip": {"body": b"{}", "headers": {"Content-Encoding": "gzip"}},
}


@pytest.mark.parametrize("case", BAD_RESPONSES)
async def test_the_last_good_keys_are_used_during_an_outage_up_to_a_limit(
    jwks_server: FakeJwksServer, keys: JwksCache, clock: ManualClock, case: str
) -> None:
    await keys.find_key("one", "ES256")
    jwks_server.respond_with(**BAD_RESPONSES[case])
    clock.seconds += JWKS_CACHE_SECONDS + 1
    await keys.find_key("one", "ES256")
    await wait_for_requests(jwks_server, 2)
    with pytest.raises(IdentityProviderUnavailable):
        await keys.find_key("two", "ES256")
    await keys.find_key("one", "ES256")
    assert jwks_server.request_count == 2
    clock.seconds += MAX_STALE_JWKS_SECONDS - JWKS_CACHE_SECONDS
    with pytest.raises(IdentityProviderUnavailable):
        await keys.find_key("one", "ES256")


async def test_a_server_that_cannot_be_reached_is_an_outage(clock: ManualClock) -> None:
    async with aiohttp.ClientSession() as session:
        keys = JwksCache("http://127.0.0.1:1/jwks.json", session, now=clock)
        with pytest.raises(IdentityProviderUnavailable):
            await keys.find_key("one", "ES256")
        await keys.close()


async def test_without_any_keys_a_token_is_neither_accepted_nor_refused(
    jwks_server: FakeJwksServer, keys: JwksCache, clock: ManualClock
) -> None:
    jwks_server.respond_with(status=503)
    for _ in range(3):
        with pytest.raises(IdentityProviderUnavailable):
            await keys.find_key("one", "ES256")
    assert jwks_server.request_count == 1
    assert keys.status.startswith("the keys of SUPABASE_URL cannot be fetched")
    jwks_server.response_override = None
    clock.seconds += FETCH_RETRY_SECONDS
    assert (await keys.find_key("one", "ES256")).algorithm == "ES256"
    assert keys.status == "ok"


async def test_a_revoked_key_invalidates_cached_tokens(
    jwks_server: FakeJwksServer, keys: JwksCache
) -> None:
    verifier = JwtVerifier(secret=None, keys=keys, issuer="here")
    token = KEY_ONE.sign(claims_of(ADA, iss="here"))
    assert (await verifier(token)).id == ADA
    jwks_server.keys = [KEY_TWO.public_jwk]
    await keys.find_key("two", "ES256")
    with pytest.raises(InvalidToken):
        await verifier(token)
