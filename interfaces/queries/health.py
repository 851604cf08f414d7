"""Checks whether the process can serve requests, and the health of the other components."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple

from infrastructure.all_migrations import missing_migrations
from infrastructure.canvas.circuit_breakers import load_state_counts
from infrastructure.postgres.errors import BUSY_ERRORS, DATABASE_ERRORS, DatabaseBusy
from infrastructure.postgres.pools import ReadPool
from infrastructure.projection_engine.status import projection_status

MAX_PROJECTION_LAG_SECONDS = 30.0
"""A read model with a greater lag behind the event log is not ok."""


class HealthReport(NamedTuple):
    """The components of the program by name, each `ok` or the reason why it is not.

    While a `required` one is not ok, the process must get no requests. The `informational` ones
    are for operators.
    """

    required: dict[str, str]
    informational: dict[str, str]


@dataclass(slots=True)
class HealthCheck:
    """Checks every component; migrations are checked until none is missing."""

    read_pool: ReadPool
    database_url: str
    role_health: Callable[[], Awaitable[dict[str, str]]]
    _is_migrated: bool = False

    async def __call__(self) -> HealthReport:
        """Return each component with `ok` or the reason why it is not; raise no database error."""
        required = {"database": "ok"}
        try:
            required["migrations"] = await asyncio.to_thread(self._check_migrations)
            if required["migrations"] != "ok":
                return HealthReport(required, {})
            required["projections"] = await self._check_projections()
            return HealthReport(required, await self.role_health() | await self._check_canvas())
        except DATABASE_ERRORS as error:
            return HealthReport({"database": _describe_database_error(error)}, {})

    async def _check_canvas(self) -> dict[str, str]:
        counts = await load_state_counts(self.read_pool)
        unavailable = counts["open"] + counts["half_open"]
        detail = f"hosts that do not respond: {unavailable}, of them probed: {counts['half_open']}"
        return {"canvas": detail if unavailable else "ok"}

    def _check_migrations(self) -> str:
        missing = [] if self._is_migrated else missing_migrations(self.database_url)
        self._is_migrated = not missing
        return f"missing: {', '.join(missing)}; run easeboard migrate" if missing else "ok"

    async def _check_projections(self) -> str:
        rows = await projection_status(self.read_pool)
        if not rows:
            return "no read models yet; run easeboard serve --roles projector"
        late_models = [
            f"{row['name']} is {row['state']}, {row['lag_seconds']:.0f} s behind"
            for row in rows
            if row["lag_seconds"] > MAX_PROJECTION_LAG_SECONDS
        ]
        return "; ".join(late_models) or "ok"


def _describe_database_error(error: Exception) -> str:
    """Describe an error without its message, as anyone may request the health report."""
    if isinstance(error, (DatabaseBusy, *BUSY_ERRORS)):
        return "no connection became free in time; easeboard doctor checks max_connections"
    return "cannot be used now; check DATABASE_URL and the PostgreSQL server"
