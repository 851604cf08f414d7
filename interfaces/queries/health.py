"""Whether the parts a request needs are well."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import psycopg
from psycopg_pool import PoolTimeout, TooManyRequests

from infrastructure.canvas.circuit_breakers import counts_now
from infrastructure.projection_engine.status import status
from infrastructure.queue.database_schema import missing_of
from interfaces.composition.process import Pools
from interfaces.queries.health_report import Wellness

LAG_SECONDS = 30.0
"""A read model further behind is not well."""


@dataclass(slots=True)
class Health:
    """Asks each part how it does; migrations once applied stay so, and are not asked for again."""

    pools: Pools
    database_url: str
    cast: Callable[[], Awaitable[dict[str, str]]]
    _is_migrated: bool = False

    async def __call__(self) -> Wellness:
        """Each component and `ok`, or the reason why not."""
        needed = {"database": "ok"}
        try:
            needed["migrations"] = await asyncio.to_thread(self._migrations)
            if needed["migrations"] != "ok":
                return Wellness(needed, {})
            needed["projections"] = await self._projections()
            return Wellness(needed, await self.cast() | await self._canvas())
        except (psycopg.Error, PoolTimeout, TooManyRequests) as error:
            return Wellness({"database": type(error).__name__}, {})

    async def _canvas(self) -> dict[str, str]:
        silent = await counts_now(self.pools.reads)
        hosts = silent["open"] + silent["half_open"]
        words = f"hosts that do not answer: {hosts}, being tried again: {silent['half_open']}"
        return {"canvas": words if hosts else "ok"}

    def _migrations(self) -> str:
        missing = [] if self._is_migrated else missing_of(self.database_url)
        self._is_migrated = not missing
        return f"{', '.join(missing)} not applied: run easeboard migrate" if missing else "ok"

    async def _projections(self) -> str:
        rows = await status(self.pools.reads)
        if not rows:
            return "no read model yet: a process with the role projector makes them"
        late = [
            f"{row['name']} is {row['state']}, {row['lag_seconds']:.0f} s behind"
            for row in rows
            if row["lag_seconds"] > LAG_SECONDS
        ]
        return "; ".join(late) or "ok"
