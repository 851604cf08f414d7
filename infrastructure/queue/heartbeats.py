"""Tells living workers from dead: by their process on this machine, else by their heartbeat."""

import asyncio
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import blake2b
from itertools import count
from pathlib import Path
from typing import Any

import psutil
import psycopg
import structlog
from psycopg_pool import AsyncConnectionPool

from application.ports import WorkerStatus

UPDATE_HEARTBEAT_INTERVAL_SECONDS = 2.0
"""Seconds between two heartbeats."""

UPSERT_HEARTBEAT = """
INSERT INTO easeboard.workers AS own (name, roles, heartbeat_at, since)
VALUES (%s, %s, clock_timestamp(), clock_timestamp())
    ON CONFLICT (name) DO UPDATE
   SET heartbeat_at = excluded.heartbeat_at,
       since = CASE WHEN own.heartbeat_at < clock_timestamp() - INTERVAL '5 s'
                    THEN excluded.since
                    ELSE own.since
                END
"""
"""Whoever was silent for half a lease cannot witness the silence of others, and begins anew."""

DELETE_OLD_HEARTBEATS = (
    "DELETE FROM easeboard.workers WHERE heartbeat_at < clock_timestamp() - INTERVAL '1 day'"
)

SELECT_LIVENESS = """
WITH live AS (
    SELECT name, roles, since
      FROM easeboard.workers
     WHERE heartbeat_at >= clock_timestamp() - INTERVAL '10 s'
       AND name <> %(process)s
)
SELECT EXISTS (
           SELECT FROM easeboard.workers
            WHERE name = %(process)s
              AND heartbeat_at >= clock_timestamp() - INTERVAL '10 s'
       ),
       EXISTS (
           SELECT FROM live
            WHERE since <= clock_timestamp() - INTERVAL '10 s'
       ),
       EXISTS (
           SELECT FROM live
            WHERE 'worker' = ANY (roles)
              AND since <= (SELECT heartbeat_at FROM easeboard.workers WHERE name = %(process)s)
       )
"""
"""Whether a process beats, whether another was heard all the while it may have been silent, and
whether a worker lives that lived when it was last heard."""

logger = structlog.get_logger()


class Heartbeats:
    """Every process that works here, whatever its roles.

    A process is named `host:pid:start time`, and each run it takes on is numbered, so that a run
    that ended in an exception counts as dead although its process lives.
    """

    def __init__(
        self,
        pool: AsyncConnectionPool[Any],
        roles: Sequence[str] = ("worker",),
        *,
        host: str | None = None,
    ) -> None:
        self._pool = pool
        self._roles = list(roles)
        self._host = host or machine_name()
        self._numbers = count(1)
        self._active_names: set[str] = set()
        self.process_name = f"{self._host}:{os.getpid()}:{_start_time(os.getpid())}"

    @contextmanager
    def register_attempt(self) -> Iterator[str]:
        """The worker's name for one run, alive until the run is over."""
        name = f"{self.process_name}:{next(self._numbers)}"
        self._active_names.add(name)
        try:
            yield name
        finally:
            self._active_names.discard(name)

    async def worker_status(self, name: str) -> WorkerStatus:
        """What became of a worker: silent for 10 s while another was heard, it is dead."""
        process, _, _ = name.rpartition(":")
        if process == self.process_name:
            return "alive" if name in self._active_names else "lost"
        is_beating, has_witness, has_peer = await self._query_liveness(process)
        is_dead = self._is_running_here(process) is False or (not is_beating and has_witness)
        if not is_dead:
            return "alive"
        return "lost" if has_peer else "gone"

    async def _query_liveness(self, process: str) -> tuple[bool, bool, bool]:
        async with self._pool.connection() as connection:
            cursor = await connection.execute(SELECT_LIVENESS, {"process": process})
            row: tuple[bool, bool, bool] | None = await cursor.fetchone()
        return row or (True, False, False)

    async def record_heartbeat(self) -> None:
        """Say that this process lives, and forget those that have not for a day."""
        async with self._pool.connection() as connection, connection.pipeline():
            await connection.execute(UPSERT_HEARTBEAT, [self.process_name, self._roles])
            await connection.execute(DELETE_OLD_HEARTBEATS)

    async def run_heartbeat(self) -> None:
        """Beat until cancelled; the database may come and go. In the end the process leaves."""
        try:
            while True:
                try:
                    await self.record_heartbeat()
                except psycopg.Error as error:
                    logger.warning("heartbeat_missed", reason=str(error))
                await asyncio.sleep(UPDATE_HEARTBEAT_INTERVAL_SECONDS)
        finally:
            with suppress(psycopg.Error, TimeoutError):
                await asyncio.wait_for(self.deregister(), UPDATE_HEARTBEAT_INTERVAL_SECONDS)

    async def deregister(self) -> None:
        """Say that this process takes nothing on any more."""
        async with self._pool.connection() as connection:
            await connection.execute(
                "DELETE FROM easeboard.workers WHERE name = %s", [self.process_name]
            )

    def _is_running_here(self, process: str) -> bool | None:
        """Whether a process of this machine runs; None where only its heartbeat can tell.

        A start time that differs is a reused pid or a clock that was set: the heartbeat decides.
        """
        host, _, remainder = process.partition(":")
        pid, _, started = remainder.partition(":")
        if host != self._host or not pid.isdecimal():
            return None
        actual_start = _start_time(int(pid))
        if actual_start is None:
            return False
        return True if started.isdecimal() and abs(actual_start - int(started)) <= 1 else None


def machine_name() -> str:
    """A name two machines, two boots of one, or two containers never share."""
    identity = "".join(
        _read_identity(path)
        for path in (Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid"))
    )
    return f"{socket.gethostname()}-{blake2b(identity.encode(), digest_size=3).hexdigest()}"


def _read_identity(path: Path) -> str:
    if path.is_symlink():
        return str(path.readlink())
    return path.read_text("utf-8") if path.exists() else ""


def _start_time(pid: int) -> int | None:
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else int(process.create_time())
    except psutil.NoSuchProcess:
        return None
