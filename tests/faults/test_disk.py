"""A full disk: nothing acknowledged is lost, and the service works again after space is freed."""

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from tests.faults.cluster import Cluster, running_cluster, temporary_directory
from tests.faults.load import running_load
from tests.faults.quiescence import assert_invariants

DISK_MEGABYTES = 160
"""The size of the disk. An empty database uses half of it."""


@contextmanager
def small_disk() -> Iterator[Path]:
    """A directory on a disk of its own, in memory."""
    with temporary_directory() as directory:
        _run(
            "mount",
            "-t",
            "tmpfs",
            "-o",
            f"size={DISK_MEGABYTES}m,mode=0755",
            "tmpfs",
            str(directory),
        )
        try:
            yield directory
        finally:
            _run("umount", "--lazy", str(directory))


def _run(*command: str) -> None:
    subprocess.run(command, check=True)  # noqa: S603  # mount and umount, with our arguments


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    roles = ("api,projector", "worker", "worker", "scheduler")
    with small_disk() as home, running_cluster(roles, home=home) as running:
        yield running


def fill_disk(directory: Path) -> Path:
    """Write a file until no block is free, and return its path."""
    ballast = directory / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1 << 16))
        except OSError:
            return ballast


async def test_a_full_disk_under_load_loses_nothing(cluster: Cluster, seed: int) -> None:
    rng = Random(seed)
    async with running_load(cluster, rng) as client_log:
        await asyncio.sleep(1)
        ballast = await asyncio.to_thread(fill_disk, cluster.home)
        await asyncio.sleep(3)
        ballast.unlink()
        await asyncio.sleep(1)
    await assert_invariants(cluster, client_log)
