"""Counters in Redis, which may go and come back: that is said once, and nobody waits for it."""

import asyncio
from typing import Any

import structlog
from limits.aio.storage import RedisStorage
from redis.asyncio import Redis
from redis.exceptions import RedisError

from infrastructure.rate_limiting.counters import MINUTE

LOG = structlog.get_logger(__name__)

PATIENCE = 0.25
"""Seconds Redis may take, once: after that it is away."""
AGAIN = 1.0
"""Seconds between two looks whether it is back."""
AWAY = (RedisError, OSError, TimeoutError)


class RedisCounts:
    """Counts what every process counts, as long as Redis answers."""

    def __init__(self, url: str) -> None:
        self._client = Redis.from_url(url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE)
        pool: dict[str, Any] = {"connection_pool": self._client.connection_pool}
        self._storage = RedisStorage("async+redis://", implementation="redispy", **pool)
        self._looking: asyncio.Task[None] | None = None

    @property
    def is_reached(self) -> bool:
        """Whether Redis answered the last time."""
        return self._looking is None

    async def add(self, key: str) -> int:
        """Count one more; 0 when Redis does not answer."""
        try:
            return await self._storage.incr(f"easeboard/{key}", MINUTE)
        except AWAY as error:
            if self._looking is None:
                LOG.warning("rate_limits_counted_by_each_process", reason=type(error).__name__)
                self._looking = asyncio.create_task(self._look_out())
            return 0

    async def close(self) -> None:
        """Hang up."""
        if self._looking:
            self._looking.cancel()
            await asyncio.wait([self._looking])
        await self._client.aclose()

    async def _look_out(self) -> None:
        while True:
            await asyncio.sleep(AGAIN)
            try:
                await self._client.connection_pool.disconnect(inuse_connections=False)
                await self._storage.incr("easeboard/look", MINUTE)
            except AWAY:
                continue
            break
        self._looking = None
        LOG.info("rate_limits_shared_again")
