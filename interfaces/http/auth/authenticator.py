"""How we know who somebody is: Supabase's tokens, by its public keys or by a shared secret."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from interfaces.http.auth.jwks import PublicKeys
from interfaces.http.auth.jwt_verifier import Tokens
from interfaces.http.auth.principal import Identify


@asynccontextmanager
async def identities(*, secret: str | None, supabase_url: str | None) -> AsyncIterator[Identify]:
    """Check HS256 tokens with `secret` and ES256 or RS256 ones with the project's JWKS.

    What is not configured is refused; with neither, every token is.
    """
    hmac = secret.encode() if secret else None
    if not supabase_url:
        yield Tokens(secret=hmac, keys=None, issuer=None)
        return
    issuer = supabase_url.rstrip("/") + "/auth/v1"
    timeout = aiohttp.ClientTimeout(total=5)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        keys = PublicKeys(f"{issuer}/.well-known/jwks.json", session)
        yield Tokens(secret=hmac, keys=keys, issuer=issuer)
        await keys.close()
