"""Processes that do nothing except apply events to small read models."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from typing import Any

import psycopg

from infrastructure.event_store.log_reader import LogReader
from infrastructure.event_store.mapper import Mapper
from infrastructure.postgres import pools
from infrastructure.projection_engine.daemon import ProjectionDaemon
from infrastructure.projection_engine.rebuild import rebuild_read_model
from tests.infrastructure.projection_engine.counting_read_model import CountingReadModel

MODELS = [CountingReadModel(name) for name in ("first", "second", "third", "fourth", "fifth")]
FORKS = get_context("forkserver")
FORKS.set_forkserver_preload([__name__])


class Projectors:
    """Processes by name, which the test starts, kills, stops and suspends."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._count = 0
        self.processes: dict[str, ForkServerProcess] = {}

    def start(self) -> str:
        """Start a process and return its name."""
        self._count += 1
        return self._start(f"projector-{self._count}", _run)

    def start_rebuild(self) -> str:
        """Start a process that rebuilds the first read model, and hangs after the first batch."""
        return self._start("builder", _rebuild)

    def _start(self, name: str, target: Callable[[str, str], None]) -> str:
        self.processes[name] = FORKS.Process(target=target, args=(self._url, name), daemon=True)
        self.processes[name].start()
        return name

    def end(self, name: str, signal_number: signal.Signals) -> None:
        """Send a signal that ends a process, and wait until it has ended."""
        process = self.processes.pop(name)
        self._send(process, signal_number)
        process.join()

    def suspend(self, name: str) -> None:
        """Freeze a process as it is."""
        self._send(self.processes[name], signal.SIGSTOP)

    def wake(self, name: str) -> None:
        """Let a suspended process go on."""
        self._send(self.processes[name], signal.SIGCONT)

    @staticmethod
    def _send(process: ForkServerProcess, signal_number: signal.Signals) -> None:
        assert process.pid
        os.kill(process.pid, signal_number)


@contextmanager
def running_projectors(url: str) -> Iterator[Projectors]:
    """Yield no process; kill all that are left at the end."""
    projectors = Projectors(url)
    try:
        yield projectors
    finally:
        for name in list(projectors.processes):
            projectors.end(name, signal.SIGKILL)


def _run(url: str, name: str) -> None:
    """Apply events until SIGTERM."""
    stopped: list[Any] = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
    with (
        pools.open_write_pool(url, size=2) as pool,
        ProjectionDaemon(url, LogReader(pool, Mapper(None)), MODELS, process_name=name),
    ):
        while not stopped:
            time.sleep(0.05)


def _rebuild(url: str, _: str) -> None:
    with pools.open_write_pool(url, size=2) as pool:
        reader = LogReader(pool, Mapper(None))
        rebuild_read_model(url, reader, MODELS[0], lambda _: time.sleep(600))


def live_projectors(connection: psycopg.Connection[Any]) -> set[str]:
    """Return the names of processes that share the read models now."""
    rows = connection.execute(
        "SELECT name FROM easeboard.projectors WHERE until >= clock_timestamp()"
    ).fetchall()
    return {name for (name,) in rows}
