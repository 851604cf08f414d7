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

from application.ports import Fate

BEAT = 2.0
"""Seconds between two heartbeats."""

BEATS = """
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

FORGET = "DELETE FROM easeboard.workers WHERE heartbeat_at < clock_timestamp() - INTERVAL '1 day'"

JUDGE = """
WITH living AS (
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
           SELECT FROM living
            WHERE since <= clock_timestamp() - INTERVAL '10 s'
       ),
       EXISTS (
           SELECT FROM living
            WHERE 'worker' = ANY (roles)
              AND since <= (SELECT heartbeat_at FROM easeboard.workers WHERE name = %(process)s)
       )
"""
"""Whether a process beats, whether another was heard all the while it may have been silent, and
whether a worker lives that lived when it was last heard."""

log = structlog.get_logger()


class Workers:
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
        self._host = host or this_machine()
        self._numbers = count(1)
        self._under_way: set[str] = set()
        self.process = f"{self._host}:{os.getpid()}:{_started(os.getpid())}"

    @contextmanager
    def taking_on(self) -> Iterator[str]:
        """The worker's name for one run, alive until the run is over."""
        name = f"{self.process}:{next(self._numbers)}"
        self._under_way.add(name)
        try:
            yield name
        finally:
            self._under_way.discard(name)

    async def fate(self, name: str) -> Fate:
        """What became of a worker: silent for 10 s while another was heard, it is dead."""
        process, _, _ = name.rpartition(":")
        if process == self.process:
            return "alive" if name in self._under_way else "lost"
        beats, heard, peer = await self._judge(process)
        gone = self._look(process) is False or (not beats and heard)
        if not gone:
            return "alive"
        return "lost" if peer else "gone"

    async def _judge(self, process: str) -> tuple[bool, bool, bool]:
        async with self._pool.connection() as connection:
            found = await connection.execute(JUDGE, {"process": process})
            row: tuple[bool, bool, bool] | None = await found.fetchone()
        return row or (True, False, False)

    async def beat(self) -> None:
        """Say that this process lives, and forget those that have not for a day."""
        async with self._pool.connection() as connection, connection.pipeline():
            await connection.execute(BEATS, [self.process, self._roles])
            await connection.execute(FORGET)

    async def keep_beating(self) -> None:
        """Beat until cancelled; the database may come and go. In the end the process leaves."""
        try:
            while True:
                try:
                    await self.beat()
                except psycopg.Error as error:
                    log.warning("heartbeat_missed", reason=str(error))
                await asyncio.sleep(BEAT)
        finally:
            with suppress(psycopg.Error, TimeoutError):
                await asyncio.wait_for(self.leave(), BEAT)

    async def leave(self) -> None:
        """Say that this process takes nothing on any more."""
        async with self._pool.connection() as connection:
            await connection.execute(
                "DELETE FROM easeboard.workers WHERE name = %s", [self.process]
            )

    def _look(self, process: str) -> bool | None:
        """Whether a process of this machine runs; None where only its heartbeat can tell.

        A start time that differs is a reused pid or a clock that was set: the heartbeat decides.
        """
        host, _, rest = process.partition(":")
        pid, _, started = rest.partition(":")
        if host != self._host or not pid.isdecimal():
            return None
        now = _started(int(pid))
        if now is None:
            return False
        return True if started.isdecimal() and abs(now - int(started)) <= 1 else None


def this_machine() -> str:
    """A name two machines, two boots of one, or two containers never share."""
    marks = "".join(
        _read(mark) for mark in (Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid"))
    )
    return f"{socket.gethostname()}-{blake2b(marks.encode(), digest_size=3).hexdigest()}"


def _read(mark: Path) -> str:
    if mark.is_symlink():
        return str(mark.readlink())
    return mark.read_text("utf-8") if mark.exists() else ""


def _started(pid: int) -> int | None:
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else int(process.create_time())
    except psutil.NoSuchProcess:
        return None
