import base64
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from interfaces.http.auth.authenticator import identities
from interfaces.http.auth.principal import Identify, NotIdentified
from tests.dev_tokens import ADA, SECRET, SigningKey, claims_of, token_of
from tests.interfaces.http.jwks_server import Project, hosting

EC = SigningKey("ec-1", "ES256")
RSA = SigningKey("rsa-1", "RS256")
FOREIGN = SigningKey("ec-1", "ES256")
PEM = EC.private.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)


@pytest.fixture
async def project() -> AsyncIterator[Project]:
    async with hosting(Project(EC, RSA)) as project:
        yield project


@pytest.fixture
async def identify(project: Project) -> AsyncIterator[Identify]:
    """Both ways configured."""
    async with identities(secret=SECRET, supabase_url=project.url) as identity:
        yield identity


def claims(project: Project, *roles: str, **other: Any) -> dict[str, Any]:
    return claims_of(ADA, *roles, **{"iss": f"{project.url}/auth/v1", **other})


async def test_good_tokens_of_every_kind(project: Project, identify: Identify) -> None:
    said = claims(project)
    for token in (EC.sign(said), RSA.sign(said), jwt.encode(said, SECRET, "HS256")):
        person = await identify(token)
        assert person.id == ADA
        assert person.roles == {"student"}
        assert person.expires_at == said["exp"]


async def test_several_audiences(project: Project, identify: Identify) -> None:
    token = EC.sign(claims(project, aud=["authenticated", "more"]))
    assert (await identify(token)).id == ADA


BAD_CLAIMS: dict[str, dict[str, Any]] = {
    "expired": {"exp": int(time.time()) - 1},
    "no-exp": {"exp": None},
    "endless-exp": {"exp": "never"},
    "no-iat": {"iat": None},
    "future-iat": {"iat": int(time.time()) + 3600},
    "future-nbf": {"nbf": int(time.time()) + 3600},
    "no-aud": {"aud": None},
    "wrong-aud": {"aud": "anon"},
    "no-iss": {"iss": None},
    "wrong-iss": {"iss": "https://evil.example/auth/v1"},
    "no-role": {"role": None},
    "anon": {"role": "anon"},
    "service-role": {"role": "service_role"},
    "anonymous": {"is_anonymous": True},
    "no-sub": {"sub": None},
    "sub-no-uuid": {"sub": "ada"},
    "sub-a-number": {"sub": 7},
}


@pytest.mark.parametrize("signing", ["ES256", "HS256"])
@pytest.mark.parametrize("case", BAD_CLAIMS)
async def test_a_token_with_bad_claims_is_refused(
    project: Project, identify: Identify, case: str, signing: str
) -> None:
    said = claims(project, **BAD_CLAIMS[case])
    if case == "sub-a-number":
        said["sub"] = 7
    token = EC.sign(said) if signing == "ES256" else jwt.encode(said, SECRET, "HS256")
    with pytest.raises(NotIdentified):
        await identify(token)


async def test_an_issuer_that_only_begins_alike_is_refused(
    project: Project, identify: Identify
) -> None:
    for issuer in (f"{project.url}/auth/v1/", f"{project.url}/auth", f"{project.url}/auth/v1.evil"):
        with pytest.raises(NotIdentified):
            await identify(EC.sign(claims(project, iss=issuer)))


Signing = Callable[[dict[str, Any]], str]

WRONG_KEYS: dict[str, Signing] = {
    "foreign-key": FOREIGN.sign,
    "no-kid": lambda said: EC.sign(said, kid=None),
    "unknown-kid": lambda said: EC.sign(said, kid="unknown"),
    "kid-of-the-rsa-key": lambda said: EC.sign(said, kid="rsa-1"),
    "kid-of-the-ec-key": lambda said: RSA.sign(said, kid="ec-1"),
    "other-secret": lambda said: jwt.encode(said, SECRET[::-1], "HS256"),
}


@pytest.mark.parametrize("case", WRONG_KEYS)
async def test_a_token_of_no_key_of_the_project_is_refused(
    project: Project, identify: Identify, case: str
) -> None:
    with pytest.raises(NotIdentified):
        await identify(WRONG_KEYS[case](claims(project)))


