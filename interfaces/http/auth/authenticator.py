"""Opens the authenticator: it verifies Supabase tokens with public keys or a shared secret."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from interfaces.http.auth.jwks import JwksCache
from interfaces.http.auth.jwks_download import issuer_of, jwks_url
from interfaces.http.auth.jwt_verifier import JwtVerifier
from interfaces.http.auth.principal import Authenticator


@asynccontextmanager
async def open_authenticator(
    *, secret: str | None, supabase_url: str | None, issuer: str | None = None
) -> AsyncIterator[Authenticator]:
    """Open an authenticator for HS256 tokens (`secret`) and ES256 and RS256 tokens (the JWKS).

    A kind of token that is not configured is refused; without both arguments every token is.
    `supabase_url` is the base URL of the Supabase project; `issuer` replaces the `iss` that is
    derived from it. Without both, tokens of any issuer are accepted.
    """
    secret_bytes = secret.encode() if secret else None
    issuer = issuer_of(supabase_url, issuer)
    if not supabase_url:
        yield JwtVerifier(secret=secret_bytes, keys=None, issuer=issuer)
        return
    async with aiohttp.ClientSession() as session:
        keys = JwksCache(jwks_url(supabase_url), session)
        try:
            yield JwtVerifier(secret=secret_bytes, keys=keys, issuer=issuer)
        finally:
            await keys.close()
