"""Processes that seal and publish, and are killed: at a moment, or at a step of their files."""

import asyncio
import os
import signal
import sys
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from psycopg_pool import AsyncConnectionPool

from infrastructure.crypto.master_key import KeyRing, MasterKey
from infrastructure.event_store.log_reader import LogReader
from infrastructure.event_store.mapper import Mapper
from infrastructure.postgres.lease import Lease
from infrastructure.postgres.pools import open_write_pool
from infrastructure.seals.recent_entries import RecentEntries
from infrastructure.seals.seal_publisher import SealPublisher
from infrastructure.seals.seal_tasks import SealTasks
from infrastructure.seals.sealer import Sealer, SealingKeys
from tests.infrastructure.event_store.event_rows import InMemoryPersonKeys
from tests.infrastructure.seals.log_rows import take_lease

FILE_STEPS = {"os.rename", "os.remove", "os.rmdir", "os.mkdir"}
PROCESSES = get_context("forkserver")
PROCESSES.set_forkserver_preload([__name__])
RING = KeyRing([MasterKey("k1", bytes(range(32)))])
LEASE_SECONDS = 0.5
END = 2**63 - 1


def publish_until(step: int, url: str, directory: Path) -> int | None:
    """Seal and publish in a process that is killed at a step; return its exit code."""
    process = PROCESSES.Process(target=_publish_and_die, args=(step, url, directory))
    process.start()
    process.join()
    return process.exitcode


def start_sealing(url: str, directory: Path, holder: str, batch_events: int) -> Any:
    """Start a process that seals until it is killed."""
    process = PROCESSES.Process(
        target=_seal, args=(url, directory, holder, batch_events), daemon=True
    )
    process.start()
    return process


def _publish_and_die(step: int, url: str, directory: Path) -> None:
    steps = 0

    def count(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal steps
        is_write = event == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_CREAT
        if (event in FILE_STEPS or is_write) and str(directory) in str(arguments[0]):
            steps += 1
            if steps == step:
                os.kill(os.getpid(), signal.SIGKILL)

    with open_write_pool(url, size=1) as pool:
        sealer = Sealer(pool, SealingKeys(RING, "localhost"))
        sealer.seal_batch(take_lease(url), END)
        sys.addaudithook(count)
        SealPublisher(pool, directory, RecentEntries()).publish()


def _seal(url: str, directory: Path, holder: str, batch_events: int) -> None:
    asyncio.run(_run_sealing(url, directory, holder, batch_events))


async def _run_sealing(url: str, directory: Path, holder: str, batch_events: int) -> None:

    with open_write_pool(url, size=3) as pool:
        async with AsyncConnectionPool(
            url, min_size=1, open=False, kwargs={"autocommit": True}
        ) as lease_pool:
            recent = RecentEntries()
            await SealTasks(
                Sealer(pool, SealingKeys(RING, "localhost"), batch_events=batch_events),
                Lease("seal", holder, lease_pool, seconds=LEASE_SECONDS),
                LogReader(pool, Mapper(InMemoryPersonKeys())),
                recent,
                SealPublisher(pool, directory, recent),
            ).run()
