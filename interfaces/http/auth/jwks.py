"""The public keys of a Supabase project (JWKS, RFC 7517), fetched when needed and cached."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from math import ceil

import aiohttp
import structlog

from infrastructure.rate_limiting.token_bucket import TokenBucket
from interfaces.http.auth.jwks_download import DOWNLOAD_TIMEOUT_SECONDS, download_keys
from interfaces.http.auth.key_set import JwksUnusable, PublicKey
from interfaces.http.auth.principal import IdentityProviderUnavailable, InvalidToken

logger = structlog.get_logger(__name__)

JWKS_CACHE_SECONDS = 600.0
"""Age up to which a key set is used without a new fetch: as long as Supabase's CDN caches it."""
MAX_STALE_JWKS_SECONDS = 3600.0
"""Age up to which a key set is used while no newer one can be fetched: the lifetime of a token."""
FETCH_RETRY_SECONDS = 5.0
"""Minimum seconds from a failed fetch to the next one."""
UNKNOWN_KEY_FETCHES, UNKNOWN_KEY_FETCH_SECONDS = 5, 10.0
"""Fetches at once for unknown key ids, and the seconds until there is one more."""
UNLISTED_SECONDS, MAX_UNLISTED_KEYS = 10.0, 1024
"""Seconds for which an unknown key id that a fetch did not find is not looked up again."""


class JwksCache:
    """The keys of one JWKS URL.

    At most one fetch runs at a time. Known keys never wait for it: an old key set is used while a
    newer one is fetched, up to MAX_STALE_JWKS_SECONDS, and the last good one during an outage. Only
    an unknown key id waits. `now` returns seconds of a monotonic clock.
    """

    def __init__(
        self, url: str, session: aiohttp.ClientSession, *, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._url = url
        self._session = session
        self._now = now
        self._keys: dict[str, PublicKey] = {}
        self._fetched_at: float | None = None
        self._retry_at = float("-inf")
        self._unknown_key_fetches = TokenBucket(
            UNKNOWN_KEY_FETCHES, UNKNOWN_KEY_FETCH_SECONDS, now=now
        )
        self._unlisted_until: OrderedDict[str, float] = OrderedDict()
        self._fetch_task: asyncio.Task[bool] | None = None
        self._failure: str | None = None
        self.generation = 0
        """Incremented when the key set changes: cached tokens must then be verified again."""

    async def find_key(self, key_id: str, algorithm: str) -> PublicKey:
        """Return the key with this id, if it is for this algorithm.

        Raises: InvalidToken if there is none, IdentityProviderUnavailable if that cannot be
        determined at present.
        """
        if key_id not in self._keys or not self._is_younger_than(MAX_STALE_JWKS_SECONDS):
            await self._look_up(key_id)
        elif not self._is_younger_than(JWKS_CACHE_SECONDS) and self._now() >= self._retry_at:
            self._running_fetch()
        key = self._keys.get(key_id)
        if key is None or key.algorithm != algorithm:
            raise InvalidToken(
                "The token is signed with a key that the identity provider does not list;"
                " sign in again."
            )
        return key

    @property
    def status(self) -> str:
        """`ok`, or why the last fetch failed; anyone may read it, so it has no address."""
        return f"{self._failure}; run easeboard doctor" if self._failure else "ok"

    async def close(self) -> None:
        """Cancel a running fetch."""
        if self._fetch_task:
            self._fetch_task.cancel()
            await asyncio.wait([self._fetch_task])

    def _is_younger_than(self, seconds: float) -> bool:
        return self._fetched_at is not None and self._now() - self._fetched_at < seconds

    async def _look_up(self, key_id: str) -> None:
        """Wait until a fetch has ended that can find this key.

        Raises: IdentityProviderUnavailable if no fetch is permitted now, or if it failed.
        """
        if self._unlisted_until.get(key_id, float("-inf")) > self._now():
            return
        if not self._is_fetching():
            self._require_permitted_fetch()
        fetch = self._running_fetch()
        await asyncio.wait([fetch], timeout=DOWNLOAD_TIMEOUT_SECONDS)
        has_succeeded = fetch.done() and not fetch.cancelled() and fetch.result()
        if not has_succeeded:
            raise IdentityProviderUnavailable(ceil(FETCH_RETRY_SECONDS))
        if key_id not in self._keys:
            self._unlisted_until[key_id] = self._now() + UNLISTED_SECONDS
            if len(self._unlisted_until) > MAX_UNLISTED_KEYS:
                self._unlisted_until.popitem(last=False)

    def _require_permitted_fetch(self) -> None:
        """Take the permit for one fetch, so that unknown key ids cannot cause any number of them.

        Raises: IdentityProviderUnavailable if there is none; the key may exist.
        """
        if self._now() < self._retry_at:
            raise IdentityProviderUnavailable(ceil(self._retry_at - self._now()))
        is_usable = self._is_younger_than(MAX_STALE_JWKS_SECONDS)
        if is_usable and not self._unknown_key_fetches.take():
            raise IdentityProviderUnavailable(ceil(self._unknown_key_fetches.seconds_until_next))

    def _is_fetching(self) -> bool:
        return self._fetch_task is not None and not self._fetch_task.done()

    def _running_fetch(self) -> asyncio.Task[bool]:
        """Return the fetch that runs; start one if none does."""
        if self._fetch_task is None or self._fetch_task.done():
            self._fetch_task = asyncio.create_task(self._fetch())
        return self._fetch_task

    async def _fetch(self) -> bool:
        """Fetch the key set; return whether that succeeded. A failure leaves the keys as they are.

        Also an empty key set is a failure: a project always has the key of its valid tokens.
        """
        try:
            keys = await download_keys(self._session, self._url)
        except JwksUnusable as error:
            self._retry_at = self._now() + FETCH_RETRY_SECONDS
            self._failure = "the keys of SUPABASE_URL cannot be fetched"
            logger.warning("jwks_fetch_failed", reason=f"SUPABASE_URL: the key set {error}")
            return False
        self.generation += keys != self._keys
        self._keys = keys
        self._fetched_at = self._now()
        self._failure = None
        return True
