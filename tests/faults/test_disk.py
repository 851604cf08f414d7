"""A disk that is full: nothing acknowledged is lost, and all is well once there is room again."""

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from tests.faults.cluster import House, folder
from tests.faults.cluster import house as building
from tests.faults.load import load
from tests.faults.quiescence import everything_holds

MEGABYTES = 160
"""The size of the disk: an empty database takes half of it."""


@contextmanager
def small_disk() -> Iterator[Path]:
    """A folder on a disk of its own, in memory."""
    with folder() as home:
        _run("mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m,mode=0755", "tmpfs", str(home))
        try:
            yield home
        finally:
            _run("umount", "--lazy", str(home))


def _run(*command: str) -> None:
    subprocess.run(command, check=True)  # noqa: S603  # the system's own, with our arguments


@pytest.fixture
def house() -> Iterator[House]:
    roles = ("api,projector", "worker", "worker", "scheduler")
    with small_disk() as home, building(roles, home=home) as built:
        yield built


def fill(home: Path) -> Path:
    """Leave no block free; returns the file that takes them."""
    ballast = home / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1 << 16))
        except OSError:
            return ballast


async def test_under_load_a_full_disk_loses_nothing(house: House, seed: int) -> None:
    chance = Random(seed)
    async with load(house, chance) as journal:
        await asyncio.sleep(1)
        ballast = await asyncio.to_thread(fill, house.home)
        await asyncio.sleep(3)
        ballast.unlink()
        await asyncio.sleep(1)
    await everything_holds(house, journal)
