import base64
import time
from typing import Any

import jwt
import pytest

from interfaces.http.auth.authenticator import open_authenticator
from interfaces.http.auth.principal import Authenticator, InvalidToken
from tests.dev_tokens import ADA, SECRET, SigningKey, token_of
from tests.interfaces.http.auth.bad_tokens import (
    BAD_CLAIMS,
    EC_KEY,
    RSA_KEY,
    SELF_CHOSEN_CHECKS,
    WRONG_KEYS,
    claims,
    forge_token,
)
from tests.interfaces.http.jwks_server import FakeJwksServer, serve_jwks


async def test_a_valid_token_of_each_algorithm_is_accepted(
    jwks_server: FakeJwksServer, authenticate: Authenticator
) -> None:
    claim_set = claims(jwks_server)
    for token in (
        EC_KEY.sign(claim_set),
        RSA_KEY.sign(claim_set),
        jwt.encode(claim_set, SECRET, "HS256"),
    ):
        principal = await authenticate(token)
        assert principal.id == ADA
        assert principal.roles == {"student"}
        assert principal.expires_at == claim_set["exp"]


async def test_a_token_with_several_audiences_is_accepted(
    jwks_server: FakeJwksServer, authenticate: Authenticator
) -> None:
    token = EC_KEY.sign(claims(jwks_server, aud=["authenticated", "more"]))
    assert (await authenticate(token)).id == ADA


@pytest.mark.parametrize("algorithm", ["ES256", "HS256"])
@pytest.mark.parametrize("case", BAD_CLAIMS)
async def test_a_token_with_bad_claims_is_refused(
    jwks_server: FakeJwksServer, authenticate: Authenticator, case: str, algorithm: str
) -> None:
    claim_set = claims(jwks_server, **BAD_CLAIMS[case])
    if case == "sub-a-number":
        claim_set["sub"] = 7
    token = (
        EC_KEY.sign(claim_set) if algorithm == "ES256" else jwt.encode(claim_set, SECRET, "HS256")
    )
    with pytest.raises(InvalidToken):
        await authenticate(token)


@pytest.mark.parametrize("name", ["exp", "iat", "aud", "sub", "role", "iss"])
async def test_a_missing_claim_is_named(
    jwks_server: FakeJwksServer, authenticate: Authenticator, name: str
) -> None:
    with pytest.raises(InvalidToken, match=f"has no `{name}` claim"):
        await authenticate(EC_KEY.sign(claims(jwks_server, **{name: None})))


async def test_an_issuer_that_only_shares_a_prefix_is_refused(
    jwks_server: FakeJwksServer, authenticate: Authenticator
) -> None:
    for issuer in (
        f"{jwks_server.url}/auth/v1/",
        f"{jwks_server.url}/auth",
        f"{jwks_server.url}/auth/v1.evil",
    ):
        with pytest.raises(InvalidToken):
            await authenticate(EC_KEY.sign(claims(jwks_server, iss=issuer)))


@pytest.mark.parametrize("case", WRONG_KEYS)
async def test_a_token_signed_with_another_key_is_refused(
    jwks_server: FakeJwksServer, authenticate: Authenticator, case: str
) -> None:
    with pytest.raises(InvalidToken):
        await authenticate(WRONG_KEYS[case](claims(jwks_server)))


@pytest.mark.parametrize("case", SELF_CHOSEN_CHECKS)
async def test_a_token_cannot_choose_how_it_is_verified(
    jwks_server: FakeJwksServer, authenticate: Authenticator, case: str
) -> None:
    with pytest.raises(InvalidToken):
        await authenticate(SELF_CHOSEN_CHECKS[case](claims(jwks_server)))


@pytest.mark.parametrize("kid", ["ec-1", "evil"])
@pytest.mark.parametrize("header", ["jku", "x5u"])
async def test_a_token_cannot_name_the_url_of_its_keys(
    jwks_server: FakeJwksServer, authenticate: Authenticator, header: str, kid: str
) -> None:
    attacker_key = SigningKey(kid, "ES256")
    async with serve_jwks(FakeJwksServer(attacker_key)) as attacker_server:
        address = f"{attacker_server.url}/auth/v1/.well-known/jwks.json"
        with pytest.raises(InvalidToken):
            await authenticate(attacker_key.sign(claims(jwks_server), **{header: address}))
        assert attacker_server.request_count == 0


async def test_the_api_keys_of_the_project_are_refused() -> None:
    now = int(time.time())
    claim_set = {"iss": "supabase", "ref": "project", "iat": now, "exp": now + 10 * 365 * 86400}
    async with open_authenticator(secret=SECRET, supabase_url=None) as authenticate:
        for role in ("anon", "service_role"):
            with pytest.raises(InvalidToken):
                await authenticate(jwt.encode({**claim_set, "role": role}, SECRET, "HS256"))


