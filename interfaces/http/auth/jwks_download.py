"""Downloads the key set of a Supabase project, with limits on time and size."""

import asyncio
from http import HTTPStatus

import aiohttp

from interfaces.http.auth.key_set import JwksUnusable, PublicKey, parse_jwks

DOWNLOAD_TIMEOUT_SECONDS = 2.0
MAX_JWKS_BYTES = 256 * 1024


def jwks_url(supabase_url: str) -> str:
    """Return the address of the key set of a project."""
    return f"{supabase_url.rstrip('/')}/auth/v1/.well-known/jwks.json"


def issuer_of(supabase_url: str | None, issuer: str | None) -> str | None:
    """Return the `iss` that tokens must have: the configured one, or that of the project."""
    if issuer or not supabase_url:
        return issuer
    return f"{supabase_url.rstrip('/')}/auth/v1"


async def download_keys(session: aiohttp.ClientSession, url: str) -> dict[str, PublicKey]:
    """Return the usable keys of a key set by key id.

    Raises: JwksUnusable with the reason if there are none, or if they cannot be downloaded.
    """
    try:
        async with asyncio.timeout(DOWNLOAD_TIMEOUT_SECONDS):
            return parse_jwks(await _download(session, url))
    except TimeoutError:
        raise JwksUnusable(f"does not answer within {DOWNLOAD_TIMEOUT_SECONDS:g} s") from None
    except aiohttp.ClientConnectorDNSError:
        raise JwksUnusable("has a host name that cannot be resolved") from None
    except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientSSLError):
        raise JwksUnusable("has a TLS certificate that is not accepted") from None
    except (aiohttp.ClientConnectionError, OSError):
        raise JwksUnusable("cannot be reached, or closes the connection") from None
    except (aiohttp.ClientError, ValueError):
        raise JwksUnusable("does not answer as an HTTP server does") from None


async def _download(session: aiohttp.ClientSession, url: str) -> bytes:
    async with session.get(url, allow_redirects=False) as response:
        if response.status in range(300, 400):
            raise JwksUnusable(f"answers with a redirect (status {response.status})")
        if response.status != HTTPStatus.OK:
            raise JwksUnusable(f"answers with status {response.status}")
        body = bytearray()
        async for chunk in response.content.iter_chunked(65536):
            body += chunk
            if len(body) > MAX_JWKS_BYTES:
                raise JwksUnusable(f"answers with more than {MAX_JWKS_BYTES} bytes")
        return bytes(body)
