"""Opens the authenticator: it verifies Supabase tokens with public keys or a shared secret."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from interfaces.http.auth.jwks import JwksCache
from interfaces.http.auth.jwt_verifier import JwtVerifier
from interfaces.http.auth.principal import Authenticator


@asynccontextmanager
async def open_authenticator(
    *, secret: str | None, supabase_url: str | None
) -> AsyncIterator[Authenticator]:
    """Open an authenticator for HS256 tokens (`secret`) and ES256 and RS256 tokens (the JWKS).

    A kind of token that is not configured is refused; without both arguments every token is.
    `supabase_url` is the base URL of the Supabase project.
    """
    secret_bytes = secret.encode() if secret else None
    if not supabase_url:
        yield JwtVerifier(secret=secret_bytes, keys=None, issuer=None)
        return
    issuer = supabase_url.rstrip("/") + "/auth/v1"
    timeout = aiohttp.ClientTimeout(total=5)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        keys = JwksCache(f"{issuer}/.well-known/jwks.json", session)
        yield JwtVerifier(secret=secret_bytes, keys=keys, issuer=issuer)
        await keys.close()
