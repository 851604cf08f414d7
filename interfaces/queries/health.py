"""Whether the parts a request needs are well."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import psycopg
from psycopg_pool import PoolTimeout, TooManyRequests

from infrastructure.canvas.circuit_breakers import load_state_counts
from infrastructure.projection_engine.status import projection_status
from infrastructure.queue.database_schema import missing_migrations
from interfaces.composition.process import Pools
from interfaces.queries.health_report import HealthReport

MAX_PROJECTION_LAG_SECONDS = 30.0
"""A read model further behind is not well."""


@dataclass(slots=True)
class HealthCheck:
    """Asks each part how it does; migrations once applied stay so, and are not asked for again."""

    pools: Pools
    database_url: str
    role_health: Callable[[], Awaitable[dict[str, str]]]
    _is_migrated: bool = False

    async def __call__(self) -> HealthReport:
        """Each component and `ok`, or the reason why not."""
        required = {"database": "ok"}
        try:
            required["migrations"] = await asyncio.to_thread(self._check_migrations)
            if required["migrations"] != "ok":
                return HealthReport(required, {})
            required["projections"] = await self._check_projections()
            return HealthReport(required, await self.role_health() | await self._check_canvas())
        except (psycopg.Error, PoolTimeout, TooManyRequests) as error:
            return HealthReport({"database": type(error).__name__}, {})

    async def _check_canvas(self) -> dict[str, str]:
        counts = await load_state_counts(self.pools.read_pool)
        unavailable = counts["open"] + counts["half_open"]
        detail = (
            f"hosts that do not answer: {unavailable}, being tried again: {counts['half_open']}"
        )
        return {"canvas": detail if unavailable else "ok"}

    def _check_migrations(self) -> str:
        missing = [] if self._is_migrated else missing_migrations(self.database_url)
        self._is_migrated = not missing
        return f"{', '.join(missing)} not applied: run easeboard migrate" if missing else "ok"

    async def _check_projections(self) -> str:
        rows = await projection_status(self.pools.read_pool)
        if not rows:
            return "no read model yet: a process with the role projector makes them"
        late_models = [
            f"{row['name']} is {row['state']}, {row['lag_seconds']:.0f} s behind"
            for row in rows
            if row["lag_seconds"] > MAX_PROJECTION_LAG_SECONDS
        ]
        return "; ".join(late_models) or "ok"