async def test_an_unsupported_algorithm_is_refused_without_a_jwks_request(
    jwks_server: FakeJwksServer, authenticate: Authenticator
) -> None:
    for token in (
        jwt.encode(claims(jwks_server), SECRET, "HS512"),
        forge_token({"alg": "EdDSA"}, {}),
    ):
        with pytest.raises(InvalidToken):
            await authenticate(token)
    assert jwks_server.request_count == 0


@pytest.mark.parametrize(
    "token",
    ["", "x", "a.b.c", "..", "e30.e30.", "é.é.é", "x" * 9000, forge_token({"alg": ["HS256"]}, {})],
    ids=["empty", "x", "abc", "dots", "no-alg", "accents", "long", "alg-a-list"],
)
async def test_garbage_is_refused(authenticate: Authenticator, token: str) -> None:
    with pytest.raises(InvalidToken):
        await authenticate(token)


async def test_deeply_nested_claims_are_refused(authenticate: Authenticator) -> None:
    part = base64.urlsafe_b64encode(b"[" * 3000).decode()
    with pytest.raises(InvalidToken):
        await authenticate(f"{part}.{part}.x")


@pytest.mark.parametrize(
    ("app_metadata", "roles"),
    [
        ({"roles": ["auditor", "admin"]}, {"auditor", "admin"}),
        ({"role": "admin"}, {"admin"}),
        ({"roles": ["auditor"], "role": "admin"}, {"auditor"}),
        ({"roles": ["owner", 7]}, {"student"}),
        ({"roles": "admin"}, {"student"}),
        ({}, {"student"}),
        ("admin", {"student"}),
        (None, {"student"}),
    ],
    ids=range(8),
)
async def test_roles_come_from_app_metadata(
    jwks_server: FakeJwksServer, authenticate: Authenticator, app_metadata: Any, roles: set[str]
) -> None:
    claim_set = claims(jwks_server, app_metadata=app_metadata, user_metadata={"roles": ["admin"]})
    assert (await authenticate(EC_KEY.sign(claim_set))).roles == roles


async def test_only_configured_kinds_of_token_are_accepted(jwks_server: FakeJwksServer) -> None:
    claim_set = claims(jwks_server)
    by_secret, by_key = jwt.encode(claim_set, SECRET, "HS256"), EC_KEY.sign(claim_set)
    async with open_authenticator(secret=SECRET, supabase_url=None) as authenticate:
        assert (await authenticate(by_secret)).id == ADA
        with pytest.raises(InvalidToken):
            await authenticate(by_key)
    async with open_authenticator(secret=None, supabase_url=jwks_server.url + "/") as authenticate:
        assert (await authenticate(by_key)).id == ADA
        with pytest.raises(InvalidToken):
            await authenticate(by_secret)
    async with open_authenticator(secret=None, supabase_url=None) as authenticate:
        for token in (by_secret, by_key):
            with pytest.raises(InvalidToken):
                await authenticate(token)


async def test_a_token_is_cached_when_it_has_been_verified() -> None:
    async with open_authenticator(secret=SECRET, supabase_url=None) as authenticate:
        token = token_of(ADA)
        assert authenticate.cached_principal(token) is None
        principal = await authenticate(token)
        assert principal.id == ADA
        assert authenticate.cached_principal(token) is principal


@pytest.mark.parametrize("algorithm", ["ES256", "HS256"])
async def test_a_configured_issuer_replaces_that_of_the_project(
    jwks_server: FakeJwksServer, algorithm: str
) -> None:
    def sign(issuer: str | None) -> str:
        claim_set = claims(jwks_server, iss=issuer)
        by_key = algorithm == "ES256"
        return EC_KEY.sign(claim_set) if by_key else jwt.encode(claim_set, SECRET, "HS256")

    configured = "https://auth.school.edu/auth/v1"
    derived = f"{jwks_server.url}/auth/v1"
    url = jwks_server.url if algorithm == "ES256" else None
    async with open_authenticator(
        secret=SECRET, supabase_url=url, issuer=configured
    ) as authenticate:
        assert (await authenticate(sign(configured))).id == ADA
        for issuer in (derived, f"{configured}/", None):
            with pytest.raises(InvalidToken):
                await authenticate(sign(issuer))


async def test_a_cached_token_still_expires() -> None:
    async with open_authenticator(secret=SECRET, supabase_url=None) as authenticate:
        token = token_of(exp=int(time.time()) + 2)
        principal = await authenticate(token)
        assert await authenticate(token) is principal
        with pytest.raises(InvalidToken, match="expired"):
            await _repeat(authenticate, token, until=principal.expires_at + 5)
        assert time.time() >= principal.expires_at


async def _repeat(authenticate: Authenticator, token: str, *, until: float) -> None:
    while time.time() < until:
        await authenticate(token)
