"""Counters in Redis. An outage is logged once, and requests do not wait for its end."""

import asyncio
from typing import Any

import structlog
from limits.aio.storage import RedisStorage
from redis.asyncio import Redis
from redis.exceptions import RedisError

from infrastructure.rate_limiting.counters import WINDOW_SECONDS

logger = structlog.get_logger(__name__)

REDIS_TIMEOUT_SECONDS = 0.25
"""Seconds Redis has to respond; after one timeout it counts as unavailable."""
REDIS_RETRY_SECONDS = 1.0
"""Seconds between two attempts to reach Redis again."""
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

    async def add(self, key: str) -> int:
        """Count a request and return the number in this window; 0 if Redis does not respond."""
        try:
            return await self._storage.incr(f"easeboard/{key}", WINDOW_SECONDS)
        except REDIS_ERRORS as error:
            if self._reconnect_task is None:
                logger.warning("rate_limits_counted_by_each_process", reason=type(error).__name__)
                self._reconnect_task = asyncio.create_task(self._reconnect())
            return 0

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
