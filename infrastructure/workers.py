"""Tells living workers from dead: by their process on this machine, else by their heartbeat."""

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from itertools import count
from pathlib import Path
from typing import Any

import psutil
import psycopg
import structlog
from psycopg_pool import AsyncConnectionPool

BEAT = 2.0
"""Seconds between two heartbeats."""

log = structlog.get_logger()


class Workers:
    """Everybody who takes runs on.

    A process is named `host:pid:start time`, and each run it takes on is numbered, so that a run
    that ended in an exception counts as dead although its process lives.
    """

    def __init__(self, pool: AsyncConnectionPool[Any], *, host: str | None = None) -> None:
        self._pool = pool
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

    async def is_dead(self, name: str) -> bool:
        """Whether a worker is no more; one on another machine is after 10 s without a heartbeat."""
        process, _, _ = name.rpartition(":")
        if process == self.process:
            return name not in self._under_way
        seen = self._look(process)
        return await self._is_silent(process) if seen is None else not seen

    async def beat(self) -> None:
        """Say that this process lives, and forget those that do not."""
        async with self._pool.connection() as connection, connection.pipeline():
            await connection.execute(
                """
                INSERT INTO easeboard.workers (name, heartbeat_at)
                VALUES (%s, clock_timestamp())
                ON CONFLICT (name) DO UPDATE SET heartbeat_at = clock_timestamp()
                """,
                [self.process],
            )
            await connection.execute(
                """
                DELETE FROM easeboard.workers
                 WHERE heartbeat_at < clock_timestamp() - INTERVAL '10 s'
                """
            )

    async def keep_beating(self) -> None:
        """Beat until cancelled; the database may come and go."""
        while True:
            try:
                await self.beat()
            except psycopg.Error as error:
                log.warning("heartbeat_missed", reason=str(error))
            await asyncio.sleep(BEAT)

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

    async def _is_silent(self, process: str) -> bool:
        async with self._pool.connection() as connection:
            cursor = await connection.execute(
                """
                SELECT name
                  FROM easeboard.workers
                 WHERE name = %s
                   AND heartbeat_at >= clock_timestamp() - INTERVAL '10 s'
                 ORDER BY name
                """,
                [process],
            )
            return await cursor.fetchone() is None


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
