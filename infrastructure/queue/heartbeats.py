"""Decides whether a worker is alive: by process id on this machine, otherwise by heartbeat."""

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
import structlog
from psycopg_pool import AsyncConnectionPool

from application.ports import WorkerStatus
from infrastructure.crypto.key_check import WrongMasterKey, use_active_key
from infrastructure.crypto.master_key import KeyRing
from infrastructure.postgres.errors import DATABASE_ERRORS
from infrastructure.postgres.session_replacement import note_write

UPDATE_HEARTBEAT_INTERVAL_SECONDS = 2.0
"""Seconds between two heartbeats."""

UPSERT_HEARTBEAT = """
WITH old AS (
    DELETE FROM easeboard.workers
     WHERE heartbeat_at < clock_timestamp() - INTERVAL '1 day'
       AND name <> %(process)s
)
INSERT INTO easeboard.workers AS own (
    name, roles, heartbeat_at, since, master_keys, writes_with
)
VALUES (
    %(process)s, %(roles)s, clock_timestamp(), clock_timestamp(), %(keys)s, %(writes_with)s
)
    ON CONFLICT (name) DO UPDATE
   SET heartbeat_at = excluded.heartbeat_at,
       master_keys = excluded.master_keys,
       writes_with = excluded.writes_with,
       since = CASE WHEN own.heartbeat_at < clock_timestamp() - INTERVAL '5 s'
                    THEN excluded.since
                    ELSE own.since
                END
RETURNING (SELECT id FROM easeboard.master_keys ORDER BY active_since DESC, id LIMIT 1)
"""
"""Returns the id of the active master key, and deletes heartbeats that are a day old.

A process that wrote no heartbeat for 5 s resets `since`, the start of its period as observer.

Both processes may have lost the database in this time, so it does not show which one is dead.
"""

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
"""Whether the heartbeat of a process is recent; whether another live process has written heartbeats
without a pause for 10 s; whether a worker that is alive now was alive at the last heartbeat of the
process."""

logger = structlog.get_logger()


class Heartbeats:
    """The heartbeats of all processes, whatever their roles.

    A process is named `host:pid:start time`. Each attempt appends a number, so that the worker of
    an attempt that ended with an exception counts as dead although its process is alive.
    """

    def __init__(
        self,
        pool: AsyncConnectionPool[Any],
        roles: Sequence[str] = ("worker",),
        *,
        host: str | None = None,
        ring: KeyRing | None = None,
    ) -> None:
        self._pool = pool
        self._roles = list(roles)
        self._ring = ring
        self._host = host or machine_name()
        self._numbers = count(1)
        self._active_names: set[str] = set()
        self.process_name = f"{self._host}:{os.getpid()}:{_start_time(os.getpid())}"

    @contextmanager
    def register_attempt(self) -> Iterator[str]:
        """Yield the name of the worker of one attempt; it is alive until the context ends."""
        name = f"{self.process_name}:{next(self._numbers)}"
        self._active_names.add(name)
        try:
            yield name
        finally:
            self._active_names.discard(name)

    async def worker_status(self, name: str) -> WorkerStatus:
        """Return whether a worker is alive; application.ports.WorkerStatus explains the values.

        A process of another machine is dead if it has had no heartbeat for 10 s while another
        process wrote heartbeats.
        """
        process, _, _ = name.rpartition(":")
        if process == self.process_name:
            return "alive" if name in self._active_names else "lost"
        is_dead, has_peer = await self._find_death(process)
        if not is_dead:
            return "alive"
        return "lost" if has_peer else "gone"

    async def is_process_alive(self, process: str) -> bool:
        """Return whether the process of a name is alive; `worker_status` explains how it is known.

        Raises: errors of psycopg and its pool.
        """
        if process == self.process_name:
            return True
        is_dead, _ = await self._find_death(process)
        return not is_dead

    async def _find_death(self, process: str) -> tuple[bool, bool]:
        """Return whether a process is dead, and whether a worker was alive when it died."""
        has_heartbeat, has_observer, has_peer = await self._query_liveness(process)
        is_dead = self._is_running_here(process) is False or (not has_heartbeat and has_observer)
        return is_dead, has_peer

    async def _query_liveness(self, process: str) -> tuple[bool, bool, bool]:
        async with self._pool.connection() as connection:
            cursor = await connection.execute(SELECT_LIVENESS, {"process": process})
            row: tuple[bool, bool, bool] | None = await cursor.fetchone()
        return row or (True, False, False)

    async def record_heartbeat(self) -> None:
        """Record that this process is alive, and delete heartbeats older than one day.

        The process encrypts with the master key that is the active one now, and records so.

        Raises: WrongMasterKey if that key is not configured; errors of psycopg and its pool.
        """
        active_id = await self._upsert()
        if self._ring is None or active_id in {None, self._ring.active.id}:
            return
        try:
            use_active_key(self._ring, active_id)
        except WrongMasterKey:
            await self.deregister()
            raise
        await self._upsert()

    async def _upsert(self) -> str | None:
        """Write the heartbeat; return the id of the active master key, None if there is none."""
        ring = self._ring
        values = {
            "process": self.process_name,
            "roles": self._roles,
            "keys": ring.digests if ring else None,
            "writes_with": ring.active.id if ring else None,
        }
        async with self._pool.connection() as connection:
            cursor = await connection.execute(UPSERT_HEARTBEAT, values)
            row: tuple[str | None] | None = await cursor.fetchone()
            note_write(connection)
        return row[0] if row else None

    async def run_heartbeat(self) -> None:
        """Record a heartbeat every 2 s until cancelled, then deregister.

        Errors of the database are logged.

        Raises: WrongMasterKey if a master key that is not configured has become the active one.
        """
        try:
            while True:
                try:
                    await self.record_heartbeat()
                except DATABASE_ERRORS as error:
                    logger.warning("heartbeat_missed", reason=str(error))
                await asyncio.sleep(UPDATE_HEARTBEAT_INTERVAL_SECONDS)
        finally:
            with suppress(*DATABASE_ERRORS, TimeoutError):
                await asyncio.wait_for(self.deregister(), UPDATE_HEARTBEAT_INTERVAL_SECONDS)

    async def deregister(self) -> None:
        """Delete the heartbeat of this process, because it stops."""
        async with self._pool.connection() as connection:
            await connection.execute(
                "DELETE FROM easeboard.workers WHERE name = %s", [self.process_name]
            )

    def _is_running_here(self, process: str) -> bool | None:
        return _is_running(process, self._host)


def has_ended_here(process: str) -> bool:
    """Return whether the process of a name ran on this machine, and has ended."""
    return _is_running(process, machine_name()) is False


def _is_running(process: str, host: str) -> bool | None:
    """Return whether a process of a machine runs; None if only its heartbeat can decide.

    That is so for other machines, and for another start time: the pid was reused, or the clock was
    set.
    """
    process_host, _, remainder = process.partition(":")
    pid, _, started = remainder.partition(":")
    if process_host != host or not pid.isdecimal():
        return None
    actual_start = _start_time(int(pid))
    if actual_start is None:
        return False
    return True if started.isdecimal() and abs(actual_start - int(started)) <= 1 else None


def machine_name() -> str:
    """Return a name that differs between machines, boots of one machine, and containers."""
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
