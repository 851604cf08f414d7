"""Checks whether the process can serve requests, and the health of the other components."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple

from application.clock import utc_now
from infrastructure.all_migrations import schema_state
from infrastructure.canvas.circuit_breakers import count_states, load_circuit_breakers
from infrastructure.postgres.errors import (
    BUSY_ERRORS,
    DATABASE_ERRORS,
    STATE_ERRORS,
    DatabaseBusy,
    DatabaseUnreachable,
    NoConnection,
)
from infrastructure.postgres.migration_files import MigrationRefused
from infrastructure.postgres.pools import Pools
from infrastructure.postgres.write_access import find_revoked_right, find_write_obstacle
from infrastructure.projection_engine.status import projection_status

MIGRATIONS_VALID_SECONDS = 30.0
"""Age of the last check of the migrations; a newer release may apply one that breaks this one."""
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
    """Checks every component; migrations again after MIGRATIONS_VALID_SECONDS."""

    pools: Pools
    database_url: str
    role_health: Callable[[], Awaitable[dict[str, str]]]
    _migrated_until: float = 0.0

    async def __call__(self) -> HealthReport:
        """Return each component with `ok` or the reason why it is not; raise no database error."""
        required = {"database": "ok"}
        try:
            required["migrations"] = await asyncio.to_thread(self._check_migrations)
            if required["migrations"] != "ok":
                return HealthReport(required, {})
            required["projections"], paused = await self._check_projections()
            required["database"] = await self._check_write_access()
            informational = await self.role_health() | await self._check_canvas() | paused
            return HealthReport(required, informational)
        except DATABASE_ERRORS as error:
            return HealthReport({"database": _describe_database_error(error)}, {})

    async def _check_canvas(self) -> dict[str, str]:
        """Count the hosts that failed, from the first failure on; anyone may read the result."""
        breakers = await load_circuit_breakers(self.pools.read_pool)
        failing = sum(breaker.failures > 0 for breaker in breakers.values())
        counts = count_states(breakers, utc_now())
        unavailable = counts["open"] + counts["half_open"]
        detail = f"hosts that failed last: {failing}, of them without requests now: {unavailable}"
        return {"canvas": detail if failing else "ok"}

    async def _check_write_access(self) -> str:
        """Look at a session that writes; its settings can differ from those of one that reads."""
        obstacle = await asyncio.to_thread(find_write_obstacle, self.pools.write_pool)
        return obstacle or await find_revoked_right(self.pools.read_pool) or "ok"

    def _check_migrations(self) -> str:
        if time.monotonic() < self._migrated_until:
            return "ok"
        try:
            missing = schema_state(self.database_url).required
        except MigrationRefused as refusal:
            return str(refusal)
        if not missing:
            self._migrated_until = time.monotonic() + MIGRATIONS_VALID_SECONDS
        return f"missing: {', '.join(missing)}; run easeboard migrate" if missing else "ok"

    async def _check_projections(self) -> tuple[str, dict[str, str]]:
        """Return the status of the read models, and those that an administrator has paused.

        They answer with the state that they have, so the process stays ready.
        """
        rows = await projection_status(self.pools.read_pool)
        if not rows:
            return "no read models yet; run easeboard serve --roles projector", {}
        paused = ", ".join(row["name"] for row in rows if row["state"] == "paused")
        late_models = [
            f"{row['name']} is {row['state']}, {row['lag_seconds']:.0f} s behind"
            for row in rows
            if row["lag_seconds"] > MAX_PROJECTION_LAG_SECONDS and row["state"] != "paused"
        ]
        status = "; ".join(late_models) or "ok"
        return status, {"projections_paused": paused} if paused else {}


def _describe_database_error(error: Exception) -> str:
    """Describe an error without its message, as anyone may request the health report."""
    if isinstance(error, DatabaseUnreachable | NoConnection):
        return "no connection could be opened; run easeboard doctor, which shows the reason"
    if isinstance(error, (DatabaseBusy, *BUSY_ERRORS)):
        return "no connection became free or could be opened in time; run easeboard doctor"
    if isinstance(error, STATE_ERRORS):
        return "it refuses statements of this program; the log message database_unavailable has why"
    return "cannot be used now; check DATABASE_URL and the PostgreSQL server"