def forged(header: dict[str, Any], said: dict[str, Any], signature: bytes = b"") -> str:
    parts = [json.dumps(header).encode(), json.dumps(said).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def signed_with_the_public_key(said: dict[str, Any]) -> str:
    header = {"alg": "HS256", "kid": "ec-1"}
    signing_input = forged(header, said).rstrip(".").encode()
    return forged(header, said, hmac.digest(PEM, signing_input, "sha256"))


OWN_CHECKS: dict[str, Signing] = {
    "none": lambda said: forged({"alg": "none"}, said),
    "none-with-a-kid": lambda said: forged({"alg": "None", "kid": "ec-1"}, said),
    "hs256-with-the-pem": signed_with_the_public_key,
    "hs512-with-the-secret": lambda said: jwt.encode(said, SECRET, "HS512"),
    "its-own-jwk": lambda said: FOREIGN.sign(said, jwk=FOREIGN.public),
    "its-own-jwk-under-a-new-kid": lambda said: FOREIGN.sign(said, jwk=FOREIGN.public, kid="evil"),
    "crit": lambda said: EC.sign(said, crit=["exp"]),
}
"""Each would pass with a verifier that does as the token says."""


@pytest.mark.parametrize("case", OWN_CHECKS)
async def test_no_token_chooses_its_own_check(
    project: Project, identify: Identify, case: str
) -> None:
    with pytest.raises(NotIdentified):
        await identify(OWN_CHECKS[case](claims(project)))


@pytest.mark.parametrize("kid", ["ec-1", "evil"])
@pytest.mark.parametrize("header", ["jku", "x5u"])
async def test_no_token_says_where_its_keys_are(
    project: Project, identify: Identify, header: str, kid: str
) -> None:
    thief = SigningKey(kid, "ES256")
    async with hosting(Project(thief)) as elsewhere:
        address = f"{elsewhere.url}/auth/v1/.well-known/jwks.json"
        with pytest.raises(NotIdentified):
            await identify(thief.sign(claims(project), **{header: address}))
        assert elsewhere.asked == 0


async def test_the_projects_public_api_keys_are_nobodys_login() -> None:
    now = int(time.time())
    said = {"iss": "supabase", "ref": "project", "iat": now, "exp": now + 10 * 365 * 86400}
    async with identities(secret=SECRET, supabase_url=None) as identify:
        for role in ("anon", "service_role"):
            with pytest.raises(NotIdentified):
                await identify(jwt.encode({**said, "role": role}, SECRET, "HS256"))


async def test_an_algorithm_we_do_not_accept_costs_no_request(
    project: Project, identify: Identify
) -> None:
    for token in (jwt.encode(claims(project), SECRET, "HS512"), forged({"alg": "EdDSA"}, {})):
        with pytest.raises(NotIdentified):
            await identify(token)
    assert project.asked == 0


@pytest.mark.parametrize(
    "token",
    ["", "x", "a.b.c", "..", "e30.e30.", "é.é.é", "x" * 9000, forged({"alg": ["HS256"]}, {})],
    ids=["empty", "x", "abc", "dots", "no-alg", "accents", "long", "alg-a-list"],
)
async def test_garbage_is_refused(identify: Identify, token: str) -> None:
    with pytest.raises(NotIdentified):
        await identify(token)


async def test_deeply_nested_claims_are_refused(identify: Identify) -> None:
    part = base64.urlsafe_b64encode(b"[" * 3000).decode()
    with pytest.raises(NotIdentified):
        await identify(f"{part}.{part}.x")


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
async def test_roles(
    project: Project, identify: Identify, app_metadata: Any, roles: set[str]
) -> None:
    said = claims(project, app_metadata=app_metadata, user_metadata={"roles": ["admin"]})
    assert (await identify(EC.sign(said))).roles == roles


async def test_only_what_is_configured_is_accepted(project: Project) -> None:
    said = claims(project)
    by_secret, by_key = jwt.encode(said, SECRET, "HS256"), EC.sign(said)
    async with identities(secret=SECRET, supabase_url=None) as identify:
        assert (await identify(by_secret)).id == ADA
        with pytest.raises(NotIdentified):
            await identify(by_key)
    async with identities(secret=None, supabase_url=project.url + "/") as identify:
        assert (await identify(by_key)).id == ADA
        with pytest.raises(NotIdentified):
            await identify(by_secret)
    async with identities(secret=None, supabase_url=None) as identify:
        for token in (by_secret, by_key):
            with pytest.raises(NotIdentified):
                await identify(token)


async def test_a_remembered_token_expires_all_the_same() -> None:
    async with identities(secret=SECRET, supabase_url=None) as identify:
        token = token_of(exp=int(time.time()) + 2)
        person = await identify(token)
        assert await identify(token) is person
        with pytest.raises(NotIdentified, match="expired"):
            await _repeat(identify, token, until=person.expires_at + 5)
        assert time.time() >= person.expires_at


async def _repeat(identify: Identify, token: str, *, until: float) -> None:
    while time.time() < until:
        await identify(token)
