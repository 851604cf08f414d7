import asyncio
from collections.abc import AsyncIterator

import aiohttp
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from interfaces.http.auth.jwks import COOL_DOWN, FRESH, LAST_RESORT, RETRY, PublicKeys, parse
from interfaces.http.auth.jwt_verifier import Tokens
from interfaces.http.auth.principal import IdentityUnavailable, NotIdentified
from tests.dev_tokens import ADA, SigningKey, claims_of
from tests.interfaces.http.jwks_server import Project, hosting

ONE = SigningKey("one", "ES256")
TWO = SigningKey("two", "ES256")


class Clock:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def project() -> AsyncIterator[Project]:
    async with hosting(Project(ONE)) as project:
        yield project


@pytest.fixture
async def keys(project: Project, clock: Clock) -> AsyncIterator[PublicKeys]:
    async with aiohttp.ClientSession() as session:
        url = f"{project.url}/auth/v1/.well-known/jwks.json"
        keys = PublicKeys(url, session, now=clock)
        yield keys
        await keys.close()


async def test_many_at_once_ask_once(project: Project, keys: PublicKeys) -> None:
    project.gate.clear()
    waiting = [asyncio.create_task(keys.find("one", "ES256")) for _ in range(20)]
    await asyncio.wait_for(project.was_asked.wait(), 5)
    waiting[0].cancel()  # one of them giving up is nothing to the others
    project.gate.set()
    found = await asyncio.gather(*waiting[1:])
    assert len(set(map(id, found))) == 1
    assert project.asked == 1


async def test_a_set_is_used_unasked_while_it_is_fresh(
    project: Project, keys: PublicKeys, clock: Clock
) -> None:
    await keys.find("one", "ES256")
    clock.seconds += FRESH - 1
    await keys.find("one", "ES256")
    assert project.asked == 1
    clock.seconds += 2
    await keys.find("one", "ES256")
    assert project.asked == 2


async def test_an_unknown_key_is_asked_for_but_not_by_everybody(
    project: Project, keys: PublicKeys, clock: Clock
) -> None:
    await keys.find("one", "ES256")
    project.keys.append(TWO.public)
    for _ in range(5):
        with pytest.raises(NotIdentified):
            await keys.find("two", "ES256")
    assert project.asked == 1
    clock.seconds += COOL_DOWN
    assert (await keys.find("two", "ES256")).algorithm == "ES256"
    assert project.asked == 2


@pytest.mark.parametrize(
    "answer",
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
async def test_the_last_good_keys_outlive_an_outage_but_not_for_ever(
    project: Project, keys: PublicKeys, clock: Clock, answer: dict[str, object]
) -> None:
    await keys.find("one", "ES256")
    project.fail(**answer)
    clock.seconds += FRESH + 1
    await keys.find("one", "ES256")
    await keys.find("one", "ES256")
    assert project.asked == 2
    clock.seconds += LAST_RESORT - FRESH
    with pytest.raises(IdentityUnavailable):
        await keys.find("one", "ES256")


async def test_no_keys_at_all_is_no_verdict_on_the_token(
    project: Project, keys: PublicKeys, clock: Clock
) -> None:
    project.fail(status=503)
    for _ in range(3):
        with pytest.raises(IdentityUnavailable):
            await keys.find("one", "ES256")
    assert project.asked == 1
    project.answer = None
    clock.seconds += RETRY
    assert (await keys.find("one", "ES256")).algorithm == "ES256"


async def test_a_revoked_key_ends_what_it_let_in(
    project: Project, keys: PublicKeys, clock: Clock
) -> None:
    tokens = Tokens(secret=None, keys=keys, issuer="here")
    token = ONE.sign(claims_of(ADA, iss="here"))
    assert (await tokens(token)).id == ADA
    project.keys = [TWO.public]
    clock.seconds += COOL_DOWN
    await keys.find("two", "ES256")
    with pytest.raises(NotIdentified):
        await tokens(token)


def test_only_usable_keys_are_taken() -> None:
    good = ONE.public
    key = rsa.generate_private_key(65537, 1024)  # noqa: S505  # what must be refused
    short = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    listed = [
        good,
        {**good, "kid": "no-sig", "use": "enc"},
        {**good, "kid": "private", "d": "AAAA"},
        {**good, "kid": "wrong-alg", "alg": "HS256"},
        {**good, "kid": "wrong-curve", "crv": "P-384"},
        {**good, "kid": "broken", "x": "!"},
        {**good, "kid": 7},
        {"kty": "oct", "kid": "secret", "k": "AAAA"},
        {**short, "kid": "short"},
        "nonsense",
    ]
    document = b'{"keys": %s}' % orjson.dumps(listed)
    assert list(parse(document)) == ["one"]
