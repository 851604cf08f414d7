import asyncio
from collections.abc import AsyncIterator

import aiohttp
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from interfaces.http.auth.jwks import (
    FETCH_COOLDOWN_SECONDS,
    FETCH_RETRY_SECONDS,
    JWKS_CACHE_SECONDS,
    MAX_STALE_JWKS_SECONDS,
    JwksCache,
    parse_jwks,
)
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


async def test_a_fresh_key_set_is_not_fetched_again(
    jwks_server: FakeJwksServer, keys: JwksCache, clock: ManualClock
) -> None:
    await keys.find_key("one", "ES256")
    clock.seconds += JWKS_CACHE_SECONDS - 1
    await keys.find_key("one", "ES256")
    assert jwks_server.request_count == 1
    clock.seconds += 2
    await keys.find_key("one", "ES256")
    assert jwks_server.request_count == 2


async def test_an_unknown_key_is_looked_up_at_most_once_per_cooldown(
    jwks_server: FakeJwksServer, keys: JwksCache, clock: ManualClock
) -> None:
    await keys.find_key("one", "ES256")
    jwks_server.keys.append(KEY_TWO.public_jwk)
    for _ in range(5):
        with pytest.raises(InvalidToken):
            await keys.find_key("two", "ES256")
    assert jwks_server.request_count == 1
    clock.seconds += FETCH_COOLDOWN_SECONDS
    assert (await keys.find_key("two", "ES256")).algorithm == "ES256"
    assert jwks_server.request_count == 2


@pytest.mark.parametrize(
    "response",
    [
        {"status": 500},
        {"status": 302, "headers": {"Location": "/elsewhere"}},
        {"text": "<html>"},
        {"text": "{}"},
        {"text": '{"keys": {}}'},
        {"body": b"[" * 300_000},
    ],
    ids=["500", "redirect", "html", "no-keys", "keys-an-object", "huge"],
)
async def test_the_last_good_keys_are_used_during_an_outage_up_to_a_limit(
    jwks_server: FakeJwksServer, keys: JwksCache, clock: ManualClock, response: dict[str, object]
) -> None:
    await keys.find_key("one", "ES256")
    jwks_server.respond_with(**response)
    clock.seconds += JWKS_CACHE_SECONDS + 1
    await keys.find_key("one", "ES256")
    await keys.find_key("one", "ES256")
    assert jwks_server.request_count == 2
    clock.seconds += MAX_STALE_JWKS_SECONDS - JWKS_CACHE_SECONDS
    with pytest.raises(IdentityProviderUnavailable):
        await keys.find_key("one", "ES256")


async def test_without_any_keys_a_token_is_neither_accepted_nor_refused(
    jwks_server: FakeJwksServer, keys: JwksCache, clock: ManualClock
) -> None:
    jwks_server.respond_with(status=503)
    for _ in range(3):
        with pytest.raises(IdentityProviderUnavailable):
            await keys.find_key("one", "ES256")
    assert jwks_server.request_count == 1
    jwks_server.response_override = None
    clock.seconds += FETCH_RETRY_SECONDS
    assert (await keys.find_key("one", "ES256")).algorithm == "ES256"


async def test_a_revoked_key_invalidates_cached_tokens(
    jwks_server: FakeJwksServer, keys: JwksCache, clock: ManualClock
) -> None:
    verifier = JwtVerifier(secret=None, keys=keys, issuer="here")
    token = KEY_ONE.sign(claims_of(ADA, iss="here"))
    assert (await verifier(token)).id == ADA
    jwks_server.keys = [KEY_TWO.public_jwk]
    clock.seconds += FETCH_COOLDOWN_SECONDS
    await keys.find_key("two", "ES256")
    with pytest.raises(InvalidToken):
        await verifier(token)


def test_unusable_keys_are_ignored() -> None:
    usable = KEY_ONE.public_jwk
    key = rsa.generate_private_key(65537, 1024)  # noqa: S505  # a key that must be refused
    short_key = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    jwks_keys = [
        usable,
        {**usable, "kid": "no-sig", "use": "enc"},
        {**usable, "kid": "private", "d": "AAAA"},
        {**usable, "kid": "wrong-alg", "alg": "HS256"},
        {**usable, "kid": "wrong-curve", "crv": "P-384"},
        {**usable, "kid": "broken", "x": "!"},
        {**usable, "kid": 7},
        {"kty": "oct", "kid": "secret", "k": "AAAA"},
        {**short_key, "kid": "short"},
        "nonsense",
    ]
    document = b'{"keys": %s}' % orjson.dumps(jwks_keys)
    assert list(parse_jwks(document)) == ["one"]
