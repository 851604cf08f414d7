"""Counters in Redis. An outage is logged once, and requests do not wait for its end."""

import asyncio
from typing import Any

import structlog
from limits.aio.storage import RedisStorage
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeout

from infrastructure.rate_limiting.sliding_window import (
    WINDOW_SECONDS,
    SlidingWindow,
    WindowCount,
)

logger = structlog.get_logger(__name__)

REDIS_TIMEOUT_SECONDS = 0.25
"""Seconds Redis has to respond; after one timeout it counts as unavailable."""
REDIS_RETRY_SECONDS = 1.0
"""Seconds between two attempts to reach Redis again."""
REDIS_CHECK_TIMEOUT_SECONDS = 2.0
"""Seconds Redis has to respond to `doctor`."""
REDIS_ERRORS = (RedisError, OSError, TimeoutError)


class RedisCounters:
    """Counts the requests of all processes, while Redis responds."""

    def __init__(self, url: str) -> None:
        self._client = Redis.from_url(
            url, socket_timeout=REDIS_TIMEOUT_SECONDS, socket_connect_timeout=REDIS_TIMEOUT_SECONDS
        )
        pool: dict[str, Any] = {"connection_pool": self._client.connection_pool}
        self._storage = RedisStorage("async+redis://", implementation="redispy", **pool)
        self._reconnect_task: asyncio.Task[None] | None = None

    @property
    def is_available(self) -> bool:
        """Whether Redis responded to the last request."""
        return self._reconnect_task is None

    async def add(self, key: str, limit: int) -> WindowCount | None:
        """Count a request, unless `limit` are counted; return None if Redis does not respond."""
        try:
            return await self._add(f"easeboard/{key}", limit)
        except REDIS_ERRORS as error:
            if self._reconnect_task is None:
                logger.warning("rate_limits_counted_by_each_process", reason=type(error).__name__)
                self._reconnect_task = asyncio.create_task(self._reconnect())
            return None

    async def _add(self, key: str, limit: int) -> WindowCount:
        is_accepted = await self._storage.acquire_sliding_window_entry(key, limit, WINDOW_SECONDS)
        previous, _, current, expires_in = await self._storage.get_sliding_window(
            key, WINDOW_SECONDS
        )
        # A key expires one window after its end, because it then is the previous one.
        window = SlidingWindow(previous, current, max(0.0, expires_in - WINDOW_SECONDS))
        return window.acceptance() if is_accepted else window.refusal(limit)

    async def close(self) -> None:
        """Close the connections."""
        if self._reconnect_task:
            self._reconnect_task.cancel()
            await asyncio.wait([self._reconnect_task])
        await self._client.aclose()

    async def _reconnect(self) -> None:
        while True:
            await asyncio.sleep(REDIS_RETRY_SECONDS)
            try:
                await self._client.connection_pool.disconnect(inuse_connections=False)
                await self._storage.incr("easeboard/check", WINDOW_SECONDS)
            except REDIS_ERRORS:
                continue
            break
        self._reconnect_task = None
        logger.info("rate_limits_shared_again")


async def check_redis(url: str) -> str | None:
    """Return why the Redis at this URL cannot count requests; None if it can. Changes nothing.

    The text is ours: an error of a library may repeat the address, and with it the password.
    """
    timeout = REDIS_CHECK_TIMEOUT_SECONDS
    try:
        async with Redis.from_url(
            url, socket_timeout=timeout, socket_connect_timeout=timeout
        ) as client:
            replication = await client.info("replication")
    except (RedisError, OSError, ValueError) as error:
        return _describe(error)
    return None if replication.get("role") == "master" else "it is a replica, which cannot count"


def _describe(error: Exception) -> str:
    """Describe an error, or its cause, if the server has refused a step of the connection."""
    reasons = (error, error.__cause__)
    if any(isinstance(reason, AuthenticationError) for reason in reasons):
        return "it refuses the user name or the password"
    if any(isinstance(reason, ResponseError | ValueError) for reason in reasons):
        return "it refuses the command INFO, or has no database of this number"
    if isinstance(error, RedisTimeout | TimeoutError):
        return f"it does not respond within {REDIS_CHECK_TIMEOUT_SECONDS:g} s"
    return "it cannot be reached"
