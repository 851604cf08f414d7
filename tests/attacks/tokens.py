"""Attacks the verification of bearer tokens."""

import asyncio
from random import Random
from uuid import uuid4

import jwt

from tests.attacks.attack import Attack, Attacker
from tests.attacks.token_issuer import KEY_ID, TokenIssuer, new_key
from tests.dev_tokens import SECRET, claims_of

WORKERS, PAUSE_SECONDS = 10, 0.04
PATH = "/api/v1/canvas/courses"
JWKS_CONTROL = "/control/jwks"


class BadTokens(Attack):
    """A stranger sends up to 250 garbage and forged tokens a second from everybody's address."""

    finding = "04"

    async def run(self, attacker: Attacker) -> None:
        """Send tokens with a well-formed claim set and a foreign signature, and garbage."""
        rng, foreign = Random(4), attacker.issuer._replace(private_pem=new_key()[0])

        async def send(_: int) -> None:
            token = bad_token(rng, attacker.issuer, foreign)
            await attacker.send("GET", PATH, headers=self.headers(token, rng))
            await asyncio.sleep(PAUSE_SECONDS)

        await attacker.in_parallel(WORKERS, send)

    def headers(self, token: str, rng: Random) -> dict[str, str]:
        """Return the headers of one request."""
        del rng
        return {"Authorization": f"Bearer {token}"}


class ForwardedTokens(BadTokens):
    """The same from an address that is no proxy, with another X-Forwarded-For each time."""

    address = "127.0.0.66"

    def headers(self, token: str, rng: Random) -> dict[str, str]:
        """Return the headers of one request, with a forged address."""
        forwarded = ".".join(str(rng.randrange(1, 255)) for _ in range(4))
        return super().headers(token, rng) | {"X-Forwarded-For": forwarded}


class HangingJwks(Attack):
    """The identity provider hangs while a stranger sends tokens that name unknown keys."""

    finding = "12"

    async def run(self, attacker: Attacker) -> None:
        """Let the key set hang, and send tokens that would need a newer one."""
        await _control_jwks(attacker, "hang")

        async def send(_: int) -> None:
            token = attacker.issuer.token_of(uuid4(), key_id=str(uuid4()))
            await attacker.send("GET", PATH, headers={"Authorization": f"Bearer {token}"})
            await asyncio.sleep(PAUSE_SECONDS)

        await attacker.in_parallel(WORKERS, send)

    async def restore(self, attacker: Attacker) -> None:
        """Let the key set be served again."""
        await _control_jwks(attacker, "serve")


def bad_token(rng: Random, issuer: TokenIssuer, foreign: TokenIssuer) -> str:
    """Return a token that must be refused: forged, expired, of another algorithm, or garbage."""
    match rng.randrange(5):
        case 0:
            return foreign.token_of(uuid4())
        case 1:
            return issuer.token_of(uuid4(), key_id=str(uuid4()))
        case 2:
            return issuer.token_of(uuid4(), ttl=-60)
        case 3:
            return jwt.encode(claims_of(uuid4()), SECRET, "HS256", headers={"kid": KEY_ID})
    return rng.randbytes(400).hex()


async def _control_jwks(attacker: Attacker, state: str) -> None:
    async with attacker.session.post(f"{attacker.issuer.url}{JWKS_CONTROL}/{state}") as response:
        response.raise_for_status()
