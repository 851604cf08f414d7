"""Whether this database may sync: a restored copy contacts no Canvas until an operator allows it.

Two installations with the same tokens would both sync, and a copy may be meant for tests only.
"""

import asyncio
from collections.abc import Callable, Coroutine
from time import monotonic
from typing import Any, Literal, LiteralString

import structlog
from psycopg_pool import AsyncConnectionPool

from infrastructure.postgres.errors import DATABASE_ERRORS

SyncingState = Literal["on", "off", "copy"]
"""`copy` is off as well: the database is not the one in which syncing was turned on."""

CHECK_INTERVAL_SECONDS = 3.0
"""Seconds between two checks of a process that runs."""

SHARED_STATE_SECONDS = 0.5
"""Seconds for which the parts of a process that run while syncing is on use the same answer."""

SELECT_STATE: LiteralString = """
SELECT CASE
           WHEN database IS NULL THEN 'off'
           WHEN database = easeboard.database_identity() THEN 'on'
           ELSE 'copy'
       END
  FROM easeboard.syncing
"""
RECORD_FIRST_START: LiteralString = """
INSERT INTO easeboard.syncing (database)
VALUES (easeboard.database_identity())
    ON CONFLICT DO NOTHING
"""
TURN: LiteralString = """
INSERT INTO easeboard.syncing AS existing (database)
VALUES (CASE WHEN %s THEN easeboard.database_identity() END)
    ON CONFLICT (only_row) DO UPDATE
   SET database   = excluded.database,
       changed_at = excluded.changed_at
"""

DESCRIPTIONS: dict[SyncingState, str] = {
    "on": "ok",
    "off": "off: turned off with easeboard syncing off; easeboard syncing on turns it on",
    "copy": (
        "off: this database is a copy, restored or moved from another one. "
        "If the original no longer syncs, run easeboard syncing on"
    ),
}
"""What health checks show for each state."""

logger = structlog.get_logger()


class SyncingIsOff(Exception):
    """A command would contact Canvas, but this database may not sync."""


class SyncingSwitch:
    """The switch, as it is stored in the database; every process checks it every 3 s."""

    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        self._pool = pool
        self._newest: tuple[float, SyncingState] = 0.0, "on"

    async def state(self) -> SyncingState:
        """Return the state; a database that no process has served yet may sync.

        Raises: errors of psycopg and its pool.
        """
        async with self._pool.connection() as connection:
            row = await (await connection.execute(SELECT_STATE)).fetchone()
        return row[0] if row else "on"

    async def record_first_start(self) -> None:
        """Record which database it is, unless that is recorded already."""
        async with self._pool.connection() as connection:
            # A database that is read-only now refuses even an INSERT without effect.
            recorded = await (await connection.execute(SELECT_STATE)).fetchone()
            if recorded is None:
                await connection.execute(RECORD_FIRST_START)

    async def turn(self, *, on: bool) -> None:
        """Allow runs in this database from now on, or in none."""
        async with self._pool.connection() as connection:
            await connection.execute(TURN, [on])

    async def require_on(self) -> None:
        """Raise SyncingIsOff unless this database may sync."""
        if await self.state() != "on":
            raise SyncingIsOff

    async def run_while_on(self, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run a part of the process while syncing is on, until cancelled or until the part ends.

        It is cancelled when syncing is turned off, and started again when it is turned on. While
        the database cannot be reached, nothing changes.
        """
        running: asyncio.Task[None] | None = None
        previous: SyncingState | None = None
        try:
            while running is None or not running.done():
                state = await self._state_or(previous)
                if state != (previous or "on"):
                    _log_state(state)
                previous = state
                if state == "on":
                    running = running or asyncio.create_task(run())
                elif running:
                    await _cancel(running)
                    running = None
                await _wait(running)
            running.result()
        finally:
            if running and not running.done():
                await _cancel(running)

    async def _state_or(self, previous: SyncingState | None) -> SyncingState | None:
        read_at, state = self._newest
        if monotonic() < read_at + SHARED_STATE_SECONDS:
            return state
        try:
            state = await self.state()
        except DATABASE_ERRORS as error:
            logger.debug("syncing_state_unknown", reason=type(error).__name__)
            return previous
        self._newest = monotonic(), state
        return state


def _log_state(state: SyncingState | None) -> None:
    if state == "on":
        logger.info("syncing_on")
    elif state:
        logger.warning("syncing_off", reason=DESCRIPTIONS[state])


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})


async def _wait(running: asyncio.Task[None] | None) -> None:
    """Wait until the next check; shorter if the task ends."""
    if running:
        await asyncio.wait({running}, timeout=CHECK_INTERVAL_SECONDS)
    else:
        await asyncio.sleep(CHECK_INTERVAL_SECONDS)
