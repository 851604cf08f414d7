"""Checks for `easeboard doctor` whether tokens of the identity provider can be verified."""

import aiohttp

from infrastructure.settings.settings import Settings
from interfaces.http.auth.jwks_download import download_keys, jwks_url
from interfaces.http.auth.key_set import JwksUnusable


async def probe_identity_provider(settings: Settings) -> list[str]:
    """Return what is wrong with the public keys of `SUPABASE_URL`; empty if nothing is.

    Downloads the keys once, within 2 seconds, and changes nothing. Without SUPABASE_URL there is
    nothing to check. Each sentence names the setting to correct.
    """
    if not settings.supabase_url:
        return []
    url = jwks_url(settings.supabase_url)
    try:
        async with aiohttp.ClientSession() as session:
            await download_keys(session, url)
    except JwksUnusable as error:
        if error.is_symmetric and settings.supabase_jwt_secret:
            return []
        return [_describe(url, error)]
    return []


def _describe(url: str, error: JwksUnusable) -> str:
    if error.is_symmetric:
        advice = (
            "create a signing key in the Supabase project (Settings > JWT keys), or set"
            " SUPABASE_JWT_SECRET to its JWT secret"
        )
    else:
        advice = (
            "check SUPABASE_URL, which must be the address of the Supabase project, such as"
            " https://abcdefgh.supabase.co, and whether this machine may connect to it"
        )
    return f"SUPABASE_URL: no user can sign in, because {url} {error}; {advice}."
