"""The public keys of a Supabase project (JWKS, RFC 7517), fetched when needed and cached."""

import asyncio
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, NamedTuple

import aiohttp
import jwt
import orjson
import structlog

from interfaces.http.auth.principal import IdentityProviderUnavailable, InvalidToken

logger = structlog.get_logger(__name__)

JWKS_CACHE_SECONDS = 600.0
"""Age up to which a key set is used without a new fetch: as long as Supabase's CDN caches it."""
MAX_STALE_JWKS_SECONDS = 3600.0
"""Age up to which a key set is used while no newer one can be fetched: the lifetime of a token."""
FETCH_COOLDOWN_SECONDS, FETCH_RETRY_SECONDS = 30.0, 5.0
"""Minimum seconds to the next fetch: after a successful fetch, after a failed one."""
MAX_JWKS_BYTES = 256 * 1024
MIN_RSA_KEY_BITS = 2048

ALGORITHM_BY_KEY_TYPE = {("EC", "P-256"): "ES256", ("RSA", None): "RS256"}
"""The only algorithm of each key type and curve. Keys of other types are ignored."""


class PublicKey(NamedTuple):
    """A public key and the only algorithm that it may verify."""

    algorithm: str
    key: Any


class JwksCache:
    """The keys of one JWKS URL.

    At most one fetch runs at a time, with a minimum delay between two. During an outage the last
    key set is used, up to MAX_STALE_JWKS_SECONDS. `now` returns seconds of a monotonic clock.
    """

    def __init__(
        self, url: str, session: aiohttp.ClientSession, *, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._url = url
        self._session = session
        self._now = now
        self._keys: dict[str, PublicKey] = {}
        self._fetched_at: float | None = None
        self._next_fetch_at = float("-inf")
        self._fetch_task: asyncio.Task[None] | None = None
        self.generation = 0
        """Incremented when the key set changes: cached tokens must then be verified again."""

    async def find_key(self, key_id: str, algorithm: str) -> PublicKey:
        """Return the key with this id, if it is for this algorithm.

        Raises: InvalidToken if there is none, IdentityProviderUnavailable if no recent key set
        can be fetched.
        """
        if key_id not in self._keys or not self._is_younger_than(JWKS_CACHE_SECONDS):
            await self._refresh()
        if not self._is_younger_than(MAX_STALE_JWKS_SECONDS):
            raise IdentityProviderUnavailable
        key = self._keys.get(key_id)
        if key is None or key.algorithm != algorithm:
            raise InvalidToken(
                "The token is signed with a key that the identity provider does not list;"
                " sign in again."
            )
        return key

    async def close(self) -> None:
        """Cancel a running fetch."""
        if self._fetch_task:
            self._fetch_task.cancel()
            await asyncio.wait([self._fetch_task])

    def _is_younger_than(self, seconds: float) -> bool:
        return self._fetched_at is not None and self._now() - self._fetched_at < seconds

    async def _refresh(self) -> None:
        if self._fetch_task is None or self._fetch_task.done():
            if self._now() < self._next_fetch_at:
                return
            self._fetch_task = asyncio.create_task(self._fetch_keys())
        await asyncio.shield(self._fetch_task)

    async def _fetch_keys(self) -> None:
        try:
            keys = parse_jwks(await self._download())
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            self._next_fetch_at = self._now() + FETCH_RETRY_SECONDS
            logger.warning("jwks_fetch_failed", reason=repr(error))
            return
        self.generation += keys != self._keys
        self._keys = keys
        self._fetched_at = self._now()
        self._next_fetch_at = self._fetched_at + FETCH_COOLDOWN_SECONDS

    async def _download(self) -> bytes:
        async with self._session.get(self._url, allow_redirects=False) as response:
            if response.status != HTTPStatus.OK:
                raise ValueError(f"status {response.status}")
            body = bytearray()
            async for chunk in response.content.iter_chunked(65536):
                body += chunk
                if len(body) > MAX_JWKS_BYTES:
                    raise ValueError(f"larger than {MAX_JWKS_BYTES} bytes")
            return bytes(body)


def parse_jwks(body: bytes) -> dict[str, PublicKey]:
    """Return the usable keys of a JSON Web Key Set by key id; unusable ones are ignored.

    Raises: ValueError if the body is not a JWKS.
    """
    document = orjson.loads(body)
    items = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(items, list):
        raise ValueError("not a JWKS")  # noqa: TRY004  # input from outside, not a wrong argument
    keys = ((item.get("kid"), _parse_key(item)) for item in items if _is_public_signing_key(item))
    return {key_id: key for key_id, key in keys if isinstance(key_id, str) and key}


def _is_public_signing_key(item: Any) -> bool:
    return isinstance(item, dict) and "d" not in item and item.get("use", "sig") == "sig"


def _parse_key(item: dict[str, Any]) -> PublicKey | None:
    curve = item.get("crv")
    algorithm = ALGORITHM_BY_KEY_TYPE.get(
        (str(item.get("kty")), curve if curve is None else str(curve))
    )
    if algorithm is None or item.get("alg", algorithm) != algorithm:
        return None
    try:
        key = jwt.PyJWK(item, algorithm=algorithm).key
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    too_short = algorithm == "RS256" and key.key_size < MIN_RSA_KEY_BITS
    return None if too_short else PublicKey(algorithm, key)
